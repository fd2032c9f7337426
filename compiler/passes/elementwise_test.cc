// What becomes of elementwise operators and reductions, and that they compute what they say.
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/testing/pass_harness.h"

namespace sz::compiler::testing {
namespace {

using Ints = std::vector<std::int64_t>;

Ints keep_of(std::int64_t keep) { return keep != 0 ? Ints{2, 1, 4, 1} : Ints{2, 4}; }

TEST(Reduction, OverDimensionsThatAreNoNeighboursInMemory) {
  for (const std::int64_t keep : {0, 1}) {
    for (const char* op : {"ReduceMean", "ReduceSumSquare", "ReduceL1", "ReduceMax"}) {
      SCOPED_TRACE(op);
      OnnxBuilder b;
      b.input("x", {2, 3, 4, 5}).output("y", keep_of(keep));
      auto& node = b.node(op, {"x"}, {"y"});
      set(node, "axes", Ints{1, -1});  // channels and columns: not neighbours as N, H, W, C
      set(node, "keepdims", keep);
      const auto x = random_floats(120, 7);
      const auto y = run(b, 7).at(0);
      ASSERT_EQ(y.size(), 8u);
      for (std::size_t i = 0; i < 8; ++i) {
        double sum = 0, squares = 0, sizes = 0, max = -10;
        for (std::size_t c = 0; c < 3; ++c) {
          for (std::size_t w = 0; w < 5; ++w) {
            const double v = x[((i / 4 * 3 + c) * 4 + i % 4) * 5 + w];
            sum += v;
            squares += v * v;
            sizes += std::abs(v);
            max = std::max(max, v);
          }
        }
        const std::string name = op;
        const double expected = name == "ReduceMean"        ? sum / 15
                                : name == "ReduceSumSquare" ? squares
                                : name == "ReduceL1"        ? sizes
                                                            : max;
        EXPECT_NEAR(y[i], expected, 1e-5);
      }
    }
  }
}

TEST(Reduction, WithoutAxesCanLeaveThemAll) {
  OnnxBuilder b(18);
  b.input("x", {3, 2}).output("y", {3, 2}).integers("axes", {});
  auto& node = b.node("ReduceSumSquare", {"x", "axes"}, {"y"});
  set(node, "noop_with_empty_axes", std::int64_t{1});
  const auto x = random_floats(6, 5);
  const auto y = run(b, 5).at(0);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(y[i], x[i] * x[i]);
}

TEST(Reduction, LogSumExpDoesNotOverflow) {
  OnnxBuilder b;
  b.input("x", {4}).output("y", {1}).floats("big", {1}, {1000.0f});
  b.node("Add", {"x", "big"}, {"a"});
  b.node("ReduceLogSumExp", {"a"}, {"y"});
  double sum = 0;
  for (const float v : random_floats(4, 9)) sum += std::exp(double{v});
  EXPECT_NEAR(run(b, 9).at(0).at(0), 1000 + std::log(sum), 1e-3);
}

TEST(Elementwise, PowersOfTwoAreProducts) {
  OnnxBuilder b;
  b.input("x", {2, 3}).output("y").floats("two", {}, {2.0f});
  b.node("Pow", {"x", "two"}, {"y"});
  EXPECT_EQ(operators(optimised(b)), "Mul");
}

// Compares with the same graph of which every value is an output: then nothing is fused.
void expect_function(const OnnxBuilder& b, UnaryFunction wanted) {
  const Graph graph = optimised(b);
  EXPECT_EQ(operators(graph), "Unary");
  ASSERT_EQ(graph.nodes.size(), 1u);
  ASSERT_EQ(graph.nodes[0].op, Op::kUnary);
  EXPECT_EQ(graph.nodes[0].get<UnaryFunction>().kind, wanted.kind);
  EXPECT_FLOAT_EQ(graph.nodes[0].get<UnaryFunction>().alpha, wanted.alpha);
  EXPECT_FLOAT_EQ(graph.nodes[0].get<UnaryFunction>().beta, wanted.beta);
  EXPECT_LT(change_by_fusing(b, 11), 1e-6);
}

TEST(FuseFunctions, FindsSwish) {
  OnnxBuilder b;
  b.input("x", {3, 5}).output("y");
  b.node("Sigmoid", {"x"}, {"s"});
  b.node("Mul", {"s", "x"}, {"y"});
  expect_function(b, {ops::UnaryKind::kSwish, 1, 0});
}

TEST(FuseFunctions, FindsSwishWithAFactor) {
  OnnxBuilder b;
  b.input("x", {3, 5}).output("y").floats("c", {1}, {1.702f});
  b.node("Mul", {"x", "c"}, {"t"});
  b.node("Sigmoid", {"t"}, {"s"});
  b.node("Mul", {"x", "s"}, {"y"});
  expect_function(b, {ops::UnaryKind::kSwish, 1.702f, 0});
}

TEST(FuseFunctions, FindsHardSwishInBothForms) {
  for (const bool divide_first : {false, true}) {
    OnnxBuilder b(11);
    b.input("x", {3, 5}).output("y").floats("three", {}, {3}).floats("six", {}, {6});
    b.floats("zero", {}, {0});
    b.node("Add", {"x", "three"}, {"a"});
    b.node("Clip", {"a", "zero", "six"}, {"c"});
    if (divide_first) {
      b.node("Div", {"c", "six"}, {"d"});
      b.node("Mul", {"x", "d"}, {"y"});
    } else {
      b.node("Mul", {"x", "c"}, {"d"});
      b.node("Div", {"d", "six"}, {"y"});
    }
    expect_function(b, {ops::UnaryKind::kHardSwish, 1.0f / 6, 0.5f});
  }
}

TEST(FuseFunctions, FindsMish) {
  OnnxBuilder b;
  b.input("x", {3, 5}).output("y");
  b.node("Softplus", {"x"}, {"s"});
  b.node("Tanh", {"s"}, {"t"});
  b.node("Mul", {"x", "t"}, {"y"});
  expect_function(b, {ops::UnaryKind::kMish, 0, 0});
}

TEST(FuseFunctions, FindsGeluInAnyOrder) {
  for (const bool half_last : {false, true}) {
    OnnxBuilder b;
    b.input("x", {3, 5}).output("y").floats("root", {}, {1.41421354f}).floats("one", {}, {1});
    b.floats("half", {}, {0.5f});
    b.node("Div", {"x", "root"}, {"d"});
    b.node("Erf", {"d"}, {"e"});
    b.node("Add", {"e", "one"}, {"a"});
    b.node("Mul",
           half_last ? std::vector<std::string>{"x", "a"} : std::vector<std::string>{"half", "a"},
           {"m"});
    b.node("Mul",
           half_last ? std::vector<std::string>{"m", "half"} : std::vector<std::string>{"m", "x"},
           {"y"});
    expect_function(b, {ops::UnaryKind::kGelu, 0, 0});
  }
}

TEST(FuseFunctions, LeavesWhatOnlyLooksLikeIt) {
  OnnxBuilder other;  // of another value
  other.input("x", {3, 5}).input("z", {3, 5}).output("y");
  other.node("Sigmoid", {"z"}, {"s"});
  other.node("Mul", {"x", "s"}, {"y"});
  EXPECT_EQ(operators(optimised(other)), "Unary Mul");
  OnnxBuilder read_twice;
  read_twice.input("x", {3, 5}).output("y").output("s");
  read_twice.node("Sigmoid", {"x"}, {"s"});
  read_twice.node("Mul", {"x", "s"}, {"y"});
  EXPECT_EQ(operators(optimised(read_twice)), "Unary Mul");
}

TEST(Elementwise, RefusesTypesByName) {
  OnnxBuilder b;
  b.input("x", {2}).output("y").integers("n", {1, 2});
  b.node("Add", {"x", "n"}, {"y"});
  try {
    optimised(b);
    FAIL() << "f32 + i64 was taken";
  } catch (const CompileError& error) {
    EXPECT_NE(std::string(error.what()).find("different types"), std::string::npos);
  }
}

}  // namespace
}  // namespace sz::compiler::testing
