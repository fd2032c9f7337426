// Half-precision numbers, blocks and panels: every format's numbers come out of a packed matrix as
// they are in the plain one.
#include "ops/transformer/pack.h"

#include <gtest/gtest.h>

#include <cmath>

#include "math/half.h"
#include "ops/transformer/panel.h"
#include "ops/transformer/testing/linear_cases.h"

namespace sz::ops::testing {
namespace {

constexpr BlockFormat kFormats[] = {BlockFormat::kF32, BlockFormat::kF16, BlockFormat::kQ8_0,
                                    BlockFormat::kQ4_0};

// What a half stands for, from the definition of the format.
double meaning(std::uint32_t half) {
  const int exponent = static_cast<int>(half >> 10 & 31);
  const double mantissa = half & 1023;
  const double size =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return half & 0x8000u ? -size : size;
}

TEST(Half, EveryHalfIsItsFloatAndBack) {
  for (std::uint32_t half = 0; half < 65536; ++half) {
    const float value = math::half_to_float(static_cast<std::uint16_t>(half));
    if ((half & 0x7c00u) == 0x7c00u) {
      EXPECT_EQ(std::isnan(value), (half & 1023u) != 0) << half;
      EXPECT_EQ(std::signbit(value), (half & 0x8000u) != 0) << half;
      if (std::isnan(value)) continue;
    } else {
      ASSERT_EQ(static_cast<double>(value), meaning(half)) << half;
      ASSERT_EQ(std::signbit(value), (half & 0x8000u) != 0) << half;
    }
    ASSERT_EQ(math::float_to_half(value), half);
  }
}

TEST(Half, RoundsToTheNearestAndToEven) {
  for (std::uint32_t half = 0; half < 0x7bff; ++half) {
    const double low = meaning(half), high = meaning(half + 1);
    const float middle = static_cast<float>((low + high) / 2);  // exact
    const std::uint32_t even = half & 1u ? half + 1 : half;
    ASSERT_EQ(math::float_to_half(middle), even) << half;
    ASSERT_EQ(math::float_to_half(std::nextafter(middle, 0.0f)), half);
    ASSERT_EQ(math::float_to_half(std::nextafter(middle, 1e9f)), half + 1);
    ASSERT_EQ(math::float_to_half(-middle), even | 0x8000u) << half;
  }
  EXPECT_EQ(math::float_to_half(65519.996f), 0x7bff);
  EXPECT_EQ(math::float_to_half(65520.0f), 0x7c00);
  EXPECT_EQ(math::float_to_half(-3e38f), 0xfc00);
  EXPECT_EQ(math::float_to_half(1e-45f), 0);
  EXPECT_EQ(math::float_to_half(std::nanf("")) & 0x7fff, 0x7e00);
}

// Number k of an output, as the operators read it.
float read(const PanelColumn& column, std::size_t k) {
  if (column.format == BlockFormat::kF32 || column.format == BlockFormat::kF16) {
    return column.number(k);
  }
  return column.scale(k / kBlock) * static_cast<float>(column.quantized(k));
}

TEST(PackMatrix, PanelsHoldTheMatrix) {
  Random random(test_seed());
  for (int i = 0; i < 200; ++i) {
    for (const BlockFormat format : kFormats) {
      const std::uint32_t outputs = random.integer(1, 50), inputs = random.integer(1, 100);
      const auto gate = random_plain(random, format, outputs, inputs, false);
      const auto up = random_plain(random, format, outputs, inputs, false);
      const std::size_t bytes = packed_bytes(format, outputs, inputs);
      std::vector<std::byte> one(bytes), two(2 * bytes);
      ASSERT_TRUE(pack_matrix(format, gate, outputs, inputs, one));
      ASSERT_TRUE(pack_gate_and_up(format, gate, up, outputs, inputs, two));
      const std::size_t row_bytes = plain_row_bytes(format, inputs);
      const std::size_t step = panel_bytes(format, inputs);
      for (std::uint32_t m = 0; m < outputs; ++m) {
        std::vector<float> g(inputs), u(inputs);
        const ByteSpan gates(gate), ups(up);
        ASSERT_TRUE(dequantize_row(format, gates.subspan(m * row_bytes, row_bytes), g));
        ASSERT_TRUE(dequantize_row(format, ups.subspan(m * row_bytes, row_bytes), u));
        const std::size_t panel = m / 16;
        for (std::uint32_t k = 0; k < inputs; ++k) {
          ASSERT_EQ(read({format, one.data() + panel * step, m % 16}, k), g[k]);
          ASSERT_EQ(read({format, two.data() + 2 * panel * step, m % 16}, k), g[k]);
          ASSERT_EQ(read({format, two.data() + (2 * panel + 1) * step, m % 16}, k), u[k]);
        }
      }
      for (std::uint32_t m = outputs; m % 16 != 0; ++m) {
        ASSERT_EQ(read({format, one.data() + outputs / 16 * step, m % 16}, 0), 0.0f);
      }
    }
  }
}

TEST(PackMatrix, RefusesSizesThatDoNotFit) {
  std::vector<std::byte> plain(4 * 3 * 5), packed(packed_bytes(BlockFormat::kF32, 3, 5));
  EXPECT_TRUE(pack_matrix(BlockFormat::kF32, plain, 3, 5, packed));
  EXPECT_FALSE(pack_matrix(BlockFormat::kF16, plain, 3, 5, packed));
  EXPECT_FALSE(pack_matrix(BlockFormat::kF32, plain, 5, 3, packed));
  EXPECT_FALSE(pack_matrix(BlockFormat::kF32, plain, 0, 5, packed));
  EXPECT_FALSE(pack_matrix(static_cast<BlockFormat>(4), plain, 3, 5, packed));
  EXPECT_FALSE(pack_gate_and_up(BlockFormat::kF32, plain, plain, 3, 5, packed));
}

// The root of the mean squared error of quantising, relative to that of the numbers.
double relative_error(BlockFormat format, std::span<const float> numbers) {
  std::vector<std::byte> row(plain_row_bytes(format, numbers.size()));
  std::vector<float> back(numbers.size());
  EXPECT_TRUE(quantize_row(format, numbers, row));
  EXPECT_TRUE(dequantize_row(format, row, back));
  double error = 0, size = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    error += std::pow(static_cast<double>(numbers[i]) - static_cast<double>(back[i]), 2);
    size += std::pow(static_cast<double>(numbers[i]), 2);
  }
  return std::sqrt(error / size);
}

std::vector<float> bell(Random& random, std::size_t count) {
  std::vector<float> numbers(count);
  for (float& x : numbers) {
    x = 0.0f;
    for (int i = 0; i < 12; ++i) x += random.real();
    x *= 0.01f;
  }
  return numbers;
}

TEST(QuantizeRow, ErrorsAreWhatTheFormatsAllow) {
  Random random(test_seed());
  const std::vector<float> numbers = bell(random, 32 * 500 + 7);
  EXPECT_EQ(relative_error(BlockFormat::kF32, numbers), 0.0);
  EXPECT_LT(relative_error(BlockFormat::kF16, numbers), 3e-4);
  EXPECT_LT(relative_error(BlockFormat::kQ8_0, numbers), 0.0065);
  EXPECT_LT(relative_error(BlockFormat::kQ4_0, numbers), 0.085);
}

// The plain way to choose q4_0's scale: the number farthest from zero becomes -8.
double plain_q4_error(std::span<const float> block) {
  float farthest = 0;
  for (const float x : block) {
    if (std::fabs(x) > std::fabs(farthest)) farthest = x;
  }
  const float scale = math::half_to_float(math::float_to_half(farthest / -8.0f));
  double error = 0;
  for (const float x : block) {
    const double q = std::min(7.0, std::max(-8.0, std::round(static_cast<double>(x / scale))));
    error += std::pow(static_cast<double>(x) - static_cast<double>(scale) * q, 2);
  }
  return error;
}

TEST(QuantizeRow, FourBitsAreNeverWorseThanThePlainWayAndBetterOnTheWhole) {
  Random random(test_seed());
  double ours = 0, theirs = 0;
  for (int i = 0; i < 500; ++i) {
    const std::vector<float> block = bell(random, 32);
    double size = 0;
    for (const float x : block) size += std::pow(static_cast<double>(x), 2);
    const double error = std::pow(relative_error(BlockFormat::kQ4_0, block), 2) * size;
    const double plain = plain_q4_error(block);
    ASSERT_LE(error, plain * (1 + 1e-9));
    ours += error;
    theirs += plain;
  }
  EXPECT_LT(ours, 0.92 * theirs);
}

TEST(QuantizeRow, RefusesWhatAFormatCannotHold) {
  std::vector<float> numbers(40, 1.0f);
  const auto accepts = [&](BlockFormat format, float value) {
    numbers[35] = value;
    std::vector<std::byte> row(plain_row_bytes(format, 40));
    return quantize_row(format, numbers, row);
  };
  for (const BlockFormat format : kFormats) {
    EXPECT_TRUE(accepts(format, 0.0f));
    EXPECT_TRUE(accepts(format, 1e-44f));
    EXPECT_FALSE(accepts(format, INFINITY));
    EXPECT_FALSE(accepts(format, std::nanf("")));
    EXPECT_EQ(accepts(format, 1e30f), format == BlockFormat::kF32);
  }
  EXPECT_FALSE(accepts(BlockFormat::kF16, 65520.0f));
  EXPECT_TRUE(accepts(BlockFormat::kQ8_0, 65520.0f));
}

}  // namespace
}  // namespace sz::ops::testing
