// Operations on small f32 models, against plain loops or hand-made results.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "compiler/compile.h"
#include "compiler/import/tflite/importer.h"
#include "compiler/passes/passes.h"
#include "compiler/plan/lower.h"
#include "compiler/testing/onnx_builder.h"
#include "compiler/testing/runner.h"
#include "compiler/testing/tflite_builder.h"

namespace sz::compiler {
namespace {

using testing::random_floats;
using testing::TfliteBuilder;
namespace tfl = testing::tfl;
using tfl::Operation;
using tfl::Options;
constexpr auto kF32 = tfl::TensorType::FLOAT32;
constexpr auto kNone = tfl::Activation::NONE;

std::vector<float> run(TfliteBuilder& builder, const std::vector<std::vector<float>>& inputs) {
  return testing::run_package(compile_tflite(builder.file(), "test.tflite", {}).package, inputs)
      .at(0);
}

// The operators of the device that a model becomes, in order.
std::vector<ops::OpCode> steps_of(TfliteBuilder& builder) {
  TfliteImportOptions options;
  Graph graph = import_tflite(builder.file(), options);
  run_passes(graph, {}, {});
  std::vector<ops::OpCode> codes;
  for (const ProgramStep& step : lower(graph, ops::Kernel::kVector).steps) codes.push_back(step.op);
  return codes;
}

void expect_near(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_LE(testing::relative_distance(a, b), 2e-6);
}

struct ConvCase {
  int h, w, c, m, kh, kw, stride, dilation, groups;
  tfl::Padding padding;
};

// A convolution on N, H, W, C with weights M, KH, KW, C/groups; SAME as TensorFlow defines it.
std::vector<float> plain_conv(const ConvCase& k, const std::vector<float>& x,
                              const std::vector<float>& w, const std::vector<float>& bias, int oh,
                              int ow) {
  const bool same = k.padding == tfl::Padding::SAME;
  const auto before = [&](int out, int in, int kernel) {
    return same ? std::max(0, (out - 1) * k.stride + (kernel - 1) * k.dilation + 1 - in) / 2 : 0;
  };
  const int top = before(oh, k.h, k.kh), left = before(ow, k.w, k.kw), share = k.c / k.groups;
  std::vector<float> y;
  for (int i = 0; i < oh * ow * k.m; ++i) {
    const int m = i % k.m, ox = i / k.m % ow, oy = i / k.m / ow;
    double sum = bias[static_cast<std::size_t>(m)];
    for (int at = 0; at < k.kh * k.kw * share; ++at) {
      const int c = at % share, kx = at / share % k.kw, ky = at / share / k.kw;
      const int iy = oy * k.stride - top + ky * k.dilation;
      const int ix = ox * k.stride - left + kx * k.dilation;
      if (iy < 0 || iy >= k.h || ix < 0 || ix >= k.w) continue;
      const int channel = m / (k.m / k.groups) * share + c;
      sum += static_cast<double>(x[static_cast<std::size_t>((iy * k.w + ix) * k.c + channel)]) *
             static_cast<double>(w[static_cast<std::size_t>(m * k.kh * k.kw * share + at)]);
    }
    y.push_back(static_cast<float>(sum));
  }
  return y;
}

int output_size(const ConvCase& k, int in, int kernel) {
  if (k.padding == tfl::Padding::SAME) return (in + k.stride - 1) / k.stride;
  return (in - (kernel - 1) * k.dilation - 1) / k.stride + 1;
}

TEST(TfliteConv, PadsAndGroupsAsTensorFlowDoes) {
  constexpr auto kSame = tfl::Padding::SAME;
  constexpr auto kValid = tfl::Padding::VALID;
  const ConvCase cases[] = {{5, 6, 3, 4, 3, 3, 1, 1, 1, kSame}, {5, 6, 3, 4, 3, 3, 2, 1, 1, kSame},
                            {7, 9, 4, 6, 2, 4, 2, 1, 2, kSame}, {9, 8, 2, 5, 3, 2, 1, 2, 1, kSame},
                            {9, 8, 2, 4, 3, 2, 1, 2, 2, kValid}, {4, 4, 1, 1, 1, 1, 3, 1, 1, kValid}};
  for (const ConvCase& k : cases) {
    const int oh = output_size(k, k.h, k.kh), ow = output_size(k, k.w, k.kw);
    const auto size = [](int n) { return static_cast<std::size_t>(n); };
    const auto x = random_floats(size(k.h * k.w * k.c), 1);
    const auto w = random_floats(size(k.m * k.kh * k.kw * k.c / k.groups), 2);
    const auto bias = random_floats(size(k.m), 3);
    TfliteBuilder b;
    const auto in = b.input("x", kF32, {1, k.h, k.w, k.c});
    const auto weights = b.floats({k.m, k.kh, k.kw, k.c / k.groups}, w);
    const auto biases = b.floats({k.m}, bias);
    const auto out = b.output("y", kF32, {1, oh, ow, k.m});
    b.op(Operation::CONV_2D, Options::Conv2DOptions, {in, weights, biases}, {out},
         tfl::CreateConv2DOptions, k.padding, k.stride, k.stride, kNone, k.dilation, k.dilation);
    expect_near(run(b, {x}), plain_conv(k, x, w, bias, oh, ow));
  }
}

TEST(TfliteDepthwiseConv, GivesSeveralOutputsAChannel) {
  const ConvCase k = {5, 4, 3, 6, 3, 3, 2, 1, 3, tfl::Padding::SAME};
  const auto x = random_floats(60, 4);
  const auto w = random_floats(54, 5);  // 1, KH, KW, M
  std::vector<float> turned(54);
  for (std::size_t i = 0; i < 54; ++i) turned[i % 6 * 9 + i / 6] = w[i];
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {1, 5, 4, 3});
  const auto weights = b.floats({1, 3, 3, 6}, w);
  const auto out = b.output("y", kF32, {1, 3, 2, 6});
  b.op(Operation::DEPTHWISE_CONV_2D, Options::DepthwiseConv2DOptions, {in, weights, -1}, {out},
       tfl::CreateDepthwiseConv2DOptions, tfl::Padding::SAME, 2, 2, 2, kNone, 1, 1);
  expect_near(run(b, {x}), plain_conv(k, x, turned, std::vector<float>(6, 0.0f), 3, 2));
}

TEST(TfliteModel, NeedsNoTransposes) {
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {1, 6, 6, 4});
  const auto weights = b.floats({8, 1, 1, 4}, random_floats(32, 1));
  const auto layer = b.floats({3, 72}, random_floats(216, 2));
  const auto conv = b.tensor("conv", kF32, {1, 6, 6, 8});
  const auto pool = b.output("pool", kF32, {1, 3, 3, 8});
  const auto flat = b.tensor("flat", kF32, {1, 72});
  const auto scores = b.output("scores", kF32, {1, 3});
  b.op(Operation::CONV_2D, Options::Conv2DOptions, {in, weights, -1}, {conv},
       tfl::CreateConv2DOptions, tfl::Padding::SAME, 1, 1, tfl::Activation::RELU, 1, 1);
  b.op(Operation::MAX_POOL_2D, Options::Pool2DOptions, {conv}, {pool}, tfl::CreatePool2DOptions,
       tfl::Padding::VALID, 2, 2, 2, 2, kNone);
  b.op(Operation::RESHAPE, {pool, b.integers({2}, {-1, 72})}, {flat});
  b.op(Operation::FULLY_CONNECTED, Options::FullyConnectedOptions, {flat, layer, -1}, {scores},
       tfl::CreateFullyConnectedOptions, kNone, tfl::WeightsFormat::DEFAULT, false, false);
  EXPECT_EQ(steps_of(b), (std::vector<ops::OpCode>{ops::OpCode::kConv2d, ops::OpCode::kPool2d,
                                                   ops::OpCode::kFullyConnected}));
}

TEST(TfliteModel, KeepsTheFilesOrderOfImages) {
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {1, 2, 3, 2});
  const auto out = b.output("y", kF32, {1, 1, 3, 2});
  b.op(Operation::MAX_POOL_2D, Options::Pool2DOptions, {in}, {out}, tfl::CreatePool2DOptions,
       tfl::Padding::VALID, 1, 1, 1, 2, kNone);
  EXPECT_EQ(run(b, {{1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 1}}),
            (std::vector<float>{6, 5, 4, 4, 5, 6}));
}

TEST(TfliteModel, MayGiveAResultThatIsAlsoReadAndJoined) {
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {1, 1, 2, 2});
  const auto twice = b.output("twice", kF32, {1, 1, 2, 2});
  const auto both = b.output("both", kF32, {1, 1, 2, 4});
  b.op(Operation::ADD, Options::AddOptions, {in, in}, {twice}, tfl::CreateAddOptions, kNone);
  b.op(Operation::CONCATENATION, Options::ConcatenationOptions, {twice, in}, {both},
       tfl::CreateConcatenationOptions, 3, kNone);
  const auto outputs = testing::run_package(compile_tflite(b.file(), "test.tflite", {}).package,
                                            {{1, 2, 3, 4}});
  EXPECT_EQ(outputs.at(0), (std::vector<float>{2, 4, 6, 8}));
  EXPECT_EQ(outputs.at(1), (std::vector<float>{2, 4, 1, 2, 6, 8, 3, 4}));
}

TEST(TfliteArithmetic, Broadcasts) {
  const std::vector<float> x = random_floats(12, 6);
  const auto with = [&](std::vector<std::int32_t> shape, const std::vector<float>& values,
                        Operation code, tfl::Activation activation) {
    TfliteBuilder b;
    const auto in = b.input("x", kF32, {1, 2, 2, 3});
    const auto other = b.floats(std::move(shape), values);
    const auto out = b.output("y", kF32, {1, 2, 2, 3});
    if (code == Operation::MUL) {
      b.op(code, Options::MulOptions, {in, other}, {out}, tfl::CreateMulOptions, activation);
    } else {
      b.op(code, Options::SubOptions, {other, in}, {out}, tfl::CreateSubOptions, activation);
    }
    return run(b, {x});
  };
  std::vector<float> product, difference;
  for (std::size_t i = 0; i < 12; ++i) {
    product.push_back(x[i] * static_cast<float>(i % 3 + 2));
    difference.push_back(std::clamp(static_cast<float>(i / 3 % 2) - x[i], -1.0f, 1.0f));
  }
  EXPECT_EQ(with({3}, {2, 3, 4}, Operation::MUL, kNone), product);
  EXPECT_EQ(with({2, 1}, {0, 1}, Operation::SUB, tfl::Activation::RELU_N1_TO_1), difference);
}

TEST(TfliteFullyConnected, FlattensItsInputAndKeepsDimensions) {
  const auto x = random_floats(12, 7);
  const auto w = random_floats(6, 8);
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {2, 2, 3});
  const auto weights = b.floats({2, 3}, w);
  const auto bias = b.floats({2}, {0.5f, -0.5f});
  const auto out = b.output("y", kF32, {2, 2, 2});
  b.op(Operation::FULLY_CONNECTED, Options::FullyConnectedOptions, {in, weights, bias}, {out},
       tfl::CreateFullyConnectedOptions, tfl::Activation::RELU6, tfl::WeightsFormat::DEFAULT, true,
       false);
  std::vector<float> expected;
  for (std::size_t i = 0; i < 8; ++i) {
    float sum = i % 2 == 0 ? 0.5f : -0.5f;
    for (std::size_t k = 0; k < 3; ++k) sum += x[i / 2 * 3 + k] * w[i % 2 * 3 + k];
    expected.push_back(std::clamp(sum, 0.0f, 6.0f));
  }
  expect_near(run(b, {x}), expected);
}

TEST(TfliteSoftmax, WorksAlongTheLastDimensionWithItsBeta) {
  for (const std::vector<std::int32_t>& shape :
       {std::vector<std::int32_t>{2, 4}, std::vector<std::int32_t>{1, 1, 2, 4}}) {
    const auto x = random_floats(8, 9);
    TfliteBuilder b;
    const auto in = b.input("x", kF32, shape);
    const auto out = b.output("y", kF32, shape);
    b.op(Operation::SOFTMAX, Options::SoftmaxOptions, {in}, {out}, tfl::CreateSoftmaxOptions, 2.5f);
    std::vector<float> expected;
    for (std::size_t i = 0; i < 8; ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < 4; ++k) sum += std::exp(2.5 * x[i / 4 * 4 + k]);
      expected.push_back(static_cast<float>(std::exp(2.5 * x[i]) / sum));
    }
    expect_near(run(b, {x}), expected);
  }
}

TEST(TfliteMean, IsTakenOverHeightAndWidth) {
  for (const bool keep : {true, false}) {
    TfliteBuilder b;
    const auto in = b.input("x", kF32, {1, 2, 2, 2});
    const auto axes = b.integers({2}, {1, -2});
    const auto out = b.output("y", kF32, keep ? std::vector<std::int32_t>{1, 1, 1, 2}
                                              : std::vector<std::int32_t>{1, 2});
    b.op(Operation::MEAN, Options::ReducerOptions, {in, axes}, {out}, tfl::CreateReducerOptions,
         keep);
    EXPECT_EQ(run(b, {{1, 10, 2, 20, 3, 30, 4, 40}}), (std::vector<float>{2.5f, 25.0f}));
  }
}

TEST(TfliteMovement, TransposesImagesInTheFilesOrder) {
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {1, 2, 3, 2});
  const auto perm = b.integers({4}, {0, 3, 2, 1});
  const auto out = b.output("y", kF32, {1, 2, 3, 2});
  b.op(Operation::TRANSPOSE, {in, perm}, {out});
  EXPECT_EQ(run(b, {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}),
            (std::vector<float>{0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11}));
}

TEST(TfliteMovement, PadsSqueezesAndJoins) {
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {1, 1, 2, 1});
  const auto pads = b.integers({4, 2}, {0, 0, 1, 0, 0, 1, 0, 0});
  const auto padded = b.tensor("padded", kF32, {1, 2, 3, 1});
  const auto joined = b.tensor("joined", kF32, {1, 4, 3, 1});
  const auto out = b.output("y", kF32, {4, 3});
  b.op(Operation::PAD, {in, pads}, {padded});
  b.op(Operation::CONCATENATION, Options::ConcatenationOptions, {padded, padded}, {joined},
       tfl::CreateConcatenationOptions, -3, kNone);
  b.op(Operation::SQUEEZE, Options::SqueezeOptions, {joined}, {out}, tfl::CreateSqueezeOptions, 0);
  EXPECT_EQ(run(b, {{5, 6}}), (std::vector<float>{0, 0, 0, 5, 6, 0, 0, 0, 0, 5, 6, 0}));
}

TEST(TfliteMovement, PaddingIsDoneByTheConvolutionBehindIt) {
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {1, 4, 4, 1});
  const auto pads = b.integers({4, 2}, {0, 0, 0, 1, 0, 1, 0, 0});
  const auto padded = b.tensor("padded", kF32, {1, 5, 5, 1});
  const auto weights = b.floats({1, 3, 3, 1}, random_floats(9, 3));
  const auto out = b.output("y", kF32, {1, 2, 2, 1});
  b.op(Operation::PAD, {in, pads}, {padded});
  b.op(Operation::CONV_2D, Options::Conv2DOptions, {padded, weights, -1}, {out},
       tfl::CreateConv2DOptions, tfl::Padding::VALID, 2, 2, kNone, 1, 1);
  EXPECT_EQ(steps_of(b), std::vector<ops::OpCode>{ops::OpCode::kConv2d});
}

// How exporters flatten: the batch size out of the shape, and -1.
TEST(TfliteMovement, FoldsShapesThatAreComputed) {
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {2, 1, 3});
  const auto i32 = tfl::TensorType::INT32;
  const auto shape = b.tensor("shape", i32, {3});
  const auto batch = b.tensor("batch", i32, {});
  const auto wanted = b.tensor("wanted", i32, {2});
  const auto out = b.output("y", kF32, {2, 3});
  b.op(Operation::SHAPE, {in}, {shape});
  b.op(Operation::STRIDED_SLICE, Options::StridedSliceOptions,
       {shape, b.integers({1}, {0}), b.integers({1}, {1}), b.integers({1}, {1})}, {batch},
       tfl::CreateStridedSliceOptions, 0, 0, 0, 0, 1, false);
  b.op(Operation::PACK, Options::PackOptions, {batch, b.integers({}, {-1})}, {wanted},
       tfl::CreatePackOptions, 2, 0);
  b.op(Operation::RESHAPE, {in, wanted}, {out});
  EXPECT_EQ(run(b, {{1, 2, 3, 4, 5, 6}}), (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST(TfliteMovement, SlicesChannelsOfImages) {
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {1, 1, 2, 4});
  const auto out = b.output("y", kF32, {1, 1, 2, 2});
  b.op(Operation::STRIDED_SLICE, Options::StridedSliceOptions,
       {in, b.integers({4}, {0, 0, 0, 1}), b.integers({4}, {0, 0, 0, -1}),
        b.integers({4}, {1, 1, 1, 1})},
       {out}, tfl::CreateStridedSliceOptions, 0b0111, 0b0111, 0, 0, 0, false);
  EXPECT_EQ(run(b, {{0, 1, 2, 3, 4, 5, 6, 7}}), (std::vector<float>{1, 2, 5, 6}));
}

TEST(TfliteResize, RepeatsPixels) {
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {1, 1, 2, 1});
  const auto size = b.integers({2}, {2, 4});
  const auto out = b.output("y", kF32, {1, 2, 4, 1});
  b.op(Operation::RESIZE_NEAREST_NEIGHBOR, Options::ResizeNearestNeighborOptions, {in, size}, {out},
       tfl::CreateResizeNearestNeighborOptions, false, true);
  EXPECT_EQ(run(b, {{1, 2}}), (std::vector<float>{1, 1, 2, 2, 1, 1, 2, 2}));
}

TEST(TfliteResize, InterpolatesBetweenPixels) {
  const auto with = [](bool align_corners, bool half_pixel_centers) {
    TfliteBuilder b;
    const auto in = b.input("x", kF32, {1, 1, 2, 1});
    const auto size = b.integers({2}, {1, 4});
    const auto out = b.output("y", kF32, {1, 1, 4, 1});
    b.op(Operation::RESIZE_BILINEAR, Options::ResizeBilinearOptions, {in, size}, {out},
         tfl::CreateResizeBilinearOptions, align_corners, half_pixel_centers);
    return run(b, {{0, 6}});
  };
  expect_near(with(false, false), {0, 3, 6, 6});
  expect_near(with(true, false), {0, 2, 4, 6});
  expect_near(with(false, true), {0, 1.5f, 4.5f, 6});
}

TEST(TfliteUnary, HasSigmoidTanhAndHardSwish) {
  const std::vector<float> x = {-4, -1, 0, 2};
  const auto with = [&](Operation code) {
    TfliteBuilder b;
    const auto in = b.input("x", kF32, {4});
    const auto out = b.output("y", kF32, {4});
    b.op(code, {in}, {out});
    return run(b, {x});
  };
  const auto of = [&](auto function) {
    std::vector<float> y;
    for (const float v : x) y.push_back(static_cast<float>(function(static_cast<double>(v))));
    return y;
  };
  expect_near(with(Operation::LOGISTIC), of([](double v) { return 1 / (1 + std::exp(-v)); }));
  expect_near(with(Operation::TANH), of([](double v) { return std::tanh(v); }));
  expect_near(with(Operation::HARD_SWISH),
              of([](double v) { return v * std::clamp(v + 3, 0.0, 6.0) / 6; }));
}

TEST(TfliteUnary, HasRelusAndLeakyRelu) {
  const std::vector<float> x = {-8, -0.5f, 0.5f, 8};
  const auto with = [&](Operation code) {
    TfliteBuilder b;
    const auto in = b.input("x", kF32, {4});
    const auto out = b.output("y", kF32, {4});
    if (code == Operation::LEAKY_RELU) {
      b.op(code, Options::LeakyReluOptions, {in}, {out}, tfl::CreateLeakyReluOptions, 0.25f);
    } else {
      b.op(code, {in}, {out});
    }
    return run(b, {x});
  };
  EXPECT_EQ(with(Operation::RELU), (std::vector<float>{0, 0, 0.5f, 8}));
  EXPECT_EQ(with(Operation::RELU6), (std::vector<float>{0, 0, 0.5f, 6}));
  EXPECT_EQ(with(Operation::RELU_N1_TO_1), (std::vector<float>{-1, -0.5f, 0.5f, 1}));
  EXPECT_EQ(with(Operation::LEAKY_RELU), (std::vector<float>{-2, -0.125f, 0.5f, 8}));
}

// 1, -2, the largest, the smallest subnormal.
TEST(TfliteDequantize, WidensWeightsOfHalfPrecision) {
  const std::vector<std::uint16_t> halves = {0x3c00, 0xc000, 0x7bff, 0x0001};
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {4});
  const auto half =
      b.constant(tfl::TensorType::FLOAT16, {4}, std::as_bytes(std::span(halves)));
  const auto wide = b.tensor("wide", kF32, {4});
  const auto out = b.output("y", kF32, {4});
  b.op(Operation::DEQUANTIZE, {half}, {wide});
  b.op(Operation::MUL, Options::MulOptions, {in, wide}, {out}, tfl::CreateMulOptions, kNone);
  EXPECT_EQ(run(b, {{1, 1, 1, 1}}), (std::vector<float>{1, -2, 65504, 0x1p-24f}));
}

TEST(TfliteDequantize, FeedsWeightsOfHalfPrecisionToLayers) {
  const std::vector<std::uint16_t> halves = {0x3c00, 0xc000};  // 1, -2
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {1, 1, 1, 2});
  const auto half =
      b.constant(tfl::TensorType::FLOAT16, {1, 1, 1, 2}, std::as_bytes(std::span(halves)));
  const auto wide = b.tensor("wide", kF32, {1, 1, 1, 2});
  const auto out = b.output("y", kF32, {1, 1, 1, 1});
  b.op(Operation::DEQUANTIZE, {half}, {wide});
  b.op(Operation::CONV_2D, Options::Conv2DOptions, {in, wide, -1}, {out}, tfl::CreateConv2DOptions,
       tfl::Padding::SAME, 1, 1, kNone, 1, 1);
  EXPECT_EQ(run(b, {{5, 3}}), std::vector<float>{-1});
}

TEST(TfliteDequantize, WidensEightBitWeightsAlongTheirDimension) {
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {2, 2});
  const auto narrow = b.bytes(tfl::TensorType::INT8, {2, 2}, {1, -2, 3, -128},
                              {{0.5f, 0.25f}, {0, 0}, 0});
  const auto wide = b.tensor("wide", kF32, {2, 2});
  const auto out = b.output("y", kF32, {2, 2});
  b.op(Operation::DEQUANTIZE, {narrow}, {wide});
  b.op(Operation::ADD, Options::AddOptions, {in, wide}, {out}, tfl::CreateAddOptions, kNone);
  EXPECT_EQ(run(b, {{0, 0, 0, 0}}), (std::vector<float>{0.5f, -1.0f, 0.75f, -32.0f}));
}

}  // namespace
}  // namespace sz::compiler
