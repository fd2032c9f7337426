// The passes that fold constants into layers: fold_batch_norm, fold_scale_and_bias,
// fuse_activations.
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/passes/passes.h"
#include "compiler/testing/pass_harness.h"

namespace sz::compiler {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

void add_batch_norm(OnnxBuilder& b, const std::string& x, const std::string& y,
                    std::int64_t channels) {
  const auto n = static_cast<std::size_t>(channels);
  auto variance = random_floats(n, 14);
  for (float& value : variance) value = std::abs(value) + 0.1f;
  b.floats(y + ".scale", {channels}, random_floats(n, 11));
  b.floats(y + ".bias", {channels}, random_floats(n, 12));
  b.floats(y + ".mean", {channels}, random_floats(n, 13)).floats(y + ".var", {channels}, variance);
  b.node("BatchNormalization", {x, y + ".scale", y + ".bias", y + ".mean", y + ".var"}, {y});
}

TEST(FoldBatchNorm, DisappearsIntoTheConvolution) {
  for (const std::int64_t groups : {1, 2, 4}) {
    OnnxBuilder b;
    b.input("x", {1, 4, 6, 6}).output("y").floats("bias", {4}, random_floats(4, 3));
    b.floats("w", {4, 4 / groups, 3, 3}, random_floats(static_cast<std::size_t>(144 / groups), 2));
    set(b.node("Conv", {"x", "w", "bias"}, {"c"}), "group", groups);
    add_batch_norm(b, "c", "n", 4);
    b.node("Relu", {"n"}, {"y"});
    EXPECT_EQ(operators(optimised(b)), "Conv");
    EXPECT_LT(change_by_fusing(b, 1), 1e-6) << groups << " groups";
  }
}

TEST(FoldBatchNorm, DisappearsIntoAFullyConnectedLayer) {
  OnnxBuilder b;
  b.input("x", {3, 5}).output("y").floats("w", {5, 4}, random_floats(20, 2));
  b.node("MatMul", {"x", "w"}, {"c"});
  add_batch_norm(b, "c", "y", 4);
  EXPECT_EQ(operators(optimised(b)), "FullyConnected");
  EXPECT_LT(change_by_fusing(b, 1), 1e-6);
}

TEST(FoldBatchNorm, BecomesMulAndAddWhereNothingTakesIt) {
  OnnxBuilder b;
  b.input("x", {2, 3, 4, 4}).output("y");
  add_batch_norm(b, "x", "y", 3);
  EXPECT_EQ(operators(optimised(b)), "Mul Add");
  const auto x = random_floats(96, 1);
  const auto scale = random_floats(3, 11), bias = random_floats(3, 12), mean = random_floats(3, 13),
             variance = random_floats(3, 14);
  const auto y = run(b, 1).at(0);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t c = i / 16 % 3;
    const double spread = std::abs(variance[c]) + 0.1f + 1e-5f;
    const double expected =
        (static_cast<double>(x[i]) - mean[c]) / std::sqrt(spread) * static_cast<double>(scale[c]) +
        static_cast<double>(bias[c]);
    EXPECT_NEAR(y[i], expected, 1e-5);
  }
}

TEST(FoldBatchNorm, RefusesAVarianceThatIsNotPositive) {
  OnnxBuilder b;
  b.input("x", {1, 1, 2, 2}).output("y").floats("one", {1}, {1}).floats("minus", {1}, {-1});
  b.node("BatchNormalization", {"x", "one", "one", "one", "minus"}, {"y"});
  EXPECT_THROW(optimised(b), CompileError);
}

TEST(FoldBatchNorm, KeepsAConvolutionThatOthersReadToo) {
  OnnxBuilder b;
  b.input("x", {1, 2, 4, 4}).output("y").output("c").floats("w", {2, 2, 1, 1}, random_floats(4, 2));
  b.node("Conv", {"x", "w"}, {"c"});
  add_batch_norm(b, "c", "y", 2);
  EXPECT_EQ(operators(optimised(b)), "Conv Mul Add");
}

TEST(FoldScaleAndBias, TakesConstantsForEachChannel) {
  OnnxBuilder b;
  b.input("x", {1, 2, 4, 4}).output("y").floats("w", {3, 2, 3, 3}, random_floats(54, 2));
  b.floats("scale", {3, 1, 1}, random_floats(3, 3)).floats("shift", {1, 3, 1, 1}, {1, -2, 3});
  b.floats("half", {}, {0.5f});
  b.node("Conv", {"x", "w"}, {"c"});
  b.node("Mul", {"c", "scale"}, {"m"});
  b.node("Add", {"shift", "m"}, {"a"});
  b.node("Sub", {"a", "half"}, {"y"});
  EXPECT_EQ(operators(optimised(b)), "Conv");
  EXPECT_LT(change_by_fusing(b, 1), 1e-6);
}

TEST(FoldScaleAndBias, LeavesWhatVariesOverTheImage) {
  OnnxBuilder b;
  b.input("x", {1, 2, 4, 4}).output("y").floats("w", {3, 2, 1, 1}, random_floats(6, 2));
  b.floats("row", {4}, {1, 2, 3, 4}).floats("one", {1}, {1});
  b.node("Conv", {"x", "w"}, {"c"});
  b.node("Add", {"c", "row"}, {"d"});  // along the width
  b.node("Sub", {"one", "d"}, {"y"});  // the constant on the left
  EXPECT_EQ(operators(optimised(b)), "Conv Add Sub");
  EXPECT_LT(change_by_fusing(b, 1), 1e-6);
}

TEST(FoldScaleAndBias, DoesNotReachThroughAnActivation) {
  OnnxBuilder b;
  b.input("x", {1, 2, 4, 4}).output("y").floats("w", {3, 2, 1, 1}, random_floats(6, 2));
  b.floats("shift", {1, 3, 1, 1}, {1, -2, 3});
  b.node("Conv", {"x", "w"}, {"c"});
  b.node("Relu", {"c"}, {"r"});
  b.node("Add", {"r", "shift"}, {"y"});
  EXPECT_EQ(operators(optimised(b)), "Conv Add");
  EXPECT_LT(change_by_fusing(b, 1), 1e-6);
}

TEST(FuseActivations, ClampsEndInTheLayerBefore) {
  OnnxBuilder b;
  b.input("x", {1, 2, 4, 4}).output("y").floats("w", {3, 2, 1, 1}, random_floats(6, 2));
  b.floats("six", {}, {6}).floats("low", {}, {0.25f}).floats("high", {}, {0.5f});
  b.node("Conv", {"x", "w"}, {"c"});
  b.node("Relu", {"c"}, {"r"});
  b.node("Clip", {"r", "", "six"}, {"s"});
  b.node("Clip", {"s", "low", "high"}, {"y"});
  const Graph graph = optimised(b);
  ASSERT_EQ(operators(graph), "Conv");
  EXPECT_EQ(graph.nodes[0].activation.low, 0.25f);
  EXPECT_EQ(graph.nodes[0].activation.high, 0.5f);
  EXPECT_EQ(change_by_fusing(b, 1), 0.0);
}

TEST(FuseActivations, StaysApartWhereTheValueIsReadTwice) {
  OnnxBuilder b;
  b.input("x", {4}).output("y").floats("one", {1}, {1});
  b.node("Add", {"x", "one"}, {"a"});
  b.node("Relu", {"a"}, {"r"});
  b.node("Mul", {"a", "r"}, {"y"});
  EXPECT_EQ(operators(optimised(b)), "Add Clamp Mul");
}

TEST(FuseActivations, LeakyReluEndsAConvolutionAndAClampMayFollow) {
  OnnxBuilder b;
  b.input("x", {1, 3, 5, 5}).output("y").floats("w", {4, 3, 3, 3}, random_floats(108, 2));
  b.node("Conv", {"x", "w"}, {"c"});
  set(b.node("LeakyRelu", {"c"}, {"l"}), "alpha", 0.125f);
  b.node("Relu", {"l"}, {"r"});
  set(b.node("LeakyRelu", {"r"}, {"y"}), "alpha", 0.5f);  // behind a clamp: stays
  const Graph graph = optimised(b);
  EXPECT_EQ(operators(graph), "Conv LeakyRelu");
  EXPECT_EQ(graph.nodes[0].slope, 0.125f);
  EXPECT_EQ(graph.nodes[0].activation.low, 0.0f);
  EXPECT_EQ(change_by_fusing(b, 1), 0);
}

// A residual block: two branches, one of them with a convolution of its own or none.
void add_block(OnnxBuilder& b, bool projected, bool swapped) {
  b.input("x", {1, 4, 6, 6}).output("y").floats("w1", {4, 4, 3, 3}, random_floats(144, 2));
  b.floats("w2", {4, 4, 1, 1}, random_floats(16, 3)).floats("bias", {4}, random_floats(4, 4));
  set(b.node("Conv", {"x", "w1", "bias"}, {"c"}), "pads", Ints{1, 1, 1, 1});
  if (projected) b.node("Conv", {"x", "w2"}, {"s"});
  const std::string other = projected ? "s" : "x";
  b.node("Add",
         swapped ? std::vector<std::string>{other, "c"} : std::vector<std::string>{"c", other},
         {"a"});
  b.node("Relu", {"a"}, {"y"});
}

TEST(FuseResiduals, TheAddAndItsActivationEndTheConvolution) {
  for (const bool projected : {false, true}) {
    for (const bool swapped : {false, true}) {
      OnnxBuilder b;
      add_block(b, projected, swapped);
      const Graph graph = optimised(b);
      EXPECT_EQ(operators(graph), projected ? "Conv Conv" : "Conv");
      EXPECT_EQ(graph.nodes.back().inputs.size(), 4u);
      EXPECT_EQ(graph.nodes.back().activation.low, 0.0f);
      EXPECT_EQ(change_by_fusing(b, 1), 0) << projected << swapped;
    }
  }
}

TEST(FuseResiduals, KeepsAnAddThatNoConvolutionCanTake) {
  const auto kept = [](auto build) {
    OnnxBuilder b;
    b.input("x", {1, 4, 6, 6}).output("y").floats("w", {4, 4, 1, 1}, random_floats(16, 3));
    build(b);
    return operators(optimised(b));
  };
  EXPECT_EQ(kept([](OnnxBuilder& b) {  // another reader
              b.output("c").node("Conv", {"x", "w"}, {"c"});
              b.node("Add", {"c", "x"}, {"y"});
            }),
            "Conv Add");
  EXPECT_EQ(kept([](OnnxBuilder& b) {  // to itself
              b.node("Conv", {"x", "w"}, {"c"});
              b.node("Add", {"c", "c"}, {"y"});
            }),
            "Conv Add");
  EXPECT_EQ(kept([](OnnxBuilder& b) {  // an activation in between
              b.node("Conv", {"x", "w"}, {"c"});
              b.node("Relu", {"c"}, {"r"});
              b.node("Add", {"r", "x"}, {"y"});
            }),
            "Conv Add");
  EXPECT_EQ(kept([](OnnxBuilder& b) {  // broadcast
              b.input("v", {1, 4, 1, 6});
              b.node("Conv", {"x", "w"}, {"c"});
              b.node("Add", {"c", "v"}, {"y"});
            }),
            "Conv Add");
}

}  // namespace
}  // namespace sz::compiler
