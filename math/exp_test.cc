#include "math/exp.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "math/exp_unfused.h"

namespace sz::math {
namespace {

// Distance of `got` from the exact value in units of the last place of a float near it.
double ulps(float got, double exact) {
  int exponent = 0;
  (void)std::frexp(exact, &exponent);
  const double unit = std::ldexp(1.0, std::max(exponent - 24, -149));
  return std::abs(got - exact) / unit;
}

// Every `step`-th float between 0 and `end`, with that sign. Returns the largest error.
double largest_error(float end, std::uint32_t step) {
  double largest = 0;
  const std::uint32_t first = std::bit_cast<std::uint32_t>(end) & 0x80000000u;
  for (std::uint32_t bits = first; bits <= std::bit_cast<std::uint32_t>(end);) {
    const auto x = std::bit_cast<float>(bits);
    const double error = ulps(exp(x), std::exp(static_cast<double>(x)));
    if (error > largest) largest = error;
    if (bits > 0xffffffffu - step) break;
    bits += step;
  }
  return largest;
}

// SMARTZONE_EXP_STEP=1 tests every float (minutes); the default takes every 61st.
std::uint32_t step() {
  const char* text = std::getenv("SMARTZONE_EXP_STEP");
  return text != nullptr ? static_cast<std::uint32_t>(std::atoi(text)) : 61;
}

TEST(Exp, IsWithinOneUlpOverTheWholeRange) {
  const double above = largest_error(0x1.62e42ep+6f, step());  // the last with a finite result
  const double below = largest_error(-103.97208f, step());     // the last that is not 0
  RecordProperty("largest_error_above_0", std::to_string(above));
  RecordProperty("largest_error_below_0", std::to_string(below));
  EXPECT_LE(above, 1.0);
  EXPECT_LE(below, 1.0);
}

TEST(Exp, HasItsLimits) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(exp(0.0f), 1.0f);
  EXPECT_EQ(exp(-0.0f), 1.0f);
  EXPECT_EQ(exp(kInf), kInf);
  EXPECT_EQ(exp(88.7229f), kInf);
  EXPECT_EQ(exp(3e38f), kInf);
  EXPECT_EQ(exp(-kInf), 0.0f);
  EXPECT_EQ(exp(-104.0f), 0.0f);
  EXPECT_EQ(exp(-3e38f), 0.0f);
  EXPECT_GT(exp(-103.97f), 0.0f);
  EXPECT_TRUE(std::isnan(exp(std::nanf(""))));
}

TEST(Exp, OfWeightsIsTheSameDownToTheLeast) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const std::uint32_t last = std::bit_cast<std::uint32_t>(kLeastWeight);
  for (std::uint32_t bits = 0x80000000u; bits <= last; bits += step()) {
    const auto x = std::bit_cast<float>(bits);
    ASSERT_EQ(exp_weight(x), exp(x)) << x;
  }
  EXPECT_EQ(exp_weight(0.0f), 1.0f);
  EXPECT_EQ(exp_weight(kLeastWeight), exp(kLeastWeight));
  for (const float x : {std::nextafter(kLeastWeight, -kInf), -88.0f, -104.0f, -1e9f, -kInf}) {
    EXPECT_EQ(exp_weight(x), 0.0f);
  }
  EXPECT_TRUE(std::isnan(exp_weight(std::nanf("1"))));
  EXPECT_TRUE(std::isnan(exp_weight(-std::nanf("77"))));
}

TEST(ExpUnfused, EveryErrorIsWithinTwoUlps) {
  double largest = 0;
  for (std::uint32_t bits = 0x80000000u; bits <= std::bit_cast<std::uint32_t>(-87.0f);) {
    const auto x = std::bit_cast<float>(bits);
    largest = std::max(largest, ulps(exp_unfused(x), std::exp(static_cast<double>(x))));
    bits += step();
  }
  EXPECT_LE(largest, 2.0);
  EXPECT_GT(largest, 0.4);  // as it must be, with the last rounding
}

TEST(ExpUnfused, IsZeroBelowItsRangeAndEvenInItsArgument) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(exp_unfused(0.0f), 1.0f);
  EXPECT_EQ(exp_unfused(-0.0f), 1.0f);
  EXPECT_EQ(exp_unfused(7.0f), exp_unfused(-7.0f));
  EXPECT_EQ(exp_unfused(kInfinity), 0.0f);
  EXPECT_GT(exp_unfused(-87.0f), 0.0f);
  EXPECT_EQ(exp_unfused(std::nextafter(-87.0f, -kInfinity)), 0.0f);
  EXPECT_EQ(exp_unfused(-kInfinity), 0.0f);
  EXPECT_EQ(exp_unfused(std::numeric_limits<float>::quiet_NaN()), 0.0f);
}

}  // namespace
}  // namespace sz::math
