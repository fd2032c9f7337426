#include <gtest/gtest.h>

#include "compiler/passes/passes.h"
#include "compiler/testing/pass_harness.h"

namespace sz::compiler {
namespace {

using namespace testing;

TEST(FoldConstants, FollowsTheShapeArithmeticOfPyTorchsFlatten) {
  OnnxBuilder b;
  b.input("x", {2, 3, 4, 5}).integers("minus", {-1}).integers("axes", {0}).output("y", {2, 60});
  b.node("Shape", {"x"}, {"shape"});
  b.integers("zero", {0});
  b.node("Gather", {"shape", "zero"}, {"batch"});
  b.node("Squeeze", {"batch", "axes"}, {"scalar"});
  b.node("Unsqueeze", {"scalar", "axes"}, {"list"});
  set(b.node("Concat", {"list", "minus"}, {"wanted"}), "axis", std::int64_t{0});
  b.node("Reshape", {"x", "wanted"}, {"y"});
  const Graph graph = folded(b);
  EXPECT_EQ(operators(graph), "Reshape");
  EXPECT_EQ(graph.shape(graph.outputs[0]), (Shape{2, 60}));
}

TEST(FoldConstants, ComputesArithmeticCastsSlicesAndTransposes) {
  OnnxBuilder b;
  b.input("x", {1}).floats("m", {2, 3}, {1, 2, 3, 4, 5, 6}).floats("two", {}, {2}).output("y");
  b.integers("start", {0}).integers("end", {-3}).integers("axis", {1}).integers("step", {-1});
  set(b.node("Transpose", {"m"}, {"t"}), "perm", std::vector<std::int64_t>{1, 0});  // 3x2
  b.node("Mul", {"t", "two"}, {"doubled"});
  b.integers("last", {-1});
  b.node("Slice", {"doubled", "last", "end", "axis", "step"}, {"turned"});  // columns 1, 0
  b.node("Add", {"x", "turned"}, {"y"});
  const Graph graph = folded(b);
  ASSERT_EQ(operators(graph), "Add");
  const auto values = graph.constant(graph.nodes[0].inputs[1])->f32();
  EXPECT_EQ(std::vector<float>(values.begin(), values.end()),
            (std::vector<float>{8, 2, 10, 4, 12, 6}));
}

TEST(FoldConstants, RefusesAnIndexOutOfRange) {
  OnnxBuilder b;
  b.input("x", {1, 2}).integers("at", {2}).output("y");
  b.node("Shape", {"x"}, {"shape"});
  b.node("Gather", {"shape", "at"}, {"dim"});
  b.node("Reshape", {"x", "dim"}, {"y"});
  EXPECT_THROW(folded(b), CompileError);
}

TEST(FoldConstants, RefusesDivisionByZeroAndOverflow) {
  for (const char* op : {"Div", "Mul"}) {
    OnnxBuilder b;
    b.input("x", {1, 2}).integers("a", {INT64_MIN}).output("y");
    b.integers("b", {op == std::string("Div") ? 0 : 3});
    b.node(op, {"a", "b"}, {"shape"});
    b.node("Reshape", {"x", "shape"}, {"y"});
    EXPECT_THROW(folded(b), CompileError) << op;
  }
}

}  // namespace
}  // namespace sz::compiler
