// Weights that a file stores in fewer bits than they are used in.
#include <gtest/gtest.h>

#include "compiler/compile.h"
#include "compiler/testing/runner.h"
#include "compiler/testing/tflite_builder.h"

namespace sz::compiler {
namespace {

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

// 1, -2, the largest, the smallest subnormal.
TEST(TfliteDequantize, WidensWeightsOfHalfPrecision) {
  const std::vector<std::uint16_t> halves = {0x3c00, 0xc000, 0x7bff, 0x0001};
  TfliteBuilder b;
  const auto in = b.input("x", kF32, {4});
  const auto half = b.constant(tfl::TensorType::FLOAT16, {4}, std::as_bytes(std::span(halves)));
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
  const auto narrow =
      b.bytes(tfl::TensorType::INT8, {2, 2}, {1, -2, 3, -128}, {{0.5f, 0.25f}, {0, 0}, 0});
  const auto wide = b.tensor("wide", kF32, {2, 2});
  const auto out = b.output("y", kF32, {2, 2});
  b.op(Operation::DEQUANTIZE, {narrow}, {wide});
  b.op(Operation::ADD, Options::AddOptions, {in, wide}, {out}, tfl::CreateAddOptions, kNone);
  EXPECT_EQ(run(b, {{0, 0, 0, 0}}), (std::vector<float>{0.5f, -1.0f, 0.75f, -32.0f}));
}

}  // namespace
}  // namespace sz::compiler
