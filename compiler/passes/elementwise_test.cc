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
