// Networks that are quantised after training, against themselves on f32.
#include "compiler/quantize/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "compiler/compile.h"
#include "compiler/testing/pass_harness.h"
#include "compiler/testing/runner.h"

namespace sz::compiler {
namespace {

using namespace testing;

std::vector<std::byte> as_bytes(const std::vector<float>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::vector<std::vector<std::byte>> sample(const std::vector<float>& values) {
  std::vector<std::vector<std::byte>> inputs(1);
  inputs[0] = as_bytes(values);
  return inputs;
}

// So many samples of random inputs of `elements` each.
QuantizeOptions calibrated(std::size_t count, std::size_t elements) {
  QuantizeOptions options;
  options.calibration = {count,
                         [elements](std::size_t i) {
                           const auto seed = static_cast<std::uint32_t>(100 + i);
                           return sample(random_floats(elements, seed));
                         },
                         [](std::size_t i) { return "#" + std::to_string(i); }};
  return options;
}

// Two convolutions around a residual, pooling, a concatenation, a layer, Softmax.
OnnxBuilder network() {
  OnnxBuilder b;
  b.input("x", {1, 3, 12, 12}).output("y");
  b.floats("w1", {8, 3, 3, 3}, random_floats(216, 1)).floats("b1", {8}, random_floats(8, 2));
  b.floats("w2", {8, 8, 3, 3}, random_floats(576, 3)).floats("b2", {8}, random_floats(8, 4));
  b.floats("w3", {8, 1, 3, 3}, random_floats(72, 5)).floats("b3", {8}, random_floats(8, 6));
  b.floats("w4", {16, 10}, random_floats(160, 7)).floats("b4", {10}, random_floats(10, 8));
  const auto conv = [&](const char* name, const char* x, std::vector<std::string> rest) {
    rest.insert(rest.begin(), x);
    auto& node = b.node("Conv", rest, {name});
    set(node, "pads", std::vector<std::int64_t>{1, 1, 1, 1});
    return &node;
  };
  conv("c1", "x", {"w1", "b1"});
  b.node("Relu", {"c1"}, {"r1"});
  conv("c2", "r1", {"w2", "b2"});
  b.node("Add", {"c2", "r1"}, {"a"});
  b.node("Relu", {"a"}, {"r2"});
  set(*conv("c3", "r2", {"w3", "b3"}), "group", std::int64_t{8});
  auto& concat = b.node("Concat", {"r2", "c3"}, {"k"});
  set(concat, "axis", std::int64_t{1});
  b.node("GlobalAveragePool", {"k"}, {"g"});
  b.node("Flatten", {"g"}, {"f"});
  b.node("Gemm", {"f", "w4", "b4"}, {"logits"});
  b.node("Softmax", {"logits"}, {"y"});
  return b;
}

TEST(Quantize, KeepsWhatANetworkComputes) {
  const OnnxBuilder b = network();
  CompileOptions options;
  options.quantize = calibrated(16, 432);
  const CompileResult result = compile_onnx(b.bytes(), "test", options);
  ASSERT_TRUE(result.quantization);
  const QuantizationReport& report = *result.quantization;
  EXPECT_EQ(report.samples, 16u);
  EXPECT_GE(report.same_best, 15u);
  ASSERT_EQ(report.outputs.size(), 1u);
  EXPECT_GT(report.outputs[0], 25);
  EXPECT_TRUE(report.kept_float.empty()) << report.kept_float[0];
  for (const ValueAccuracy& value : report.values) {
    EXPECT_GT(value.decibels, 28) << value.name;
    EXPECT_LE(value.low, 0);
    EXPECT_GE(value.high, 0);
  }
  // An input that was not among the samples.
  const auto x = random_floats(432, 9);
  const auto real = run_package(compile_onnx(b.bytes(), "test", {}).package, {x}).at(0);
  const auto y = run_package(result.package, {x}).at(0);
  EXPECT_LT(relative_distance(y, real), 0.05);
  EXPECT_GT(relative_distance(y, real), 0);  // or nothing was quantised
}

TEST(Quantize, MakesIntegerOperators) {
  Graph graph = optimised(network());
  quantize_graph(graph, calibrated(4, 432), {});
  EXPECT_EQ(operators(graph),
            "QuantizeLinear QConv QConv QAdd QConv Concat QGlobalAveragePool Reshape "
            "QFullyConnected DequantizeLinear Softmax");
}

TEST(Quantize, LeavesLayersOnF32WhereThatIsAskedFor) {
  QuantizeOptions options = calibrated(2, 432);
  options.float_first = options.float_last = true;
  Graph graph = optimised(network());
  const QuantizationReport report = quantize_graph(graph, options, {});
  EXPECT_EQ(report.kept_float, (std::vector<std::string>{"c1", "logits"}));
  const std::string text = operators(graph);
  EXPECT_EQ(text.rfind("Conv ", 0), 0u) << text;
  EXPECT_NE(text.find(" FullyConnected"), std::string::npos) << text;
}

TEST(Quantize, CorrectsTheMeanErrorOfTheWeights) {
  // Inputs far from zero: rounded weights shift every output.
  OnnxBuilder b;
  b.input("x", {1, 64}).output("y").floats("w", {64, 8}, random_floats(512, 1));
  b.node("MatMul", {"x", "w"}, {"y"});
  QuantizeOptions options;
  options.calibration = {8,
                         [](std::size_t i) {
                           auto x = random_floats(64, static_cast<std::uint32_t>(i));
                           for (float& value : x) value += 20;
                           return sample(x);
                         },
                         [](std::size_t) { return std::string("sample"); }};
  double decibels[2];
  for (const bool correct : {false, true}) {
    options.correct_bias = correct;
    Graph graph = optimised(b);
    decibels[correct] = quantize_graph(graph, options, {}).outputs.at(0);
  }
  EXPECT_GT(decibels[1], decibels[0] + 3);
}

void expect_refused(const OnnxBuilder& b, const QuantizeOptions& options, const char* part) {
  Graph graph = optimised(b);
  try {
    quantize_graph(graph, options, {});
    ADD_FAILURE() << "not refused: " << part;
  } catch (const InternalError& error) {
    ADD_FAILURE() << error.what();
  } catch (const CompileError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(Quantize, RefusesSamplesThatDoNotFit) {
  const OnnxBuilder b = network();
  expect_refused(b, calibrated(0, 432), "no samples");
  expect_refused(b, calibrated(1, 431), "sample #0 has 1724 bytes");
  QuantizeOptions two = calibrated(1, 432);
  two.calibration.sample = [](std::size_t) { return std::vector<std::vector<std::byte>>(2); };
  expect_refused(b, two, "has 2 inputs; the network takes 1");
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    QuantizeOptions hostile = calibrated(1, 432);
    hostile.calibration.sample = [bad](std::size_t) {
      auto x = random_floats(432, 1);
      x[17] = bad;
      return sample(x);
    };
    expect_refused(b, hostile, "'x' is not finite");
  }
}

TEST(Quantize, RefusesActivationsThatOverflow) {
  OnnxBuilder b;
  b.input("x", {1, 4}).output("y").floats("w", {4, 4}, std::vector<float>(16, 1e30f));
  b.node("MatMul", {"x", "w"}, {"h"});
  b.node("MatMul", {"h", "w"}, {"i"});
  b.node("MatMul", {"i", "w"}, {"y"});
  QuantizeOptions options = calibrated(1, 4);
  options.calibration.sample = [](std::size_t) { return sample({1, 1, 1, 1}); };
  expect_refused(b, options, "'i' is not finite");
}

TEST(Quantize, RefusesNetworksWithoutLayers) {
  OnnxBuilder b;
  b.input("x", {1, 4}).output("y");
  b.node("Softmax", {"x"}, {"y"});
  expect_refused(b, calibrated(1, 4), "nothing in the network can be quantised");
}

}  // namespace
}  // namespace sz::compiler
