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

// y = If(condition) then x + 1 else x * 2.
OnnxBuilder branching() {
  OnnxBuilder b;
  b.input("x", {2}).floats("one", {}, {1}).output("y");
  onnx::NodeProto& choice = b.node("If", {"condition"}, {"y"});
  for (const char* name : {"then_branch", "else_branch"}) {
    const bool then_branch = name == std::string("then_branch");
    OnnxBuilder inner;
    if (!then_branch) inner.floats("two", {}, {2});
    inner.node(then_branch ? "Add" : "Mul", {"x", then_branch ? "one" : "two"}, {"r"});
    inner.output("r");
    onnx::AttributeProto& attribute = *choice.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::GRAPH);
    *attribute.mutable_g() = inner.graph();
  }
  return b;
}

void condition(OnnxBuilder& b, bool value) {
  onnx::TensorProto& tensor = *b.graph().add_initializer();
  tensor.set_name("condition");
  tensor.set_data_type(onnx::TensorProto::BOOL);
  tensor.set_raw_data(std::string(1, value ? '\1' : '\0'));
}

TEST(FoldConstants, TakesTheBranchOfAKnownCondition) {
  OnnxBuilder yes = branching();
  condition(yes, true);
  EXPECT_EQ(operators(folded(yes)), "Add Identity");
  OnnxBuilder no = branching();
  condition(no, false);
  EXPECT_EQ(operators(folded(no)), "Mul Identity");
}

TEST(FoldConstants, RefusesABranchThatDependsOnTheInputs) {
  OnnxBuilder b = branching();
  b.input("condition", {});
  b.graph().mutable_input(1)->mutable_type()->mutable_tensor_type()->set_elem_type(
      onnx::TensorProto::BOOL);
  EXPECT_THROW(folded(b), CompileError);
}

TEST(FoldConstants, RefusesBranchesWithinBranchesWithoutEnd) {
  OnnxBuilder b = branching();
  condition(b, true);
  for (int depth = 0; depth < 9; ++depth) {
    const onnx::NodeProto inner = b.graph().node(0);
    onnx::GraphProto& side = *b.graph().mutable_node(0)->mutable_attribute(0)->mutable_g();
    side.clear_node();
    *side.add_node() = inner;
    side.mutable_output(0)->set_name("y");
  }
  EXPECT_THROW(folded(b), CompileError);
}

// Reductions and the like are folded by running them here.
TEST(FoldOnEngine, GivesTheDevicesResult) {
  OnnxBuilder b;
  b.input("x", {1, 2}).floats("m", {1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 9}).output("y");
  b.node("GlobalAveragePool", {"m"}, {"mean"});
  b.integers("flat", {1, 2});
  b.node("Reshape", {"mean", "flat"}, {"row"});
  b.node("Add", {"x", "row"}, {"y"});
  const Graph graph = optimised(b);
  ASSERT_EQ(operators(graph), "Add");
  const auto values = graph.constant(graph.nodes[0].inputs[1])->f32();
  EXPECT_EQ(std::vector<float>(values.begin(), values.end()), (std::vector<float>{2.5f, 6.75f}));
}

}  // namespace
}  // namespace sz::compiler
