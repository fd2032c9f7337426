// The error of each elementary function against the C library's in double precision, over floats
// of all sizes. The bounds are those of docs/numerics.md. The vector forms are compared with these
// by the bit in ops/ (the tests of Unary).
#include "math/elementary.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "math/pow.h"

namespace sz::math {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Distance of `got` from the exact value in units of the last place of a float near it.
double ulps(float got, double exact) {
  int exponent = 0;
  (void)std::frexp(exact, &exponent);
  const double unit = std::ldexp(1.0, std::max(exponent - 24, -149));
  return std::abs(static_cast<double>(got) - exact) / unit;
}

// SMARTZONE_MATH_STEP=1 tests every float (minutes); the default takes every 997th.
std::uint32_t step() {
  const char* text = std::getenv("SMARTZONE_MATH_STEP");
  return text != nullptr ? static_cast<std::uint32_t>(std::atoi(text)) : 997;
}

// Calls visit(x) for every step()-th float of either sign with low <= |x| <= high.
template <class Visit>
void for_floats(float low, float high, Visit visit) {
  for (std::uint64_t bits = std::bit_cast<std::uint32_t>(low);
       bits <= std::bit_cast<std::uint32_t>(high); bits += step()) {
    const auto x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    visit(x);
    visit(-x);
  }
}

template <class Function, class Exact>
double largest_error(float low, float high, Function function, Exact exact) {
  double largest = 0;
  for_floats(low, high, [&](float x) {
    const double error = ulps(function(x), exact(static_cast<double>(x)));
    if (!(error <= largest)) largest = error;
  });
  return largest;
}

TEST(Elementary, LogIsWithinOneUlp) {
  double largest = 0;
  for_floats(0x1p-149f, std::numeric_limits<float>::max(), [&](float x) {
    if (x > 0) largest = std::max(largest, ulps(log<Scalar>(x), std::log(static_cast<double>(x))));
  });
  RecordProperty("largest", std::to_string(largest));
  EXPECT_LE(largest, 1.0);
  EXPECT_EQ(log<Scalar>(1.0f), 0.0f);
  EXPECT_EQ(log<Scalar>(0.0f), -kInf);
  EXPECT_EQ(log<Scalar>(-0.0f), -kInf);
  EXPECT_EQ(log<Scalar>(kInf), kInf);
  EXPECT_TRUE(std::isnan(log<Scalar>(-1.0f)));
  EXPECT_TRUE(std::isnan(log<Scalar>(-kInf)));
  EXPECT_TRUE(std::isnan(log<Scalar>(std::nanf(""))));
}

TEST(Elementary, Expm1IsWithinTwoUlps) {
  const double largest =
      largest_error(0, 88.0f, expm1<Scalar>, [](double x) { return std::expm1(x); });
  RecordProperty("largest", std::to_string(largest));
  EXPECT_LE(largest, 2.0);
  EXPECT_EQ(expm1<Scalar>(-kInf), -1.0f);
  EXPECT_TRUE(std::isnan(expm1<Scalar>(std::nanf(""))));
}

TEST(Elementary, TanhIsWithinThreeUlps) {
  const double largest =
      largest_error(0, kInf, tanh<Scalar>, [](double x) { return std::tanh(x); });
  RecordProperty("largest", std::to_string(largest));
  EXPECT_LE(largest, 3.0);
  EXPECT_TRUE(std::signbit(tanh<Scalar>(-0.0f)));
  EXPECT_TRUE(std::isnan(tanh<Scalar>(std::nanf(""))));
}

TEST(Elementary, SigmoidIsWithinThreeUlps) {
  const double largest = largest_error(0, 103.9f, sigmoid<Scalar>,
                                       [](double x) { return 1.0 / (1.0 + std::exp(-x)); });
  RecordProperty("largest", std::to_string(largest));
  EXPECT_LE(largest, 3.0);
  EXPECT_EQ(sigmoid<Scalar>(kInf), 1.0f);
  EXPECT_EQ(sigmoid<Scalar>(-kInf), 0.0f);
  EXPECT_TRUE(std::isnan(sigmoid<Scalar>(std::nanf(""))));
}

TEST(Elementary, SoftplusIsWithinThreeUlps) {
  const double largest = largest_error(0, 103.9f, softplus<Scalar>, [](double x) {
    return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
  });
  RecordProperty("largest", std::to_string(largest));
  EXPECT_LE(largest, 3.0);
  EXPECT_EQ(softplus<Scalar>(kInf), kInf);
  EXPECT_EQ(softplus<Scalar>(-kInf), 0.0f);
  EXPECT_TRUE(std::isnan(softplus<Scalar>(std::nanf(""))));
}

TEST(Elementary, ErfIsWithinTwoUlps) {
  const double largest = largest_error(0, kInf, erf<Scalar>, [](double x) { return std::erf(x); });
  RecordProperty("largest", std::to_string(largest));
  EXPECT_LE(largest, 2.0);
  EXPECT_TRUE(std::signbit(erf<Scalar>(-0.0f)));
  EXPECT_TRUE(std::isnan(erf<Scalar>(std::nanf(""))));
}

TEST(Elementary, SinAndCosAreWithinTwoUlpsForAnglesOfEverySize) {
  const float max = std::numeric_limits<float>::max();
  const double sine = largest_error(0, max, sin<Scalar>, [](double x) { return std::sin(x); });
  const double cosine = largest_error(0, max, cos<Scalar>, [](double x) { return std::cos(x); });
  RecordProperty("largest_sin", std::to_string(sine));
  RecordProperty("largest_cos", std::to_string(cosine));
  EXPECT_LE(sine, 2.0);
  EXPECT_LE(cosine, 2.0);
  // Multiples of pi/2 as near as floats come to them: nothing may be left of the result.
  for (int k = 1; k < 200000; ++k) {
    const auto x = static_cast<float>(k * 1.5707963267948966);
    ASSERT_LE(ulps(sin<Scalar>(x), std::sin(static_cast<double>(x))), 2.0) << k;
    ASSERT_LE(ulps(cos<Scalar>(x), std::cos(static_cast<double>(x))), 2.0) << k;
  }
  EXPECT_TRUE(std::signbit(sin<Scalar>(-0.0f)));
  for (const float x : {kInf, -kInf, std::nanf("")}) {
    EXPECT_TRUE(std::isnan(sin<Scalar>(x)));
    EXPECT_TRUE(std::isnan(cos<Scalar>(x)));
  }
}

TEST(Elementary, RoundingsAreExact) {
  const auto check = [](float x) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(floor<Scalar>(x)),
              std::bit_cast<std::uint32_t>(std::floor(x)));
    ASSERT_EQ(std::bit_cast<std::uint32_t>(ceil<Scalar>(x)),
              std::bit_cast<std::uint32_t>(std::ceil(x)));
    ASSERT_EQ(std::bit_cast<std::uint32_t>(round_even<Scalar>(x)),
              std::bit_cast<std::uint32_t>(std::nearbyint(x)));
  };
  for_floats(0, kInf, check);
  for (int i = -100; i < 100; ++i) check(static_cast<float>(i) / 2);
}

TEST(Elementary, SqrtIsThatOfTheStandard) {
  for_floats(0, kInf, [](float x) {
    const float got = sqrt(x);
    if (x < 0) {
      ASSERT_TRUE(std::isnan(got));
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(got), std::bit_cast<std::uint32_t>(std::sqrt(x)));
    }
  });
}

TEST(Pow, IsTheNearestFloatAlmostAlways) {
  double largest = 0;
  std::uint64_t state = 1;
  const auto next = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(state >> 32);
  };
  for (int i = 0; i < 2000000; ++i) {
    const auto x = std::bit_cast<float>(next() & 0x7fffffffu);
    if (!(x < kInf)) continue;
    // Exponents that keep the result within floats, most of the time.
    const double most = 150.0 / std::max(0.001, std::abs(std::log2(static_cast<double>(x))));
    const auto y = static_cast<float>((static_cast<double>(next()) / 2147483648.0 - 1.0) * most);
    const double exact = std::pow(static_cast<double>(x), static_cast<double>(y));
    const float got = pow(x, y);
    if (!std::isfinite(static_cast<float>(exact))) {
      ASSERT_EQ(got, kInf) << x << ' ' << y;
    } else {
      largest = std::max(largest, ulps(got, exact));
    }
  }
  RecordProperty("largest", std::to_string(largest));
  EXPECT_LE(largest, 0.501);
}

TEST(Pow, HasTheSpecialCasesOfC) {
  const float values[] = {0.0f, -0.0f, 1.0f,          -1.0f,    2.0f,      -2.0f,
                          0.5f, -0.5f, 3.0f,          -3.0f,    2.5f,      -2.5f,
                          kInf, -kInf, std::nanf(""), 0x1p+24f, -0x1p+25f, 16777215.0f};
  for (const float x : values) {
    for (const float y : values) {
      const float exact = std::pow(x, y);
      const float got = pow(x, y);
      if (std::isnan(exact)) {
        EXPECT_TRUE(std::isnan(got)) << x << ' ' << y;
      } else {
        EXPECT_EQ(std::bit_cast<std::uint32_t>(got), std::bit_cast<std::uint32_t>(exact))
            << x << ' ' << y;
      }
    }
  }
}

}  // namespace
}  // namespace sz::math
