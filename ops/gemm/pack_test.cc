#include "ops/gemm/pack.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace sz::ops {
namespace {

// 1, 2, 3, ...
std::vector<float> counting(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 1.0f);
  return values;
}

TEST(Pack, CountsPanelsAndPadding) {
  EXPECT_EQ(packed_elements(16, 10), 16u * 11 + 16);
  EXPECT_EQ(packed_elements(17, 10), 16u * 11 + 4 * 11 + 16);
  EXPECT_EQ(packed_elements(1, 1), 4u * 2 + 16);
}

TEST(Pack, CountsEveryGroupsOwnPanels) {
  EXPECT_EQ(packed_conv2d_elements({6, 9, 3, 2, 5}), 3u * 4 * (2 * 5 * 2 + 1) + 16);
}

TEST(Pack, CountsDepthwiseRowsOf16) {
  EXPECT_EQ(packed_conv2d_elements({17, 17, 17, 3, 3}), 32u * 10);
  EXPECT_EQ(packed_conv2d_elements({1, 1, 1, 3, 3}), 4u * 10 + 16)
      << "one channel is not depthwise";
}

TEST(Pack, RefusesSizesThatOverflow) {
  constexpr std::uint64_t kHuge = ~std::uint64_t{0};
  constexpr std::uint32_t kLarge = 0xffffffffu;
  EXPECT_FALSE(packed_elements(kHuge, 1));
  EXPECT_FALSE(packed_elements(1, kHuge));
  EXPECT_FALSE(packed_elements(std::uint64_t{1} << 40, std::uint64_t{1} << 40));
  EXPECT_FALSE(packed_conv2d_elements({kLarge, kLarge, 1, 1024, 1024}));
  EXPECT_FALSE(packed_conv2d_elements({kLarge, kLarge, 1, kLarge, kLarge}));
  EXPECT_FALSE(packed_conv2d_elements({kLarge, kLarge, kLarge, kLarge, kLarge}));
}

TEST(Pack, RefusesGroupsThatDoNotDivideTheChannels) {
  EXPECT_FALSE(packed_conv2d_elements({6, 8, 4, 1, 1}));
  EXPECT_FALSE(packed_conv2d_elements({8, 6, 4, 1, 1}));
  EXPECT_FALSE(packed_conv2d_elements({8, 8, 0, 1, 1}));
}

TEST(Pack, PutsEveryWeightInItsPanelRow) {
  constexpr std::uint32_t kOutputs = 18;
  constexpr std::uint32_t kInputs = 3;
  const std::vector<float> weights = counting(kOutputs * kInputs);
  const std::vector<float> bias = counting(kOutputs);
  std::vector<float> packed(*packed_elements(kOutputs, kInputs), -1.0f);
  ASSERT_TRUE(pack_fully_connected(weights, bias, kOutputs, kInputs, packed));
  for (std::uint32_t m = 0; m < kOutputs; ++m) {
    const float* panel = packed.data() + panel_offset(m / 16, kInputs);
    const std::uint32_t width = panel_width(m / 16, kOutputs);
    EXPECT_EQ(width, m < 16 ? 16u : 4u);
    EXPECT_EQ(panel[m % 16], bias[m]);
    for (std::uint32_t k = 0; k < kInputs; ++k) {
      EXPECT_EQ(panel[(k + 1) * width + m % 16], weights[m * kInputs + k]);
    }
  }
  const float* last = packed.data() + panel_offset(1, kInputs);
  EXPECT_EQ(last[2], 0.0f) << "surplus bias";
  EXPECT_EQ(last[4 + 3], 0.0f) << "surplus weight";
  for (std::size_t i = packed.size() - kPackPadding; i < packed.size(); ++i) {
    EXPECT_EQ(packed[i], 0.0f);
  }
}

TEST(Pack, OrdersConvolutionInputsByTapThenChannel) {
  const ConvWeightShape shape{4, 2, 2, 1, 3};  // 2 groups of 2 inputs and 1 output
  const std::vector<float> oihw = counting(2 * 2 * 3);
  std::vector<float> packed(*packed_conv2d_elements(shape), -1.0f);
  ASSERT_TRUE(pack_conv2d(oihw, {}, shape, packed));
  for (std::uint32_t g = 0; g < 2; ++g) {
    const float* group = packed.data() + g * group_elements(1, 6);
    EXPECT_EQ(group[0], 0.0f) << "no bias";
    for (std::uint32_t kx = 0; kx < 3; ++kx) {
      for (std::uint32_t c = 0; c < 2; ++c) {
        EXPECT_EQ(group[4 * (1 + kx * 2 + c)], oihw[(g * 2 + c) * 3 + kx]);
      }
    }
  }
}

TEST(Pack, PutsDepthwiseWeightsInRowsOfChannels) {
  const ConvWeightShape shape{3, 3, 3, 2, 2};
  const std::vector<float> oihw = counting(3 * 4);
  const std::vector<float> bias = counting(3);
  std::vector<float> packed(*packed_conv2d_elements(shape), -1.0f);
  ASSERT_TRUE(pack_conv2d(oihw, bias, shape, packed));
  for (std::uint32_t c = 0; c < 16; ++c) {
    EXPECT_EQ(packed[c], c < 3 ? bias[c] : 0.0f);
    for (std::uint32_t t = 0; t < 4; ++t) {
      EXPECT_EQ(packed[(1 + t) * 16 + c], c < 3 ? oihw[c * 4 + t] : 0.0f);
    }
  }
}

TEST(Pack, RefusesSpansOfTheWrongSizeAndWritesNothing) {
  const std::vector<float> weights = counting(6);
  std::vector<float> packed(*packed_elements(2, 3), -1.0f);
  const std::span<float> all(packed);
  EXPECT_FALSE(pack_fully_connected(std::span(weights).first(5), {}, 2, 3, all));
  EXPECT_FALSE(pack_fully_connected(weights, std::span(weights).first(1), 2, 3, all));
  EXPECT_FALSE(pack_fully_connected(weights, {}, 2, 3, all.first(all.size() - 1)));
  EXPECT_FALSE(pack_conv2d(std::span(weights).first(5), {}, {3, 2, 1, 1, 1}, all));
  EXPECT_FALSE(pack_conv2d(weights, std::span(weights).first(1), {3, 2, 1, 1, 1}, all));
  EXPECT_FALSE(pack_conv2d(weights, {}, {3, 2, 1, 1, 1}, all.first(all.size() - 1)));
  for (const float value : packed) EXPECT_EQ(value, -1.0f);
}

}  // namespace
}  // namespace sz::ops
