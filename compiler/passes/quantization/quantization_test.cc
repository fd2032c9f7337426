// From Dequantize, operator, Quantize to integers: which operators come out, and that they compute
// what ONNX defines.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "compiler/passes/passes.h"
#include "compiler/testing/pass_harness.h"
#include "compiler/testing/runner.h"

namespace sz::compiler {
namespace {

using namespace testing;
using Dims = std::vector<std::int64_t>;

// Builds models with quantised tensors.
struct Quantised : OnnxBuilder {
  using OnnxBuilder::OnnxBuilder;

  void integers8(const std::string& name, const Dims& dims, const std::vector<int>& values,
                 bool is_signed = true) {
    auto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(is_signed ? onnx::TensorProto::INT8 : onnx::TensorProto::UINT8);
    for (const std::int64_t dim : dims) tensor.add_dims(dim);
    for (const int value : values) tensor.add_int32_data(value);
  }
  // The value `x` through Quantize and Dequantize: `x`.d.
  std::string quantised(const std::string& x, float scale, int zero, bool is_signed = true) {
    floats(x + ".s", {}, {scale});
    integers8(x + ".z", {}, {zero}, is_signed);
    node("QuantizeLinear", {x, x + ".s", x + ".z"}, {x + ".q"});
    return dequantised(x);
  }
  std::string dequantised(const std::string& x) {
    node("DequantizeLinear", {x + ".q", x + ".s", x + ".z"}, {x + ".d"});
    return x + ".d";
  }
  // Weights with a scale for each of their first dimension: `w`.d.
  std::string weights(const std::string& w, const Dims& dims, std::uint32_t seed, int zero = 0,
                      bool is_signed = true) {
    std::size_t count = 1;
    for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
    std::vector<int> values;
    for (const float x : random_floats(count, seed)) {
      values.push_back(std::clamp(static_cast<int>(x * 127) + zero, is_signed ? -128 : 0,
                                  is_signed ? 127 : 255));
    }
    integers8(w + ".q", dims, values, is_signed);
    std::vector<float> scales;
    for (std::int64_t i = 0; i < dims[0]; ++i) scales.push_back(0.002f * static_cast<float>(i + 1));
    floats(w + ".s", {dims[0]}, scales);
    integers8(w + ".z", {dims[0]}, std::vector<int>(static_cast<std::size_t>(dims[0]), zero),
              is_signed);
    auto& dequantize = node("DequantizeLinear", {w + ".q", w + ".s", w + ".z"}, {w + ".d"});
    set(dequantize, "axis", std::int64_t{0});
    return w + ".d";
  }
};

// The same with every value in between as an output: then the operators on f32 are there as well,
// and nothing is fused. Largest difference of the first output, in steps of `scale`.
double steps_off(const OnnxBuilder& builder, float scale, std::uint32_t seed) {
  OnnxBuilder exposed = builder;
  for (const auto& node : builder.model().graph().node()) {
    const bool real = node.op_type() != "QuantizeLinear" && node.op_type() != "DequantizeLinear";
    if (real && node.output(0) != "y") exposed.output(node.output(0));
  }
  const auto a = run(builder, seed).at(0);
  const auto b = run(exposed, seed).at(0);
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return most / static_cast<double>(scale);
}

Quantised convolution(bool is_signed, int weight_zero, std::int64_t groups) {
  Quantised b;
  b.input("x", {1, 4, 7, 9}).output("s.d").floats("b", {8}, random_floats(8, 5));
  const auto x = b.quantised("x", 0.01f, is_signed ? -3 : 125, is_signed);
  const auto w = b.weights("w", {8, 4 / groups, 3, 3}, 2, weight_zero, is_signed);
  auto& conv = b.node("Conv", {x, w, "b"}, {"c"});
  set(conv, "group", groups);
  set(conv, "pads", Dims{1, 1, 1, 1});
  b.node("Relu", {"c"}, {"s"});
  b.quantised("s", 0.02f, is_signed ? -128 : 0, is_signed);
  return b;
}

TEST(FuseQuantization, MakesIntegerConvolutions) {
  for (const bool is_signed : {true, false}) {
    for (const std::int64_t groups : {1, 2, 4}) {
      const Quantised b = convolution(is_signed, is_signed ? 0 : 120, groups);
      EXPECT_EQ(operators(optimised(b)), "QuantizeLinear QConv DequantizeLinear");
      EXPECT_LE(steps_off(b, 0.02f, 1), 1.001) << is_signed << ' ' << groups;
    }
  }
}

TEST(FuseQuantization, KeepsTheBoundsOfAnActivation) {
  Quantised b;
  b.input("x", {1, 4, 5, 5}).output("s.d").floats("low", {}, {0.1f}).floats("high", {}, {0.5f});
  const auto x = b.quantised("x", 0.01f, 0);
  b.node("Conv", {x, b.weights("w", {8, 4, 1, 1}, 2)}, {"c"});
  b.node("Clip", {"c", "low", "high"}, {"s"});
  b.quantised("s", 0.01f, 10);
  EXPECT_EQ(operators(optimised(b)), "QuantizeLinear QConv DequantizeLinear");
  const auto y = run(b, 3).at(0);
  EXPECT_NEAR(*std::min_element(y.begin(), y.end()), 0.1f, 1e-6);
  EXPECT_NEAR(*std::max_element(y.begin(), y.end()), 0.5f, 1e-6);
}

TEST(FuseQuantization, KeepsSumsThatNothingQuantises) {
  Quantised b;
  b.input("x", {2, 16}).output("y").floats("b", {4}, random_floats(4, 3));
  const auto x = b.quantised("x", 0.01f, 5);
  auto& gemm = b.node("Gemm", {x, b.weights("w", {4, 16}, 2), "b"}, {"y"});
  set(gemm, "transB", std::int64_t{1});
  EXPECT_EQ(operators(optimised(b)), "QuantizeLinear QFullyConnected DequantizeLinear");
  // The bias is rounded to a step of the accumulators.
  EXPECT_LE(steps_off(b, 0.01f * 0.002f * 4, 1), 0.6);
}

TEST(FuseQuantization, TakesAnAddedConstantAsBias) {
  Quantised b;
  b.input("x", {2, 3, 8}).output("y.d").floats("b", {4}, random_floats(4, 3));
  const auto x = b.quantised("x", 0.01f, 5);
  b.integers8("w.q", {8, 4}, std::vector<int>(32, 77));
  b.floats("w.s", {}, {0.004f});
  b.integers8("w.z", {}, {0});
  b.dequantised("w");
  b.node("MatMul", {x, "w.d"}, {"m"});
  b.node("Add", {"b", "m"}, {"y"});
  b.quantised("y", 0.03f, 2);
  EXPECT_EQ(operators(optimised(b)), "QuantizeLinear QFullyConnected DequantizeLinear");
  EXPECT_LE(steps_off(b, 0.03f, 1), 1.001);
}

TEST(FuseQuantization, KeepsWhatRoundingTakesOffABias) {
  // y = x + 0.25 in steps of 2: for x = 1 that is 0.625 steps, with the bias rounded it would be
  // 0.5.
  for (const bool added : {false, true}) {
    Quantised b;
    b.input("x", {64, 1}).output("y.d").floats("b", {1}, {0.25f});
    const auto x = b.quantised("x", 1.0f, 0);
    b.integers8("w.q", {1, 1}, {1});
    b.floats("w.s", {}, {1.0f});
    b.integers8("w.z", {}, {0});
    b.dequantised("w");
    if (added) {
      b.node("MatMul", {x, "w.d"}, {"m"});
      b.node("Add", {"b", "m"}, {"y"});
    } else {
      b.node("Gemm", {x, "w.d", "b"}, {"y"});
    }
    b.quantised("y", 2.0f, 0);
    EXPECT_EQ(operators(optimised(b)), "QuantizeLinear QFullyConnected DequantizeLinear");
    EXPECT_EQ(steps_off(b, 2.0f, 1), 0);
    const auto y = run(b, 1).at(0);
    EXPECT_EQ(*std::max_element(y.begin(), y.end()), 2.0f);
  }
}

TEST(FuseQuantization, MultipliesMatricesThatTheNetworkComputes) {
  Quantised b;
  b.input("x", {2, 3, 8}).input("v", {2, 8, 5}).output("y.d");
  const auto x = b.quantised("x", 0.01f, 5);
  const auto v = b.quantised("v", 0.008f, -7);
  b.node("MatMul", {x, v}, {"y"});
  b.quantised("y", 0.03f, 2);
  EXPECT_EQ(operators(optimised(b)), "QuantizeLinear QuantizeLinear QMatMul DequantizeLinear");
  EXPECT_LE(steps_off(b, 0.03f, 1), 1.001);
}

TEST(FuseQuantization, ComputesElementByElementOnIntegers) {
  for (const char* op : {"Add", "Sub", "Mul"}) {
    Quantised b;
    b.input("x", {1, 4, 5, 5}).input("v", {1, 4, 5, 5}).output("s.d");
    const auto x = b.quantised("x", 0.01f, 5);
    const auto v = b.quantised("v", 0.008f, 130, false);
    b.node(op, {x, v}, {"y"});
    b.node("Relu", {"y"}, {"s"});
    b.quantised("s", 0.012f, -100);
    const std::string text = operators(optimised(b));
    EXPECT_NE(text.find(std::string(" Q") + op), std::string::npos) << text;
    EXPECT_EQ(text.find("Clamp"), std::string::npos) << text;
    EXPECT_LE(steps_off(b, 0.012f, 1), 1.001) << op;
  }
}

TEST(FuseQuantization, AveragesIntegers) {
  for (const char* op : {"AveragePool", "GlobalAveragePool"}) {
    Quantised b;
    b.input("x", {1, 5, 6, 6}).output("y.d");
    const auto x = b.quantised("x", 0.01f, 5);
    auto& pool = b.node(op, {x}, {"y"});
    if (std::string(op) == "AveragePool") {
      set(pool, "kernel_shape", Dims{3, 3});
      set(pool, "pads", Dims{1, 1, 1, 1});
    }
    b.quantised("y", 0.006f, -9);
    EXPECT_EQ(operators(optimised(b)), std::string("QuantizeLinear Q") + op + " DequantizeLinear");
    EXPECT_LE(steps_off(b, 0.006f, 1), 1.001) << op;
  }
}

TEST(FuseQuantization, MovesIntegersAsTheyAre) {
  Quantised b;
  b.input("x", {1, 4, 6, 6}).output("c.d");
  const auto x = b.quantised("x", 0.01f, 5);
  set(b.node("MaxPool", {x}, {"p"}), "kernel_shape", Dims{2, 2});
  const auto p = b.quantised("p", 0.01f, 5);
  set(b.node("Concat", {p, p}, {"c"}), "axis", std::int64_t{1});
  b.quantised("c", 0.01f, 5);
  EXPECT_EQ(operators(optimised(b)), "QuantizeLinear MaxPool Concat DequantizeLinear");
  EXPECT_EQ(steps_off(b, 0.01f, 1), 0);
}

TEST(FuseQuantization, RescalesWhatIsConcatenated) {
  Quantised b;
  b.input("x", {1, 4, 6, 6}).input("v", {1, 2, 6, 6}).output("c.d");
  const auto x = b.quantised("x", 0.01f, 5);
  const auto v = b.quantised("v", 0.008f, 0);
  set(b.node("Concat", {x, v}, {"c"}), "axis", std::int64_t{1});
  b.quantised("c", 0.01f, 5);
  EXPECT_EQ(operators(optimised(b)),
            "QuantizeLinear QuantizeLinear Lookup Concat DequantizeLinear");
  EXPECT_EQ(steps_off(b, 0.01f, 1), 0);  // a table has just the values of the definition
}

TEST(FuseQuantization, MakesTablesOfFunctions) {
  Quantised b;
  b.input("x", {1, 4, 6, 6}).output("s.d").floats("half", {}, {0.5f});
  const auto x = b.quantised("x", 0.01f, 5, true);
  b.node("LeakyRelu", {x}, {"l"});
  b.node("Mul", {"l", "half"}, {"s"});
  b.quantised("s", 0.004f, 100, false);
  EXPECT_EQ(operators(optimised(b)), "QuantizeLinear Lookup DequantizeLinear");
  EXPECT_EQ(steps_off(b, 0.004f, 1), 0);
}

TEST(FuseQuantization, LeavesWhatItDoesNotKnowOnF32) {
  Quantised b;
  b.input("x", {1, 8}).output("y.d");
  b.node("Softmax", {b.quantised("x", 0.01f, 5)}, {"y"});
  b.quantised("y", 0.004f, -128);
  EXPECT_EQ(operators(optimised(b)),
            "QuantizeLinear DequantizeLinear Softmax QuantizeLinear DequantizeLinear");
}

TEST(FuseQuantization, LeavesWeightsWithSeveralZeroPointsOnF32) {
  Quantised b;
  b.input("x", {1, 4}).output("y.d");
  const auto x = b.quantised("x", 0.01f, 5);
  b.weights("w", {2, 4}, 2);
  b.graph().mutable_initializer(b.graph().initializer_size() - 1)->set_int32_data(1, 3);
  set(b.node("Gemm", {x, "w.d"}, {"y"}), "transB", std::int64_t{1});
  b.quantised("y", 0.01f, 0);
  EXPECT_NE(operators(optimised(b)).find(" FullyConnected"), std::string::npos);
  EXPECT_LE(steps_off(b, 0.01f, 1), 1.001);
}

TEST(MakeSigned, KeepsTheTypesOfInputsAndOutputs) {
  Quantised b;
  b.floats("s", {}, {0.5f});
  b.integers8("z", {}, {128}, false);
  b.input("x", {1, 2, 4, 4}).output("r");
  b.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
      onnx::TensorProto::UINT8);
  b.node("DequantizeLinear", {"x", "s", "z"}, {"d"});
  b.node("Conv", {"d", b.weights("w", {3, 2, 3, 3}, 2)}, {"c"});
  b.node("QuantizeLinear", {"c", "s", "z"}, {"q"});
  set(b.node("MaxPool", {"q"}, {"r"}), "kernel_shape", Dims{2, 2});
  const Graph graph = optimised(b);
  EXPECT_EQ(operators(graph), "Requantize QConv MaxPool Requantize");
  EXPECT_EQ(graph.value(graph.inputs[0]).dtype, DType::kU8);
  EXPECT_EQ(graph.value(graph.outputs[0]).dtype, DType::kU8);
}

TEST(MakeSigned, LeavesWhatNoIntegerOperatorReads) {
  Quantised b;
  b.input("x", {1, 4}).output("x.q").output("x.d");
  b.quantised("x", 0.01f, 130, false);
  const Graph graph = optimised(b);
  EXPECT_EQ(operators(graph), "QuantizeLinear DequantizeLinear");
  EXPECT_EQ(graph.value(graph.outputs[0]).dtype, DType::kU8);
}

TEST(QuantizeLinear, RefusesBlocks) {
  Quantised b(21);
  b.input("x", {4, 4}).output("q").floats("s", {2, 4}, std::vector<float>(8, 1));
  set(b.node("QuantizeLinear", {"x", "s"}, {"q"}), "block_size", std::int64_t{2});
  EXPECT_THROW(optimised(b), CompileError);
}

}  // namespace
}  // namespace sz::compiler
