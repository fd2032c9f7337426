#include "compiler/plan/rescaling.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sz::compiler {
namespace {

double value_of(const FixedPoint& f) { return std::ldexp(f.multiplier, f.shift - 31); }

TEST(FixedPoint, IsNormalisedAndNear) {
  for (const double factor : {1e-9, 3e-5, 0.1, 0.49999999999, 0.5, 1.0, 3.75, 1000.0, 1e6}) {
    const FixedPoint f = fixed_point(factor);
    EXPECT_GE(f.multiplier, 1 << 30) << factor;
    EXPECT_NEAR(value_of(f) / factor, 1, 1e-9) << factor;
  }
  EXPECT_EQ(fixed_point(1.0).multiplier, 1 << 30);
  EXPECT_EQ(fixed_point(1.0).shift, 1);
}

TEST(FixedPoint, RoundsUpToTheNextPower) {
  const FixedPoint f = fixed_point(std::nextafter(1.0, 0.0));  // 2^31 after rounding
  EXPECT_EQ(f.multiplier, 1 << 30);
  EXPECT_EQ(f.shift, 1);
}

TEST(FixedPoint, ClipsWhatNoShiftReaches) {
  EXPECT_EQ(fixed_point(1e-12).multiplier, 0);
  EXPECT_EQ(fixed_point(0).multiplier, 0);
  EXPECT_EQ(fixed_point(1e30).shift, 30);
  EXPECT_EQ(fixed_point(1e30).multiplier, 2147483647);
}

TEST(Exponentials, AreNearAndFall) {
  for (const double scale : {0.01, 0.1, 0.5}) {
    const auto table = fixed_point_exponentials(1, scale);
    ASSERT_EQ(table.size(), 256u);
    EXPECT_EQ(table[0], 2147483647);
    for (std::size_t d = 1; d < 256; ++d) {
      const double exact = std::exp(-static_cast<double>(d) * scale);
      EXPECT_LE(table[d], table[d - 1]);
      EXPECT_NEAR(std::ldexp(table[d], -31), exact, 2e-6) << scale << ' ' << d;
    }
  }
}

TEST(Exponentials, EndWhereTheyWouldLeaveTheFixedPoint) {
  const auto table = fixed_point_exponentials(1, 1.0);
  EXPECT_GT(table[15], 0);
  EXPECT_EQ(table[40], 0);
  EXPECT_EQ(table[255], 0);
}

}  // namespace
}  // namespace sz::compiler
