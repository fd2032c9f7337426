// The baseline's operators on small cases worked out by hand.

#include "bench/original/operators.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "bench/original/network.h"

namespace sz::original {
namespace {

using Floats = std::vector<float>;

std::uint32_t number(LayerKind kind) { return static_cast<std::uint32_t>(kind); }

LayerRecord window_layer(LayerKind kind, const Image& in, const Image& out, std::uint32_t kernel) {
  LayerRecord layer;
  layer.kind = number(kind);
  layer.in = in;
  layer.out = out;
  layer.output_elements = out.batch * out.channels * out.height * out.width;
  layer.window.kernel_h = layer.window.kernel_w = kernel;
  return layer;
}

Floats counting(std::size_t n) {
  Floats values(n);
  std::iota(values.begin(), values.end(), 1.0f);
  return values;
}

TEST(OriginalOperators, GemmAddsToTheResult) {
  const Floats a = {1, 2, 3, 4};        // 2x2
  const Floats b = {5, 6, 7, 8, 9, 0};  // 2x3
  Floats c = {1, 0, 0, 0, 0, 1};
  gemm(2, 3, 2, a.data(), b.data(), c.data());
  EXPECT_EQ(c, (Floats{22, 24, 7, 47, 54, 22}));
}

TEST(OriginalOperators, TransposedGemmTakesRowsOfWeights) {
  const Floats a = {1, 2};
  const Floats b = {5, 6, 7, 8, 9, 0};  // three rows
  Floats c(3, 1.0f);
  gemm_transposed(1, 3, 2, a.data(), b.data(), c.data());
  EXPECT_EQ(c, (Floats{18, 24, 10}));
}

TEST(OriginalOperators, ConvolutionPadsAddsBiasAndClamps) {
  LayerRecord layer = window_layer(LayerKind::kConvolution, {1, 1, 2, 2}, {1, 1, 2, 2}, 3);
  layer.window.pad_top = layer.window.pad_left = 1;
  layer.window.pad_bottom = layer.window.pad_right = 1;
  layer.clamp.high = 24;
  const Floats x = {1, 2, 3, 4};
  Floats weights(10, 1.0f);
  weights[4] = 5;   // the middle
  weights[9] = -1;  // the bias
  Floats workspace(workspace_elements(layer));
  EXPECT_EQ(workspace.size(), 36u);
  Floats y(4);
  convolution(layer, x.data(), weights.data(), workspace.data(), y.data());
  EXPECT_EQ(y, (Floats{13, 17, 21, 24}));  // 10 + 4 x - 1, the last 25 clamped
}

TEST(OriginalOperators, ConvolutionWithOneTapNeedsNoWorkspace) {
  const LayerRecord layer = window_layer(LayerKind::kConvolution, {1, 2, 1, 2}, {1, 1, 1, 2}, 1);
  EXPECT_EQ(workspace_elements(layer), 0u);
  const Floats x = {1, 2, 10, 20};
  const Floats weights = {3, 1, 0.5f};
  Floats y(2);
  convolution(layer, x.data(), weights.data(), nullptr, y.data());
  EXPECT_EQ(y, (Floats{13.5f, 26.5f}));
}

TEST(OriginalOperators, DepthwiseConvolutionWithStrideAndDilation) {
  LayerRecord layer = window_layer(LayerKind::kConvolution, {1, 2, 3, 3}, {1, 2, 1, 1}, 2);
  layer.window.stride_h = layer.window.stride_w = 2;
  layer.window.dilation_h = layer.window.dilation_w = 2;
  layer.groups = 2;
  const Floats x = counting(18);
  const Floats weights = {1, 1, 1, 1, 1, 0, 0, 2, 0, 1};
  Floats workspace(workspace_elements(layer));
  Floats y(2);
  convolution(layer, x.data(), weights.data(), workspace.data(), y.data());
  EXPECT_EQ(y, (Floats{1 + 3 + 7 + 9, 10 + 2 * 18 + 1}));
}

TEST(OriginalOperators, ConnectedHasOneBiasForEachOutput) {
  LayerRecord layer;
  layer.outer = 2;
  layer.axis = 2;
  layer.inner = 2;
  layer.clamp.low = 0;
  const Floats x = {1, 2, 3, 4};
  const Floats weights = {1, 1, 1, -1, 10, 0};
  Floats y(4);
  connected(layer, x.data(), weights.data(), y.data());
  EXPECT_EQ(y, (Floats{13, 0, 17, 0}));
}

TEST(OriginalOperators, PoolsSkipThePaddingUnlessItCounts) {
  LayerRecord layer = window_layer(LayerKind::kPool, {1, 1, 2, 2}, {1, 1, 2, 2}, 2);
  layer.window.pad_top = layer.window.pad_left = 1;
  const Floats x = {-4, -3, -2, -1};
  Floats y(4);
  pool(layer, x.data(), y.data());
  EXPECT_EQ(y, (Floats{-4, -3, -2, -1}));
  layer.pool = static_cast<std::uint32_t>(ops::PoolKind::kAverage);
  pool(layer, x.data(), y.data());
  EXPECT_EQ(y, (Floats{-4, -3.5f, -3, -2.5f}));
  layer.count_include_pad = 1;
  pool(layer, x.data(), y.data());
  EXPECT_EQ(y, (Floats{-1, -1.75f, -1.5f, -2.5f}));
}

TEST(OriginalOperators, GlobalAverageAndClamp) {
  const LayerRecord average =
      window_layer(LayerKind::kGlobalAverage, {1, 2, 1, 3}, {1, 2, 1, 1}, 1);
  const Floats x = {1, 2, 6, -1, -2, -6};
  Floats y(2);
  global_average(average, x.data(), y.data());
  EXPECT_EQ(y, (Floats{3, -3}));

  LayerRecord relu;
  relu.output_elements = 2;
  relu.clamp.low = 0;
  Floats z(2);
  clamp(relu, y.data(), z.data());
  EXPECT_EQ(z, (Floats{3, 0}));
}

TEST(OriginalOperators, BinaryBroadcastsByItsStrides) {
  LayerRecord layer;
  layer.rank = 2;
  layer.dims[0] = 2;
  layer.dims[1] = 3;
  layer.output_elements = 6;
  layer.strides[0][0] = 3;
  layer.strides[0][1] = 1;
  layer.strides[1][0] = 1;  // one element for each row
  const Floats a = counting(6);
  const Floats b = {10, 2};
  const struct {
    ops::BinaryKind kind;
    Floats wanted;
  } cases[] = {{ops::BinaryKind::kAdd, {11, 12, 13, 6, 7, 8}},
               {ops::BinaryKind::kSub, {-9, -8, -7, 2, 3, 4}},
               {ops::BinaryKind::kMul, {10, 20, 30, 8, 10, 12}},
               {ops::BinaryKind::kDiv, {0.1f, 0.2f, 0.3f, 2, 2.5f, 3}}};
  for (const auto& one : cases) {
    layer.binary = static_cast<std::uint32_t>(one.kind);
    Floats y(6);
    binary(layer, a.data(), b.data(), y.data());
    EXPECT_EQ(y, one.wanted);
  }
}

TEST(OriginalOperators, SoftmaxRunsAlongItsAxis) {
  LayerRecord layer;
  layer.axis = 2;
  layer.inner = 2;
  const Floats x = {0, 1000, std::log(3.0f), 1000};
  Floats y(4);
  softmax(layer, x.data(), y.data());
  EXPECT_NEAR(y[0], 0.25f, 1e-6);
  EXPECT_NEAR(y[2], 0.75f, 1e-6);
  EXPECT_EQ(y[1], 0.5f);
  EXPECT_EQ(y[3], 0.5f);
}

TEST(OriginalOperators, ReorderAndConcatMoveElements) {
  LayerRecord layer;
  layer.rank = 2;
  layer.dims[0] = 3;
  layer.dims[1] = 2;
  layer.strides[0][0] = 1;
  layer.strides[0][1] = 3;
  layer.output_elements = 6;
  const Floats x = counting(6);
  Floats y(6);
  reorder(layer, x.data(), y.data());
  EXPECT_EQ(y, (Floats{1, 4, 2, 5, 3, 6}));

  Floats wide(6);
  concat_part(2, 1, 3, x.data(), wide.data());
  concat_part(2, 2, 3, x.data() + 2, wide.data() + 1);
  EXPECT_EQ(wide, (Floats{1, 3, 4, 2, 5, 6}));
}

// The network's checks: what does not fit is refused before it can run.
TEST(OriginalNetwork, RefusesLayersThatReachPastTheirBuffers) {
  LayerRecord good = window_layer(LayerKind::kConvolution, {1, 2, 4, 4}, {1, 3, 4, 4}, 1);
  good.weight_elements = 3 * 2 + 3;
  const std::uint32_t input[] = {32};
  ASSERT_TRUE(layer_fits(good, input));
  const auto refused = [&](auto change) {
    LayerRecord bad = good;
    change(bad);
    return !layer_fits(bad, input);
  };
  EXPECT_TRUE(refused([](LayerRecord& l) { l.kind = 99; }));
  EXPECT_TRUE(refused([](LayerRecord& l) { l.in.width = 5; }));
  EXPECT_TRUE(refused([](LayerRecord& l) { l.output_elements = 47; }));
  EXPECT_TRUE(refused([](LayerRecord& l) { l.weight_elements -= 1; }));
  EXPECT_TRUE(refused([](LayerRecord& l) { l.groups = 0; }));
  EXPECT_TRUE(refused([](LayerRecord& l) { l.window.stride_w = 0; }));
  // Without columns the image is the matrix: another output size would read past it.
  EXPECT_TRUE(refused([](LayerRecord& l) {
    l.out.height = 8;
    l.output_elements = 96;
  }));

  LayerRecord strided;
  strided.kind = number(LayerKind::kReorder);
  strided.rank = 2;
  strided.dims[0] = strided.dims[1] = 4;
  strided.output_elements = 16;
  strided.strides[0][0] = 4;
  strided.strides[0][1] = 1;
  EXPECT_TRUE(layer_fits(strided, std::vector<std::uint32_t>{16}));
  EXPECT_FALSE(layer_fits(strided, std::vector<std::uint32_t>{15}));
}

}  // namespace
}  // namespace sz::original
