// The passes that change the form of the graph: canonicalize, remove_identities, remove_dead_code,
// fuse_padding, lower_gemm.
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/compile.h"
#include "compiler/passes/passes.h"
#include "compiler/testing/pass_harness.h"

namespace sz::compiler {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

TEST(RemoveIdentities, DropsWhatChangesNothing) {
  OnnxBuilder b;
  b.input("x", {1, 2, 3, 4})
      .output("y")
      .integers("same", {1, 2, 3, 4})
      .integers("none", Ints(8, 0));
  b.node("Identity", {"x"}, {"a"});
  b.node("Dropout", {"a"}, {"b"});
  b.node("Reshape", {"b", "same"}, {"c"});
  set(b.node("Transpose", {"c"}, {"d"}), "perm", Ints{0, 1, 2, 3});
  b.node("Pad", {"d", "none"}, {"e"});
  set(b.node("Concat", {"e"}, {"f"}), "axis", std::int64_t{1});
  b.node("Relu", {"f"}, {"y"});
  EXPECT_EQ(operators(optimised(b)), "Clamp");
}

TEST(RemoveIdentities, KeepsASliceThatOnlyReverses) {
  OnnxBuilder b;
  b.input("x", {1, 2, 3, 4}).output("y");
  b.integers("s", {-1}).integers("e", {-9}).integers("a", {3}).integers("t", {-1});
  b.node("Slice", {"x", "s", "e", "a", "t"}, {"y"});
  const auto x = random_floats(24, 2);
  const auto y = run(b, 2).at(0);
  for (std::size_t i = 0; i < 24; ++i) EXPECT_EQ(y[i], x[i / 4 * 4 + 3 - i % 4]);
}

TEST(RemoveIdentities, AnOutputThatIsAnInputIsCopied) {
  OnnxBuilder b;
  b.input("x", {2, 3}).output("y");
  b.node("Identity", {"x"}, {"y"});
  EXPECT_EQ(run(b, 5).at(0), random_floats(6, 5));
}

TEST(RemoveDeadCode, DropsWhatNobodyReads) {
  OnnxBuilder b;
  b.input("x", {4}).output("y");
  b.node("Softmax", {"x"}, {"unused"});
  b.node("Relu", {"x"}, {"y"});
  EXPECT_EQ(operators(optimised(b)), "Clamp");
}

TEST(FusePadding, MovesZeroesIntoTheConvolution) {
  OnnxBuilder b;
  b.input("x", {1, 2, 5, 5}).floats("w", {3, 2, 3, 3}, random_floats(54, 1)).output("y");
  b.integers("pads", {0, 0, 1, 2, 0, 0, 3, 4});
  b.node("Pad", {"x", "pads"}, {"p"});
  b.node("Conv", {"p", "w"}, {"y"});
  const Graph graph = optimised(b);
  ASSERT_EQ(operators(graph), "Conv");
  EXPECT_EQ(graph.nodes[0].get<WindowAttributes>().pads, (Ints{1, 2, 3, 4}));
  EXPECT_LT(change_by_fusing(b, 3), 1e-6);
}

TEST(FusePadding, MovesZeroesIntoAnAveragePoolThatThenCountsThem) {
  OnnxBuilder b;
  b.input("x", {1, 2, 5, 5}).output("y").integers("pads", {0, 0, 1, 1, 0, 0, 1, 1});
  b.node("Pad", {"x", "pads"}, {"p"});
  set(b.node("AveragePool", {"p"}, {"y"}), "kernel_shape", Ints{3, 3});
  EXPECT_EQ(operators(optimised(b)), "AveragePool");
  EXPECT_LT(change_by_fusing(b, 3), 1e-6);
}

TEST(FusePadding, LeavesOtherValuesAndChannelsAlone) {
  OnnxBuilder b;
  b.input("x", {1, 2, 5, 5}).floats("w", {3, 4, 3, 3}, random_floats(108, 1)).output("y");
  b.integers("pads", {0, 1, 0, 0, 0, 1, 0, 0});
  b.node("Pad", {"x", "pads"}, {"p"});
  b.node("Conv", {"p", "w"}, {"y"});
  EXPECT_EQ(operators(optimised(b)), "Move Conv");
  EXPECT_LT(change_by_fusing(b, 3), 1e-6);
}

TEST(Canonicalize, PadsWithAnyValueOnEverySide) {
  OnnxBuilder b;
  b.input("x", {1, 1, 2, 2}).output("y", {1, 1, 3, 4}).floats("v", {}, {7});
  b.integers("pads", {0, 0, 1, 0, 0, 0, 0, 2});
  b.node("Pad", {"x", "pads", "v"}, {"y"});
  const auto x = random_floats(4, 2);
  EXPECT_EQ(run(b, 2).at(0), (std::vector<float>{7, 7, 7, 7, x[0], x[1], 7, 7, x[2], x[3], 7, 7}));
}

TEST(Canonicalize, TakesEveryNthPixel) {
  OnnxBuilder b;
  b.input("x", {1, 1, 3, 4}).output("y", {1, 1, 2, 2});
  b.integers("s", {0, 0}).integers("e", {INT64_MAX, INT64_MAX}).integers("a", {2, 3});
  b.integers("t", {2, 3});
  b.node("Slice", {"x", "s", "e", "a", "t"}, {"y"});
  const auto x = random_floats(12, 2);
  EXPECT_EQ(run(b, 2).at(0), (std::vector<float>{x[0], x[3], x[8], x[11]}));
}

TEST(Canonicalize, TakesNeighbouringChannelsWithoutAStep) {
  OnnxBuilder b;
  b.input("x", {1, 4, 1, 2}).output("y", {1, 2, 1, 2}).output("z", {1, 2, 1, 2});
  b.integers("one", {1}).integers("three", {3}).integers("four", {4}).integers("two", {2});
  b.node("Relu", {"x"}, {"r"});
  b.node("Slice", {"r", "one", "three", "one"}, {"y"});
  b.node("Slice", {"r", "two", "four", "one"}, {"t"});
  b.node("LeakyRelu", {"t"}, {"z"});
  const auto x = random_floats(8, 2);
  const auto relu = [](float value) { return value < 0 ? 0.0f : value; };
  const auto outputs = run(b, 2);
  EXPECT_EQ(outputs.at(0), (std::vector<float>{relu(x[2]), relu(x[3]), relu(x[4]), relu(x[5])}));
  EXPECT_EQ(outputs.at(1), (std::vector<float>{relu(x[4]), relu(x[5]), relu(x[6]), relu(x[7])}));
}

// The engine does not see that columns are written where blocks of rows were, so they are copied.
TEST(Canonicalize, TakesChannelsOfImagesThatWereJoinedByRows) {
  OnnxBuilder b;
  b.input("x", {2, 2, 1, 1}).output("y", {2, 1, 2, 1});
  b.integers("one", {1}).integers("two", {2});
  b.node("Relu", {"x"}, {"r"});
  set(b.node("Concat", {"r", "r"}, {"tall"}), "axis", std::int64_t{2});
  b.node("Slice", {"tall", "one", "two", "one"}, {"t"});
  b.node("Relu", {"t"}, {"y"});
  const auto x = random_floats(4, 2);
  const auto relu = [](float value) { return value < 0 ? 0.0f : value; };
  EXPECT_EQ(run(b, 2).at(0), (std::vector<float>{relu(x[1]), relu(x[1]), relu(x[3]), relu(x[3])}));
}

TEST(LeakyRelu, ScalesWhatIsNegative) {
  OnnxBuilder b;
  b.input("x", {1, 64}).output("y", {1, 64});
  set(b.node("LeakyRelu", {"x"}, {"y"}), "alpha", 0.5f);
  const auto x = random_floats(64, 2);
  const auto y = run(b, 2).at(0);
  for (std::size_t i = 0; i < 64; ++i) EXPECT_EQ(y[i], x[i] < 0 ? x[i] * 0.5f : x[i]);
  OnnxBuilder hostile = b;
  hostile.graph().mutable_node(0)->mutable_attribute(0)->set_f(INFINITY);
  EXPECT_THROW(optimised(hostile), CompileError);
}

// One row of two pixels, twice as high and three times as wide, in every way that ONNX has.
TEST(Upsample, RepeatsPixelsInEverySpelling) {
  const auto x = random_floats(2, 2);
  std::vector<float> expected;
  for (int i = 0; i < 12; ++i) expected.push_back(x[i % 6 < 3 ? 0 : 1]);
  const auto check = [&](std::int64_t opset, const char* op, std::vector<std::string> inputs,
                         const std::vector<std::pair<const char*, const char*>>& texts) {
    OnnxBuilder b(opset);
    b.input("x", {1, 1, 1, 2}).output("y", {1, 1, 2, 6});
    b.floats("scales", {4}, {1, 1, 2, 3}).floats("none", {0}, {}).integers("sizes", {1, 1, 2, 6});
    auto& node = b.node(op, inputs, {"y"});
    for (const auto& [name, text] : texts) set(node, name, text);
    if (opset < 9) {
      onnx::AttributeProto& scales = *node.add_attribute();
      scales.set_name("scales");
      scales.set_type(onnx::AttributeProto::FLOATS);
      for (const float scale : {1.0f, 1.0f, 2.0f, 3.0f}) scales.add_floats(scale);
    }
    return run(b, 2).at(0);
  };
  EXPECT_EQ(check(8, "Upsample", {"x"}, {}), expected);
  EXPECT_EQ(check(9, "Upsample", {"x", "scales"}, {}), expected);
  EXPECT_EQ(check(10, "Resize", {"x", "scales"}, {{"mode", "nearest"}}), expected);
  EXPECT_EQ(check(13, "Resize", {"x", "", "scales"}, {}), expected);
  EXPECT_EQ(check(11, "Resize", {"x", "none", "none", "sizes"},
                  {{"coordinate_transformation_mode", "asymmetric"}, {"nearest_mode", "floor"}}),
            expected);
  EXPECT_THROW(check(10, "Upsample", {"x", "scales"}, {}), CompileError);
  EXPECT_NE(check(13, "Resize", {"x", "", "scales"}, {{"mode", "linear"}}), expected);
  EXPECT_NE(check(13, "Resize", {"x", "", "scales"}, {{"nearest_mode", "ceil"}}), expected);
  EXPECT_THROW(check(13, "Resize", {"x", "", "scales"}, {{"mode", "area"}}), CompileError);
  EXPECT_THROW(check(13, "Resize", {"x"}, {}), CompileError);
}

TEST(Upsample, RefusesFactorsThatMakeNoImage) {
  for (const std::vector<float>& scales : {std::vector<float>{1, 1, 0, 1},
                                           {1, 1, -2, 1},
                                           {1, 1, NAN, 1},
                                           {1, 1, INFINITY, 1},
                                           {1, 1, 0.25f, 1},
                                           {1, 1, 1e30f, 1},
                                           {1, 1, 2}}) {
    OnnxBuilder b;
    b.input("x", {1, 1, 2, 2}).output("y");
    b.floats("scales", {static_cast<std::int64_t>(scales.size())}, scales);
    b.node("Resize", {"x", "", "scales"}, {"y"});
    EXPECT_THROW(optimised(b), CompileError) << scales[2];
  }
}

TEST(Canonicalize, AveragesOverTheImage) {
  for (const std::int64_t keep : {0, 1}) {
    OnnxBuilder b;
    b.input("x", {1, 3, 2, 2});
    b.output("y", keep ? Ints{1, 3, 1, 1} : Ints{1, 3});
    auto& node = b.node("ReduceMean", {"x"}, {"y"});
    set(node, "axes", Ints{-1, 2});
    set(node, "keepdims", keep);
    const auto x = random_floats(12, 2);
    const auto y = run(b, 2).at(0);
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(y[c], (x[4 * c] + x[4 * c + 1] + x[4 * c + 2] + x[4 * c + 3]) / 4, 1e-6);
    }
  }
}

TEST(Canonicalize, TakesBoundsThatAreComputed) {
  OnnxBuilder b;
  b.input("x", {4}).input("low", {}).output("y");
  b.node("Clip", {"x", "low"}, {"y"});
  EXPECT_EQ(operators(optimised(b)), "Reshape Binary");
  const auto x = random_floats(4, 3);
  const float low = random_floats(1, 4).at(0);
  const auto y = run(b, 3).at(0);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(y[i], std::max(x[i], low));
}

TEST(Canonicalize, RefusesBoundsThatAreNoNumber) {
  OnnxBuilder b;
  b.input("x", {4}).input("low", {2}).output("y");
  b.node("Clip", {"x", "low"}, {"y"});
  EXPECT_THROW(optimised(b), CompileError);
}

// Before opset 13, softmax runs over everything from the axis on.
TEST(Canonicalize, KeepsTheOldMeaningOfSoftmax) {
  OnnxBuilder b(11);
  b.input("x", {2, 3, 4}).output("y", {2, 3, 4});
  set(b.node("Softmax", {"x"}, {"y"}), "axis", std::int64_t{1});
  const auto y = run(b, 1).at(0);
  for (std::size_t row = 0; row < 2; ++row) {
    float sum = 0;
    for (std::size_t i = 0; i < 12; ++i) sum += y[row * 12 + i];
    EXPECT_NEAR(sum, 1.0f, 1e-6);
  }
}

TEST(Canonicalize, SoftmaxRunsAlongAnyAxis) {
  for (const std::int64_t axis : {0, 1, 2, 3}) {
    OnnxBuilder b;
    b.input("x", {2, 3, 4, 5}).output("y", {2, 3, 4, 5});
    set(b.node("Softmax", {"x"}, {"y"}), "axis", axis);
    const auto y = run(b, 1).at(0);
    const std::size_t dims[] = {2, 3, 4, 5};
    std::size_t stride = 1;
    for (std::size_t i = 3; i > static_cast<std::size_t>(axis); --i) stride *= dims[i];
    const std::size_t size = dims[axis];
    for (std::size_t start = 0; start < y.size(); ++start) {
      if (start / stride % size != 0) continue;
      float sum = 0;
      for (std::size_t k = 0; k < size; ++k) sum += y[start + k * stride];
      EXPECT_NEAR(sum, 1.0f, 1e-6) << "axis " << axis;
    }
  }
}

TEST(LowerGemm, HandlesEveryTranspositionAndFactor) {
  for (int variant = 0; variant < 4; ++variant) {
    const bool trans_a = variant & 1;
    const bool trans_b = variant & 2;
    OnnxBuilder b;
    b.input("a", trans_a ? Ints{3, 2} : Ints{2, 3}).output("y", {2, 4});
    const auto w = random_floats(12, 9);
    b.floats("w", trans_b ? Ints{4, 3} : Ints{3, 4}, w).floats("c", {4}, {1, 2, 3, 4});
    auto& node = b.node("Gemm", {"a", "w", "c"}, {"y"});
    set(node, "transA", std::int64_t{trans_a});
    set(node, "transB", std::int64_t{trans_b});
    set(node, "alpha", 0.5f);
    set(node, "beta", 2.0f);
    const auto a = random_floats(6, 4);
    const auto y = run(b, 4).at(0);
    for (std::size_t i = 0; i < 2; ++i) {
      for (std::size_t j = 0; j < 4; ++j) {
        double sum = 2.0 * static_cast<double>(j + 1);
        for (std::size_t k = 0; k < 3; ++k) {
          sum += 0.5 * static_cast<double>(a[trans_a ? k * 2 + i : i * 3 + k]) *
                 static_cast<double>(w[trans_b ? j * 3 + k : k * 4 + j]);
        }
        EXPECT_NEAR(y[i * 4 + j], sum, 1e-6) << "variant " << variant;
      }
    }
  }
}

TEST(LowerGemm, AddsAThirdOperandThatIsNoBias) {
  OnnxBuilder b;
  b.input("a", {2, 3}).input("c", {2, 1}).output("y", {2, 4});
  b.floats("w", {3, 4}, random_floats(12, 9));
  set(b.node("Gemm", {"a", "w", "c"}, {"y"}), "beta", -3.0f);
  EXPECT_EQ(operators(optimised(b)), "FullyConnected Mul Add");
  const auto with = run(b, 4).at(0);
  b.graph().mutable_node(0)->mutable_attribute(0)->set_f(0.0f);
  EXPECT_EQ(operators(optimised(b)), "FullyConnected");
  const auto without = run(b, 4).at(0);
  const auto c = random_floats(2, 5);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(with[i], without[i] - 3 * c[i / 4], 1e-5);
}

// The weights are permuted when the model is compiled; at run time nothing is transposed.
TEST(Lowering, FlattenBeforeAFullyConnectedLayerCostsNothing) {
  OnnxBuilder b;
  b.input("x", {2, 3, 4, 5}).output("y", {2, 6});
  b.floats("k", {3, 3, 1, 1}, {1, 0, 0, 0, 1, 0, 0, 0, 1});
  const auto w = random_floats(360, 9);
  b.floats("w", {60, 6}, w);
  b.node("Conv", {"x", "k"}, {"image"});
  b.node("Flatten", {"image"}, {"flat"});
  b.node("MatMul", {"flat", "w"}, {"y"});
  const CompileResult result = compile_onnx(b.bytes(), "test", {});
  EXPECT_EQ(result.report.steps, 3u);  // Transpose of the input, Conv2d, FullyConnected
  const auto x = random_floats(120, 4);
  const auto y = run(b, 4).at(0);
  for (std::size_t i = 0; i < 12; ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < 60; ++k) {
      sum += static_cast<double>(x[i / 6 * 60 + k]) * static_cast<double>(w[k * 6 + i % 6]);
    }
    EXPECT_NEAR(y[i], sum, 1e-5);
  }
}

}  // namespace
}  // namespace sz::compiler
