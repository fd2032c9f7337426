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

}  // namespace
}  // namespace sz::compiler
