#include "ops/pool/pool.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/testing/random_cases.h"

namespace sz::ops::testing {
namespace {

// One output of a pooling in double, straight from the definition over a padded image.
double naive_pool(const Tensor& x, const Pool2dAttributes& attributes, std::size_t n,
                  std::size_t oy, std::size_t ox, std::size_t c, double* magnitude) {
  const auto& dims = x.view().dims;
  const Window2d& w = attributes.window;
  double max = -std::numeric_limits<double>::infinity();
  double sum = 0;
  double taps = 0;
  double padded_taps = 0;
  for (std::size_t ky = 0; ky < w.kernel_h; ++ky) {
    for (std::size_t kx = 0; kx < w.kernel_w; ++kx) {
      const long py =
          static_cast<long>(oy * w.stride_h + ky * w.dilation_h);  // in the padded image
      const long px = static_cast<long>(ox * w.stride_w + kx * w.dilation_w);
      if (py < long{dims[1]} + w.pad_top + w.pad_bottom &&
          px < long{dims[2]} + w.pad_left + w.pad_right) {
        ++padded_taps;
      }
      const long iy = py - w.pad_top;
      const long ix = px - w.pad_left;
      if (iy < 0 || ix < 0 || iy >= long{dims[1]} || ix >= long{dims[2]}) continue;
      const double value = x.at(
          ((n * dims[1] + static_cast<std::size_t>(iy)) * dims[2] + static_cast<std::size_t>(ix)) *
              dims[3] +
          c);
      max = std::max(max, value);
      sum += value;
      *magnitude += std::abs(value);
      ++taps;
    }
  }
  if (attributes.kind == PoolKind::kMax) return max;
  return sum / (attributes.count_include_pad != 0 ? padded_taps : taps);
}

TEST(Pool2d, AgreesWithTheDefinitionInDouble) {
  const std::uint64_t seed = test_seed();
  SingleWorker worker;
  for (std::uint64_t i = 0; i < 200; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 15485863 + i);
    const Case test = random_pool(random);
    Pool2dAttributes attributes;
    ASSERT_TRUE(read_attributes(test.attributes, &attributes));
    const auto bits = run_case(test, Kernel::kReference, worker);
    const auto& y = test.output.view().dims;
    for (std::size_t out = 0; out < bits.size(); ++out) {
      double magnitude = 0;
      const double expected =
          naive_pool(test.inputs[0], attributes, out / y[3] / y[2] / y[1], out / y[3] / y[2] % y[1],
                     out / y[3] % y[2], out % y[3], &magnitude);
      if (!(magnitude < 1e30)) continue;  // infinities and NaN are the bit tests' business
      // A maximum is exact. An average has a rounding for each of at most 25 taps, and the last.
      const double bound =
          attributes.kind == PoolKind::kMax ? 0.0 : 27 * std::ldexp(magnitude, -24) + 1e-44;
      ASSERT_NEAR(std::bit_cast<float>(bits[out]), expected, bound) << "output " << out;
    }
  }
}

TEST(GlobalAveragePool, AgreesWithTheMeanInDouble) {
  const std::uint64_t seed = test_seed();
  SingleWorker worker;
  for (std::uint64_t i = 0; i < 60; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 32452843 + i);
    const Case test = random_global_average_pool(random);
    const auto bits = run_case(test, Kernel::kReference, worker);
    const auto& x = test.inputs[0].view().dims;
    for (std::size_t out = 0; out < bits.size(); ++out) {
      double sum = 0;
      double magnitude = 0;
      for (std::size_t p = 0; p < std::size_t{x[1]} * x[2]; ++p) {
        const double value = test.inputs[0].at((out / x[3] * x[1] * x[2] + p) * x[3] + out % x[3]);
        sum += value;
        magnitude += std::abs(value);
      }
      if (!(magnitude < 1e30)) continue;
      // An element takes part in W + H additions at most, then the division.
      const double bound = 1.01 * (x[1] + x[2] + 1) * std::ldexp(magnitude, -24) / (x[1] * x[2]);
      ASSERT_NEAR(std::bit_cast<float>(bits[out]), sum / (x[1] * x[2]), bound + 1e-44);
    }
  }
}

TEST(Pool2d, PassesNanOnFromAnyTap) {
  for (const PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
    for (std::size_t place = 0; place < 9; ++place) {
      Tensor x({1, 3, 3, 1});
      x.at(place) = std::bit_cast<float>(0xffc12345u);
      Pool2dAttributes attributes;
      attributes.window.kernel_h = attributes.window.kernel_w = 3;
      attributes.kind = kind;
      const Case test{OpCode::kPool2d, {x}, Tensor({1, 1, 1, 1}), words_of(attributes)};
      EXPECT_EQ(expect_same_bits(test), std::vector<std::uint32_t>{0x7fc00000u});
    }
  }
}

// 3x3, stride 2, over [1, 8, 8, 4]: 3 outputs along an axis by floor, 4 by ceil.
struct Sample {
  Pool2dAttributes attributes;
  std::vector<std::uint32_t> x{1, 8, 8, 4}, y{1, 3, 3, 4};
  Sample() { attributes.window = {3, 3, 2, 2, 1, 1, 0, 0, 0, 0}; }
  Status check() const {
    return check_case({OpCode::kPool2d, {Tensor(x)}, Tensor(y), words_of(attributes)});
  }
};

TEST(Pool2dCheck, AcceptsFloorAndCeilSizes) {
  Sample sample;
  EXPECT_EQ(sample.check(), Status::kOk);
  sample.y = {1, 4, 3, 4};
  EXPECT_EQ(sample.check(), Status::kOk);
  sample.y = {1, 4, 4, 4};
  EXPECT_EQ(sample.check(), Status::kOk);
}

TEST(Pool2dCheck, RefusesShapesThatDoNotFit) {
  const auto refuses = [](auto change) {
    Sample sample;
    change(sample);
    return sample.check() == Status::kShapeMismatch;
  };
  EXPECT_TRUE(refuses([](Sample& s) { s.y[0] = 2; })) << "other batch";
  EXPECT_TRUE(refuses([](Sample& s) { s.y[1] = 5; })) << "output too high";
  EXPECT_TRUE(refuses([](Sample& s) { s.y[2] = 2; })) << "output too narrow";
  EXPECT_TRUE(refuses([](Sample& s) { s.y[3] = 5; })) << "other channels";
  EXPECT_TRUE(refuses([](Sample& s) { s.x = {8, 8, 4}; })) << "rank 3";
  EXPECT_TRUE(refuses([](Sample& s) { s.x[1] = 2; })) << "window larger than the image";
}

TEST(Pool2dCheck, RefusesAWindowThatTouchesOnlyPadding) {
  Sample beyond;  // the ceil window begins after the image: in = 3, pads 0 and 1, stride 3
  beyond.attributes.window = {2, 1, 3, 1, 1, 1, 0, 0, 1, 0};
  beyond.x = {1, 3, 8, 4};
  beyond.y = {1, 2, 8, 4};
  EXPECT_EQ(beyond.check(), Status::kShapeMismatch);
  Sample between;  // taps at -2 and 3 of an image of 3 rows
  between.attributes.window = {2, 1, 1, 1, 5, 1, 2, 0, 2, 0};
  between.x = {1, 3, 8, 4};
  between.y = {1, 2, 8, 4};
  EXPECT_EQ(between.check(), Status::kShapeMismatch);
}

TEST(Pool2dCheck, RefusesAttributesOutOfRange) {
  const auto refuses = [](auto change) {
    Sample sample;
    change(sample.attributes);
    return sample.check() == Status::kBadAttribute;
  };
  EXPECT_TRUE(refuses([](auto& a) { a.kind = static_cast<PoolKind>(2); }));
  EXPECT_TRUE(refuses([](auto& a) { a.count_include_pad = 2; }));
  EXPECT_TRUE(refuses([](auto& a) { a.window.kernel_h = 0; }));
  EXPECT_TRUE(refuses([](auto& a) { a.window.stride_w = 0; }));
  EXPECT_TRUE(refuses([](auto& a) { a.window.dilation_h = 0; }));
  EXPECT_TRUE(refuses([](auto& a) { a.window.pad_left = 3; }));
}

TEST(GlobalAveragePoolCheck, RefusesShapesAndAttributesThatDoNotFit) {
  const auto check = [](std::vector<std::uint32_t> y, std::vector<std::uint32_t> attributes) {
    return check_case({OpCode::kGlobalAveragePool, {Tensor({2, 3, 3, 5})}, Tensor(y), attributes});
  };
  EXPECT_EQ(check({2, 1, 1, 5}, {}), Status::kOk);
  EXPECT_EQ(check({2, 1, 1, 5}, {0}), Status::kBadAttribute);
  EXPECT_EQ(check({1, 1, 1, 5}, {}), Status::kShapeMismatch);
  EXPECT_EQ(check({2, 1, 2, 5}, {}), Status::kShapeMismatch);
  EXPECT_EQ(check({2, 2, 1, 5}, {}), Status::kShapeMismatch);
  EXPECT_EQ(check({2, 1, 1, 4}, {}), Status::kShapeMismatch);
  EXPECT_EQ(check({2, 5}, {}), Status::kShapeMismatch);
}

}  // namespace
}  // namespace sz::ops::testing
