// The arithmetic against its definition: exact rational numbers, rounded as the definition says.
#include "ops/quantized/rescale.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/quantized/testing/oracle.h"
#include "ops/testing/test_support.h"

namespace sz::ops::testing {
namespace {

constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t kGreatest = std::numeric_limits<std::int32_t>::max();

TEST(Rescale, HighMultiplyAgreesWithItsDefinition) {
  const std::int32_t edges[] = {kLeast, kLeast + 1, -1 << 30, -3,      -1,       0,
                                1,      2,          1 << 29,  1 << 30, kGreatest};
  for (const std::int32_t a : edges) {
    for (const std::int32_t b : edges) {
      if (a == kLeast && b == kLeast) continue;
      EXPECT_EQ(doubling_high_multiply(a, b), oracle::high_multiply(a, b)) << a << " * " << b;
    }
  }
  Random random(test_seed());
  for (int i = 0; i < 100000; ++i) {
    const auto a = static_cast<std::int32_t>(random.integer(0, 0xffffffffu));
    const auto b = static_cast<std::int32_t>(random.integer(0, 0xffffffffu));
    ASSERT_EQ(doubling_high_multiply(a, b), oracle::high_multiply(a, b)) << a << " * " << b;
  }
}

// Ties of the high multiply: a * 2^30 / 2^31 = a / 2. Halves go upwards, on both sides of zero.
TEST(Rescale, HighMultiplyRoundsTiesUpwards) {
  EXPECT_EQ(doubling_high_multiply(3, 1 << 30), 2);
  EXPECT_EQ(doubling_high_multiply(-3, 1 << 30), -1);
  EXPECT_EQ(doubling_high_multiply(1, 1 << 30), 1);
  EXPECT_EQ(doubling_high_multiply(-1, 1 << 30), 0);
}

TEST(Rescale, ShiftAgreesWithItsDefinition) {
  Random random(test_seed());
  for (std::int32_t by = 0; by <= 31; ++by) {
    for (const std::int32_t x : {kLeast, kLeast + 1, -1, 0, 1, kGreatest, kGreatest - 1}) {
      EXPECT_EQ(rounding_shift_right(x, by), oracle::shift_right(x, by)) << x << " >> " << by;
    }
    for (int i = 0; i < 2000; ++i) {
      const auto x = static_cast<std::int32_t>(random.integer(0, 0xffffffffu));
      ASSERT_EQ(rounding_shift_right(x, by), oracle::shift_right(x, by)) << x << " >> " << by;
      if (by == 0) continue;
      // A tie: an odd number of halves.
      const std::int32_t tie = (x >> by << by) | (1 << (by - 1));
      ASSERT_EQ(rounding_shift_right(tie, by), oracle::shift_right(tie, by)) << tie << " >> " << by;
    }
  }
}

TEST(Rescale, ShiftRoundsTiesAwayFromZero) {
  EXPECT_EQ(rounding_shift_right(3, 1), 2);
  EXPECT_EQ(rounding_shift_right(-3, 1), -2);
  EXPECT_EQ(rounding_shift_right(2, 2), 1);
  EXPECT_EQ(rounding_shift_right(-2, 2), -1);
  EXPECT_EQ(rounding_shift_right(kLeast, 31), -1);
  EXPECT_EQ(rounding_shift_right(kGreatest, 31), 1);
}

TEST(Rescale, RoundsFloatsHalfToEven) {
  EXPECT_EQ(round_half_even(0.5f), 0);
  EXPECT_EQ(round_half_even(1.5f), 2);
  EXPECT_EQ(round_half_even(2.5f), 2);
  EXPECT_EQ(round_half_even(-0.5f), 0);
  EXPECT_EQ(round_half_even(-1.5f), -2);
  EXPECT_EQ(round_half_even(-2.5f), -2);
  Random random(test_seed());
  for (int i = 0; i < 100000; ++i) {
    const float value = random.real() * random.pick({1.0f, 10.0f, 300.0f, 65536.0f});
    ASSERT_EQ(round_half_even(value), static_cast<std::int32_t>(std::nearbyint(value))) << value;
  }
}

TEST(Rescale, SaturatesAtTheBounds) {
  const QuantOutput y{-5, -100, 100};
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(finish_fixed(kGreatest, y), 100);
  EXPECT_EQ(finish_fixed(kLeast, y), -100);
  EXPECT_EQ(finish_fixed(7, y), 2);
  EXPECT_EQ(finish_float(infinity, y), 100);
  EXPECT_EQ(finish_float(-infinity, y), -100);
  EXPECT_EQ(quantize(std::numeric_limits<float>::quiet_NaN(), 1.0f, y), -5);
  EXPECT_EQ(quantize(3e38f, 1e-40f, y), 100);
  EXPECT_EQ(rescale(kGreatest, {Rescaling::kFloat, 0, 0, 3e38f}, y), 100);
}

TEST(Rescale, MultipliersStandForTheirFactors) {
  // 0.5, 1, 2 and 2^-31, as TFLite writes them: a mantissa in [0.5, 1) and an exponent.
  EXPECT_EQ(multiply_fixed(1001, 1 << 30, 0), 501);
  EXPECT_EQ(multiply_fixed(1001, 1 << 30, 1), 1001);
  EXPECT_EQ(multiply_fixed(-1001, 1 << 30, 2), -2002);
  EXPECT_EQ(multiply_fixed(kGreatest, 1 << 30, -30), 1);
}

}  // namespace
}  // namespace sz::ops::testing
