#include "compiler/import/onnx/importer.h"

#include <gtest/gtest.h>

#include <random>

#include "compiler/passes/passes.h"
#include "compiler/testing/onnx_builder.h"

namespace sz::compiler {
namespace {

using testing::OnnxBuilder;
using testing::random_floats;
using testing::set;

// x [1, 2, 5, 5] -> Conv 3x3, 4 channels -> Relu -> y.
OnnxBuilder small_network() {
  OnnxBuilder b;
  b.input("x", {1, 2, 5, 5}).floats("w", {4, 2, 3, 3}, random_floats(72, 1));
  b.node("Conv", {"x", "w"}, {"c"});
  b.node("Relu", {"c"}, {"y"});
  b.output("y", {1, 4, 3, 3});
  return b;
}

// Import and passes: what a model from outside goes through before it is lowered.
void read(const OnnxBuilder& builder) {
  Graph graph = import_onnx(builder.bytes(), {.source = "m.onnx"});
  run_passes(graph, {});
}

void expect_refused(const OnnxBuilder& builder, const std::string& part) {
  try {
    read(builder);
    FAIL() << "accepted; expected a refusal with: " << part;
  } catch (const InternalError& error) {
    FAIL() << error.what();
  } catch (const CompileError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()).rfind("m.onnx: ", 0), 0u) << error.what();
  }
}

TEST(OnnxImport, ReadsASmallNetwork) {
  const Graph graph = import_onnx(small_network().bytes(), {.source = "m.onnx"});
  ASSERT_EQ(graph.nodes.size(), 2u);
  EXPECT_EQ(graph.nodes[0].op, Op::kConv);
  EXPECT_EQ(graph.nodes[1].op, Op::kClamp);
  EXPECT_EQ(graph.nodes[1].activation.low, 0.0f);
  EXPECT_EQ(graph.shape(graph.inputs.at(0)), (Shape{1, 2, 5, 5}));
  EXPECT_EQ(graph.opset, 13);
}

TEST(OnnxImport, TakesWeightsFromConstantNodesAndTypedFields) {
  OnnxBuilder b;
  b.input("x", {1, 3}).output("y", {1, 3});
  auto& constant = b.node("Constant", {}, {"c"});
  auto& attribute = *constant.add_attribute();
  attribute.set_name("value");
  attribute.set_type(onnx::AttributeProto::TENSOR);
  attribute.mutable_t()->set_data_type(onnx::TensorProto::FLOAT);
  attribute.mutable_t()->add_dims(3);
  for (const float value : {1.0f, 2.0f, 3.0f}) attribute.mutable_t()->add_float_data(value);
  b.node("Add", {"x", "c"}, {"y"});
  const Graph graph = import_onnx(b.bytes(), {});
  const Constant* value = graph.constant(graph.nodes.at(0).inputs[1]);
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(std::vector<float>(value->f32().begin(), value->f32().end()),
            (std::vector<float>{1, 2, 3}));
}

TEST(OnnxImport, AnInputWithInitializerIsAConstant) {
  OnnxBuilder b = small_network();
  b.input("w", {4, 2, 3, 3});
  EXPECT_EQ(import_onnx(b.bytes(), {}).inputs.size(), 1u);
}

TEST(OnnxImport, RefusesWhatIsNoModel) {
  const std::vector<std::byte> empty;
  EXPECT_THROW(import_onnx(empty, {}), CompileError);
  const std::string text = "this is not a protobuf message";
  EXPECT_THROW(import_onnx(std::as_bytes(std::span(text)), {}), CompileError);
}

TEST(OnnxImport, SurvivesEveryTruncation) {
  const auto bytes = small_network().bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    try {
      Graph graph = import_onnx(std::span(bytes).first(size), {});
      run_passes(graph, {});
    } catch (const InternalError& error) {
      FAIL() << size << ": " << error.what();
    } catch (const CompileError&) {
    }
  }
}

TEST(OnnxImport, SurvivesDamagedBytes) {
  const auto bytes = small_network().bytes();
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  for (int i = 0; i < 20000; ++i) {
    auto damaged = bytes;
    for (int k = 0; k < 3; ++k) damaged[random() % damaged.size()] = std::byte(random() & 255);
    try {
      Graph graph = import_onnx(damaged, {.constant_budget = 1 << 20});
      run_passes(graph, {});
    } catch (const InternalError& error) {
      FAIL() << error.what();
    } catch (const CompileError&) {
    }
  }
}

TEST(OnnxImport, RefusesOpsetsOutOfRange) {
  for (const std::int64_t opset : {-1, 0, 5, 26, 1000}) {
    OnnxBuilder b = small_network();
    b.model().mutable_opset_import(0)->set_version(opset);
    expect_refused(b, "uses opset " + std::to_string(opset));
  }
}

TEST(OnnxImport, NamesAnUnknownOperator) {
  OnnxBuilder b = small_network();
  b.graph().mutable_node(1)->set_op_type("Frobnicate");
  expect_refused(b, "node 'y' (Frobnicate): this operator is not supported");
}

TEST(OnnxImport, NamesAForeignDomain) {
  OnnxBuilder b = small_network();
  b.graph().mutable_node(1)->set_domain("com.example");
  expect_refused(b, "domain 'com.example'");
}

TEST(OnnxImport, RefusesAnAttributeThatItDoesNotKnow) {
  OnnxBuilder b = small_network();
  set(*b.graph().mutable_node(0), "activation", "Relu");
  expect_refused(b, "attribute 'activation' is not implemented");
}

TEST(OnnxImport, RefusesAnAttributeOfTheWrongType) {
  OnnxBuilder b = small_network();
  set(*b.graph().mutable_node(0), "strides", 1.0f);
  expect_refused(b, "attribute 'strides' has the wrong type");
}

TEST(OnnxImport, RefusesAnAttributeTwice) {
  OnnxBuilder b = small_network();
  for (int i = 0; i < 2; ++i) {
    set(*b.graph().mutable_node(0), "strides", std::vector<std::int64_t>{1, 1});
  }
  expect_refused(b, "attribute 'strides' occurs twice");
}

TEST(OnnxImport, RefusesAnUnknownAutoPad) {
  OnnxBuilder b = small_network();
  set(*b.graph().mutable_node(0), "auto_pad", "SOMEWHERE");
  expect_refused(b, "auto_pad 'SOMEWHERE' is unknown");
}

TEST(OnnxImport, RefusesDynamicDimensionsAndTakesThemFromOutside) {
  OnnxBuilder b;
  b.input("x", {-1, 3}).output("y");
  b.node("Relu", {"x"}, {"y"});
  expect_refused(b, "input 'x' leaves dimension 0 ('N') open");
  const Graph graph = import_onnx(b.bytes(), {.input_shapes = {{"x", {2, 3}}}});
  EXPECT_EQ(graph.shape(graph.inputs[0]), (Shape{2, 3}));
  EXPECT_THROW(import_onnx(b.bytes(), {.input_shapes = {{"x", {2, 4}}}}), CompileError);
  EXPECT_THROW(import_onnx(b.bytes(), {.input_shapes = {{"x", {2}}}}), CompileError);
  EXPECT_THROW(import_onnx(b.bytes(), {.input_shapes = {{"z", {2, 3}}}}), CompileError);
  EXPECT_THROW(import_onnx(b.bytes(), {.input_shapes = {{"x", {-2, 3}}}}), CompileError);
}

TEST(OnnxImport, RefusesImpossibleInputShapes) {
  const std::vector<std::vector<std::int64_t>> shapes = {
      {0, 3},         {-5, 3},        {1LL << 40, 1LL << 40},
      {1LL << 31, 1}, {INT64_MAX, 2}, {1, 1, 1, 1, 1, 1, 1}};
  for (const auto& shape : shapes) {
    OnnxBuilder b;
    b.input("x", shape).output("y");
    b.node("Relu", {"x"}, {"y"});
    expect_refused(b, "input 'x' has an impossible shape");
  }
}

TEST(OnnxImport, RefusesInputsOfOtherTypes) {
  OnnxBuilder b = small_network();
  b.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
      onnx::TensorProto::FLOAT16);
  expect_refused(b, "input 'x' has elements of FLOAT16");
}

TEST(OnnxImport, RefusesInitializersThatLie) {
  OnnxBuilder shorter = small_network();
  shorter.graph().mutable_initializer(0)->mutable_raw_data()->resize(100);
  expect_refused(shorter, "initializer 'w' has 100 bytes of raw data, its shape needs 288");

  OnnxBuilder negative = small_network();
  negative.graph().mutable_initializer(0)->set_dims(0, -4);
  expect_refused(negative, "initializer 'w' has an impossible shape");

  OnnxBuilder huge = small_network();
  for (int i = 0; i < 4; ++i) huge.graph().mutable_initializer(0)->set_dims(i, 1LL << 32);
  expect_refused(huge, "initializer 'w' has an impossible shape");

  OnnxBuilder external = small_network();
  external.graph().mutable_initializer(0)->set_data_location(onnx::TensorProto::EXTERNAL);
  expect_refused(external, "initializer 'w' keeps its values in another file");

  OnnxBuilder type = small_network();
  type.graph().mutable_initializer(0)->set_data_type(onnx::TensorProto::DOUBLE);
  expect_refused(type, "initializer 'w' has elements of DOUBLE");

  OnnxBuilder unknown = small_network();
  unknown.graph().mutable_initializer(0)->set_data_type(77);
  expect_refused(unknown, "initializer 'w' has elements of type 77");

  OnnxBuilder empty = small_network();
  empty.graph().mutable_initializer(0)->clear_raw_data();
  expect_refused(empty, "has 0 elements in its data fields");
}

TEST(OnnxImport, KeepsToItsBudgetForConstants) {
  EXPECT_THROW(import_onnx(small_network().bytes(), {.constant_budget = 287}), CompileError);
  EXPECT_NO_THROW(import_onnx(small_network().bytes(), {.constant_budget = 288}));
}

TEST(OnnxImport, RefusesCyclesAndGaps) {
  OnnxBuilder cycle = small_network();
  cycle.graph().mutable_node(0)->set_input(0, "y");
  expect_refused(cycle, "node 'c' (Conv): reads 'y', which nothing before it makes");

  OnnxBuilder missing = small_network();
  missing.graph().mutable_node(0)->set_input(1, "nowhere");
  expect_refused(missing, "reads 'nowhere'");

  OnnxBuilder absent = small_network();
  absent.graph().mutable_node(0)->set_input(1, "");
  expect_refused(absent, "input 1 is missing");

  OnnxBuilder output = small_network();
  output.graph().mutable_output(0)->set_name("nowhere");
  expect_refused(output, "the list of outputs: reads 'nowhere'");

  OnnxBuilder none = small_network();
  none.graph().clear_output();
  expect_refused(none, "has no outputs");
}

TEST(OnnxImport, RefusesNamesThatAreDefinedTwice) {
  OnnxBuilder node = small_network();
  node.node("Relu", {"x"}, {"c"});
  expect_refused(node, "the name 'c' is defined twice");

  OnnxBuilder initializer = small_network();
  initializer.floats("w", {1}, {1});
  expect_refused(initializer, "the name 'w' is defined twice");

  OnnxBuilder input = small_network();
  input.input("x", {1});
  expect_refused(input, "input 'x' occurs twice");

  OnnxBuilder output = small_network();
  output.output("y");
  expect_refused(output, "output 'y' occurs twice");
}

TEST(OnnxImport, RefusesToReadAFurtherOutput) {
  OnnxBuilder b;
  b.input("x", {1, 1, 4, 4});
  set(b.node("MaxPool", {"x"}, {"y", "indices"}), "kernel_shape", std::vector<std::int64_t>{2, 2});
  b.output("y");
  EXPECT_NO_THROW(read(b));
  b.output("indices");
  expect_refused(b, "reads 'indices', a further output of");
}

TEST(OnnxImport, RefusesShapesThatDoNotFit) {
  OnnxBuilder channels = small_network();
  channels.graph()
      .mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(1)
      ->set_dim_value(3);
  expect_refused(channels, "node 'c' (Conv): weights 4x2x3x3 in 1 groups do not fit");

  OnnxBuilder declared = small_network();
  declared.graph()
      .mutable_output(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(1)
      ->set_dim_value(5);
  expect_refused(declared, "output 'y' is declared as 1x5x3x3 but the graph makes 1x4x3x3");

  OnnxBuilder window = small_network();
  set(*window.graph().mutable_node(0), "dilations", std::vector<std::int64_t>{3, 3});
  expect_refused(window, "its window of 7 is larger than the padded input of 5");
}

TEST(OnnxImport, RefusesWindowsOutOfRange) {
  const auto refuse = [](const char* name, std::vector<std::int64_t> values, const char* part) {
    OnnxBuilder b = small_network();
    set(*b.graph().mutable_node(0), name, values);
    expect_refused(b, part);
  };
  refuse("strides", {0, 1}, "strides 0 is not within 1 to 65536");
  refuse("strides", {INT64_MIN, 1}, "is not within");
  refuse("dilations", {INT64_MAX, 1}, "is not within");
  refuse("pads", {-1, 0, 0, 0}, "pads -1 is not within");
  refuse("pads", {1, 1}, "pads has 2 numbers");
  refuse("kernel_shape", {2, 3}, "kernel_shape is 2x3, but the weights are 3x3");
}

TEST(OnnxImport, RefusesAShapeThatIsComputedFromData) {
  OnnxBuilder b;
  b.input("x", {1, 4}).input("s", {2}).output("y");
  b.node("Reshape", {"x", "s"}, {"y"});
  expect_refused(b, "the shape must be known when the model is compiled");
}

TEST(OnnxImport, RefusesToFillMemory) {
  OnnxBuilder b;
  b.input("x", {1}).integers("s", {1 << 28}).output("y");
  for (int i = 0; i < 8; ++i) b.node("ConstantOfShape", {"s"}, {"c" + std::to_string(i)});
  b.node("Add", {"c0", "c7"}, {"y"});
  Graph graph = import_onnx(b.bytes(), {.constant_budget = 1 << 20});
  EXPECT_THROW(run_passes(graph, {}), CompileError);
}

TEST(OnnxImport, MakesAnInputWithAGivenValueAConstant) {
  OnnxBuilder b;
  b.input("x", {2}).input("w", {2}).output("y");
  b.node("Mul", {"x", "w"}, {"y"});
  OnnxImportOptions options;
  const std::vector<float> values = {3, 4};
  options.input_values["w"] = make_f32({2}, values);
  const Graph graph = import_onnx(b.bytes(), options);
  ASSERT_EQ(graph.inputs.size(), 1u);
  EXPECT_EQ(graph.value(graph.inputs[0]).name, "x");
  ASSERT_NE(graph.constant(graph.nodes[0].inputs[1]), nullptr);

  options.input_values["w"] = make_f32({3}, std::vector<float>{1, 2, 3});
  EXPECT_THROW(import_onnx(b.bytes(), options), CompileError);  // another shape
  options.input_values = {{"z", make_f32({2}, values)}};
  EXPECT_THROW(import_onnx(b.bytes(), options), CompileError);  // no such input
}

}  // namespace
}  // namespace sz::compiler
