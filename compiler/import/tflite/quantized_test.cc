// Operations on small quantised models. Scales are mostly powers of two, so that every result can
// be worked out by hand; the arithmetic as such is held against TFLite's in trained_test.cc.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "compiler/compile.h"
#include "compiler/import/tflite/importer.h"
#include "compiler/import/tflite/tables.h"
#include "compiler/passes/passes.h"
#include "compiler/plan/lower.h"
#include "compiler/testing/runner.h"
#include "compiler/testing/tflite_builder.h"

namespace sz::compiler {
namespace {

using testing::TfliteBuilder;
using testing::TfliteScaling;
namespace tfl = testing::tfl;
using tfl::Operation;
using tfl::Options;
using tfl::TensorType;
constexpr auto kNone = tfl::Activation::NONE;
constexpr auto kI8 = TensorType::INT8;
constexpr auto kU8 = TensorType::UINT8;
using Numbers = std::vector<int>;

TfliteScaling scaling(float scale, std::int64_t zero) { return {{scale}, {zero}, 0}; }

std::vector<std::byte> bytes_of(const Numbers& numbers) {
  std::vector<std::byte> bytes;
  for (const int number : numbers) bytes.push_back(static_cast<std::byte>(number));
  return bytes;
}

Numbers run(TfliteBuilder& builder, const std::vector<Numbers>& inputs) {
  std::vector<std::vector<std::byte>> bytes;
  for (const Numbers& input : inputs) bytes.push_back(bytes_of(input));
  const bool is_signed =
      builder.tensors()[static_cast<std::size_t>(builder.outputs()[0])].type == kI8;
  const auto package = compile_tflite(builder.file(), "test.tflite", {}).package;
  Numbers result;
  const auto outputs = testing::run_package_bytes(package, bytes);
  for (const std::byte byte : outputs.at(0)) {
    const auto value = static_cast<std::uint8_t>(byte);
    result.push_back(is_signed ? static_cast<std::int8_t>(value) : value);
  }
  return result;
}

// What one operation without options makes of x.
Numbers unary(Operation code, TensorType type, TfliteScaling in, TfliteScaling out,
              const Numbers& x) {
  TfliteBuilder b;
  const std::vector<std::int32_t> shape = {static_cast<std::int32_t>(x.size())};
  const auto input = b.input("x", type, shape, std::move(in));
  const auto output = b.output("y", type, shape, std::move(out));
  b.op(code, {input}, {output});
  return run(b, {x});
}

// acc = 2 * (x - 1) - 1 * (next - 1) + bias, at the edge with x = zero point beyond it.
TEST(QuantizedTfliteConv, PadsWithTheZeroPoint) {
  TfliteBuilder b;
  const auto in = b.input("x", kI8, {1, 1, 3, 1}, scaling(0.5f, 1));
  const auto weights = b.bytes(kI8, {1, 1, 2, 1}, {2, -1}, scaling(0.25f, 0));
  const auto bias = b.integers({1}, {4});
  const auto out = b.output("y", kI8, {1, 1, 3, 1}, scaling(0.25f, -3));
  b.op(Operation::CONV_2D, Options::Conv2DOptions, {in, weights, bias}, {out},
       tfl::CreateConv2DOptions, tfl::Padding::SAME, 1, 1, kNone, 1, 1);
  // y = acc * 0.5 * 0.25 / 0.25 - 3.
  EXPECT_EQ(run(b, {{5, 11, -7}}), (Numbers{(2 * 4 - 10 + 4) / 2 - 3, (2 * 10 + 8 + 4) / 2 - 3,
                                            (2 * -8 - 0 + 4) / 2 - 3}));
}

TEST(QuantizedTfliteConv, OfUint8HasAZeroPointOfItsWeights) {
  TfliteBuilder b;
  const auto in = b.input("x", kU8, {1, 1, 2, 2}, scaling(0.5f, 100));
  // 130, 120 with the zero point 128: 2, -8.
  const auto weights = b.bytes(kU8, {1, 1, 1, 2}, {static_cast<std::int8_t>(130), 120},
                               scaling(0.5f, 128));
  const auto out = b.output("y", kU8, {1, 1, 2, 1}, scaling(0.25f, 50));
  b.op(Operation::CONV_2D, Options::Conv2DOptions, {in, weights, -1}, {out},
       tfl::CreateConv2DOptions, tfl::Padding::VALID, 1, 1, tfl::Activation::RELU, 1, 1);
  EXPECT_EQ(run(b, {{110, 99, 255, 100}}), (Numbers{50 + 2 * 10 + 8, 255}));
}

TEST(QuantizedTfliteConv, TakesThePaddingBeforeIt) {
  TfliteBuilder b;
  const auto in = b.input("x", kI8, {1, 2, 2, 1}, scaling(1.0f, 7));
  const auto padded = b.tensor("padded", kI8, {1, 3, 3, 1}, scaling(1.0f, 7));
  const auto weights = b.bytes(kI8, {1, 3, 3, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}, scaling(1.0f, 0));
  const auto out = b.output("y", kI8, {1, 1, 1, 1}, scaling(1.0f, 0));
  b.op(Operation::PAD, {in, b.integers({4, 2}, {0, 0, 1, 0, 0, 1, 0, 0})}, {padded});
  b.op(Operation::CONV_2D, Options::Conv2DOptions, {padded, weights, -1}, {out},
       tfl::CreateConv2DOptions, tfl::Padding::VALID, 1, 1, kNone, 1, 1);
  const auto file = b.file();
  Graph graph = import_tflite(file, {});
  run_passes(graph, {}, {});
  const Program program = lower(graph, ops::Kernel::kVector);
  ASSERT_EQ(program.steps.size(), 1u);
  EXPECT_EQ(program.steps[0].op, ops::OpCode::kQConv2d);
  const auto package = compile_tflite(file, "test.tflite", {}).package;
  EXPECT_EQ(testing::run_package_bytes(package, {bytes_of({10, 11, 12, 13})}).at(0),
            bytes_of({10 + 11 + 12 + 13 - 4 * 7}));
}

TEST(QuantizedTfliteMovement, PadsWithTheZeroPoint) {
  for (const TensorType type : {kI8, kU8}) {
    TfliteBuilder b;
    const auto in = b.input("x", type, {1, 1, 2, 1}, scaling(1.0f, 9));
    const auto out = b.output("y", type, {1, 2, 3, 1}, scaling(1.0f, 9));
    b.op(Operation::PAD, {in, b.integers({4, 2}, {0, 0, 1, 0, 0, 1, 0, 0})}, {out});
    EXPECT_EQ(run(b, {{1, 2}}), (Numbers{9, 9, 9, 1, 2, 9}));
  }
}

TEST(QuantizedTfliteMovement, JoinsUint8PartsOfDifferentScales) {
  TfliteBuilder b;
  const auto a = b.input("a", kU8, {1, 3}, scaling(0.5f, 10));
  const auto c = b.input("c", kU8, {1, 2}, scaling(0.25f, 4));
  const auto out = b.output("y", kU8, {1, 5}, scaling(0.5f, 10));
  b.op(Operation::CONCATENATION, Options::ConcatenationOptions, {a, c}, {out},
       tfl::CreateConcatenationOptions, 1, kNone);
  // (7 - 4) / 2 = 1.5, away from zero; (0 - 4) / 2 = -2.
  EXPECT_EQ(run(b, {{0, 10, 255}, {7, 0}}), (Numbers{0, 10, 255, 12, 8}));
}

TEST(QuantizedTflitePool, RoundsHalfAwayFromZeroInEitherType) {
  const auto pool = [](TensorType type, const Numbers& x, Operation code) {
    TfliteBuilder b;
    const auto in = b.input("x", type, {1, 1, 2, 1}, scaling(1.0f, 3));
    const auto out = b.output("y", type, {1, 1, 1, 1}, scaling(1.0f, 3));
    b.op(code, Options::Pool2DOptions, {in}, {out}, tfl::CreatePool2DOptions, tfl::Padding::VALID,
         2, 1, 2, 1, kNone);
    return run(b, {x}).at(0);
  };
  constexpr auto kAverage = Operation::AVERAGE_POOL_2D;
  EXPECT_EQ(pool(kI8, {-1, -2}, kAverage), -2);
  EXPECT_EQ(pool(kI8, {1, 2}, kAverage), 2);
  EXPECT_EQ(pool(kU8, {1, 2}, kAverage), 2);
  EXPECT_EQ(pool(kU8, {100, 101}, kAverage), 101);  // as i8: -28, -27
  EXPECT_EQ(pool(kU8, {200, 201}, kAverage), 201);
  EXPECT_EQ(pool(kU8, {100, 201}, Operation::MAX_POOL_2D), 201);
}

// 0.5 * (1 + 2 + 4 + 9) / 4 = 2, in steps of 0.25; the zero points are 1 and -5.
TEST(QuantizedTfliteMean, IsTakenOverHeightAndWidth) {
  TfliteBuilder b;
  const auto in = b.input("x", kI8, {1, 2, 2, 1}, scaling(0.5f, 1));
  const auto out = b.output("y", kI8, {1, 1}, scaling(0.25f, -5));
  b.op(Operation::MEAN, Options::ReducerOptions, {in, b.integers({2}, {1, 2})}, {out},
       tfl::CreateReducerOptions, false);
  EXPECT_EQ(run(b, {{2, 3, 5, 10}}), (Numbers{8 - 5}));
}

TEST(QuantizedTfliteArithmetic, RescalesBothOperands) {
  const auto with = [](Operation code, Options type, auto create) {
    TfliteBuilder b;
    const auto a = b.input("a", kI8, {3}, scaling(0.5f, 1));
    const auto c = b.input("c", kI8, {3}, scaling(0.25f, -2));
    const auto out = b.output("y", kI8, {3}, scaling(0.5f, 4));
    b.op(code, type, {a, c}, {out}, create, kNone);
    return run(b, {{3, 11, 101}, {2, -6, 98}});  // 1, 5, 50 and 1, -1, 25
  };
  const auto add = [](auto& f, tfl::Activation a) { return tfl::CreateAddOptions(f, a); };
  const auto sub = [](auto& f, tfl::Activation a) { return tfl::CreateSubOptions(f, a); };
  EXPECT_EQ(with(Operation::ADD, Options::AddOptions, add), (Numbers{8, 12, 127}));
  EXPECT_EQ(with(Operation::SUB, Options::SubOptions, sub), (Numbers{4, 16, 54}));
  EXPECT_EQ(with(Operation::MUL, Options::MulOptions, tfl::CreateMulOptions),
            (Numbers{6, -6, 127}));
}

TEST(QuantizedTfliteUnary, ReluMayChangeTheScale) {
  EXPECT_EQ(unary(Operation::RELU, kI8, scaling(0.5f, -8), scaling(0.25f, 2), {-20, -8, -4, 90}),
            (Numbers{2, 2, 10, 127}));
  EXPECT_EQ(unary(Operation::RELU6, kU8, scaling(0.25f, 8), scaling(0.25f, 8), {0, 8, 20, 200}),
            (Numbers{8, 8, 20, 32}));
  // The multiplication by 0.5 rounds upwards between two numbers: -1.5 to -1, 0.5 to 1.
  EXPECT_EQ(unary(Operation::QUANTIZE, kI8, scaling(0.5f, 0), scaling(1.0f, 10), {-3, 1, 4}),
            (Numbers{9, 11, 12}));
}

// The integer formulas against the functions themselves: within one step, and in order.
TEST(QuantizedTfliteUnary, TablesFollowTheirFunctions) {
  const auto close = [](const tflite::Function& table, double scale, double steps,
                        const std::function<double(double)>& function, double slack,
                        std::int32_t most = 1000) {
    std::int32_t before = -1000;
    for (std::int32_t x = -255; x <= 255; ++x) {
      const double exact = function(x * scale) * steps;
      EXPECT_NEAR(table(x), exact, slack) << x << " * " << scale;
      const std::int32_t y = std::min(table(x), most);  // the type's range ends here
      if (slack < 1.01) {
        EXPECT_GE(y, before) << x << " * " << scale;
      }
      before = y;
    }
  };
  for (const float scale : {1.0f / 1024, 0.01f, 1.0f / 64, 0.05f, 0.1f, 0.5f, 3.0f}) {
    const auto s = static_cast<double>(scale);
    close(tflite::logistic_of(scale), s, 256,
          [](double x) { return 1 / (1 + std::exp(-x)); }, 1.0, 255);
    close(tflite::tanh_of(scale), s, 128, [](double x) { return std::tanh(x); }, 1.0, 127);
    close(tflite::leaky_relu_of(scale, 0.1f, scale / 2), s, 2 / s,
          [](double x) { return x < 0 ? static_cast<double>(0.1f) * x : x; },
          0.626);  // 0.2 = 0.8 / 4: rounded to quarters, then to whole numbers
    const auto swish = tflite::hard_swish_of(scale, scale);
    ASSERT_TRUE(swish.valid);
    close(swish.function, s, 1 / s,
          [](double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; }, 1.1);
  }
  EXPECT_FALSE(tflite::hard_swish_of(1.0f, 1.0f / 512).valid);
}

TEST(QuantizedTfliteUnary, RunsTables) {
  // 0, 2, -2, far away: 0.5, 0.8808, 0.1192.
  EXPECT_EQ(unary(Operation::LOGISTIC, kI8, scaling(0.25f, 4), scaling(1.0f / 256, -128),
                  {4, 12, -4, 127, -128}),
            (Numbers{0, 97, -97, 127, -128}));
  EXPECT_EQ(unary(Operation::TANH, kU8, scaling(0.25f, 128), scaling(1.0f / 128, 128),
                  {128, 132, 124, 255, 0}),
            (Numbers{128, 225, 31, 255, 0}));
  EXPECT_EQ(unary(Operation::HARD_SWISH, kI8, scaling(0.0625f, 0), scaling(0.0625f, 0),
                  {0, 48, 96, -48, 16}),
            (Numbers{0, 48, 96, 0, 11}));
}

TEST(QuantizedTfliteSoftmax, GivesPartsOf256) {
  TfliteBuilder b;
  const auto in = b.input("x", kU8, {1, 1, 2, 2}, scaling(1.0f, 0));
  const auto out = b.output("y", kU8, {1, 1, 2, 2}, scaling(1.0f / 256, 0));
  b.op(Operation::SOFTMAX, Options::SoftmaxOptions, {in}, {out}, tfl::CreateSoftmaxOptions, 1.0f);
  EXPECT_EQ(run(b, {{7, 7, 0, 200}}), (Numbers{128, 128, 0, 255}));
}

TEST(QuantizedTfliteModel, ConvertsAtItsBorders) {
  TfliteBuilder b;
  const auto in = b.input("x", TensorType::FLOAT32, {3});
  const auto narrow = b.tensor("narrow", kU8, {3}, scaling(0.5f, 10));
  const auto out = b.output("y", TensorType::FLOAT32, {3});
  b.op(Operation::QUANTIZE, {in}, {narrow});
  b.op(Operation::DEQUANTIZE, {narrow}, {out});
  EXPECT_EQ(testing::run_package(compile_tflite(b.file(), "test.tflite", {}).package,
                                 {{1.2f, -100.0f, 1000.0f}})
                .at(0),
            (std::vector<float>{1.0f, -5.0f, 122.5f}));
}

}  // namespace
}  // namespace sz::compiler
