#include "compiler/import/onnx/operators.h"

#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "compiler/import/onnx/families.h"
#include "compiler/import/onnx/importer.h"
#include "compiler/import/onnx/tensor_import.h"

namespace sz::compiler {
namespace {

template <Op op, int inputs>
void plain(NodeImport& n) {
  n.reader.expect_inputs(inputs, inputs);
  emit(n, op);
}

void relu(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  emit(n, Op::kClamp, {}, {0.0f, std::numeric_limits<float>::infinity()});
}

void leaky_relu(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  const float slope = n.reader.real("alpha", 0.01f);
  if (!std::isfinite(slope)) n.reader.refuse("alpha must be finite");
  emit(n, Op::kLeakyRelu, LeakyReluAttributes{slope});
}

void clip(NodeImport& n) {
  if (n.reader.opset() >= 11) {
    n.reader.expect_inputs(1, 3);
    return emit(n, Op::kClip);
  }
  n.reader.expect_inputs(1, 1);
  const ops::Clamp clamp{n.reader.real("min", std::numeric_limits<float>::lowest()),
                         n.reader.real("max", std::numeric_limits<float>::max())};
  if (!(clamp.low <= clamp.high)) n.reader.refuse("min is not below max");
  emit(n, Op::kClamp, {}, clamp);
}

// Before opset 7, inference had to be asked for.
void expect_inference(NodeReader& reader) {
  if (reader.opset() >= 7 || reader.flag("is_test", false)) return;
  reader.refuse("is in training mode (is_test = 0); export the model for inference");
}

void batch_norm(NodeImport& n) {
  expect_inference(n.reader);
  n.reader.expect_inputs(5, 5);
  const BatchNormAttributes a{n.reader.real("epsilon", 1e-5f)};
  if (!n.reader.flag("spatial", true)) n.reader.refuse("spatial = 0 is not implemented");
  if (n.reader.flag("training_mode", false)) {
    n.reader.refuse("is in training mode; export the model for inference");
  }
  if (!n.reader.flag("is_test", true)) n.reader.refuse("is in training mode (is_test = 0)");
  n.reader.ignore("momentum");  // only used in training
  emit(n, Op::kBatchNorm, a);
}

void softmax(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  const bool flattened = n.reader.opset() < 13;
  emit(n, Op::kSoftmax, SoftmaxAttributes{n.reader.integer("axis", flattened ? 1 : -1), flattened});
}

void concat(NodeImport& n) {
  n.reader.expect_inputs(1, kMaxNodes);
  for (const ValueId id : n.inputs) {
    if (id == kNoValue) n.reader.refuse("an input is missing");
  }
  if (!n.reader.has("axis")) n.reader.refuse("attribute 'axis' is missing");
  emit(n, Op::kConcat, AxisAttributes{n.reader.integer("axis", 0)});
}

void transpose(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  emit(n, Op::kTranspose, PermAttributes{n.reader.integers("perm")});
}

void reshape(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  emit(n, Op::kReshape, ReshapeAttributes{n.reader.flag("allowzero", false)});
}

void flatten(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  emit(n, Op::kFlatten, AxisAttributes{n.reader.integer("axis", 1)});
}

void squeeze(NodeImport& n) {
  axes_input(n, 13, false);
  emit(n, Op::kSqueeze);
}

void unsqueeze(NodeImport& n) {
  axes_input(n, 13, true);
  emit(n, Op::kUnsqueeze);
}

// In inference, the identity. A training_mode that is not constantly false is refused.
void dropout(NodeImport& n) {
  expect_inference(n.reader);
  n.reader.expect_inputs(1, n.reader.opset() >= 12 ? 3 : 1);
  if (n.inputs.size() == 3 && n.inputs[2] != kNoValue) {
    n.reader.refuse(
        "has the input training_mode, which is not implemented; "
        "export the model for inference");
  }
  n.reader.ignore("ratio");
  n.reader.ignore("seed");
  n.inputs.resize(1);
  emit(n, Op::kIdentity);
}

void slice(NodeImport& n) {
  if (n.reader.opset() >= 10) {
    n.reader.expect_inputs(3, 5);
    return emit(n, Op::kSlice);
  }
  n.reader.expect_inputs(1, 1);
  for (const char* name : {"starts", "ends", "axes"}) {
    const bool optional = std::string(name) == "axes";
    if (!n.reader.has(name)) {
      if (optional) continue;
      n.reader.refuse(std::string("attribute '") + name + "' is missing");
    }
    const auto values = n.reader.integers(name);
    n.inputs.push_back(
        n.builder.constant(make_i64({static_cast<std::int64_t>(values.size())}, values)));
  }
  emit(n, Op::kSlice);
}

void cast(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  if (!n.reader.has("to")) n.reader.refuse("attribute 'to' is missing");
  const std::int64_t to = n.reader.integer("to", 0);
  n.reader.ignore("saturate");  // only concerns 8-bit floats, which are refused
  const auto dtype = import_dtype(to >= 0 && to < 100 ? static_cast<std::int32_t>(to) : -1);
  if (!dtype) n.reader.refuse("a cast to type " + std::to_string(to) + " is not implemented");
  emit(n, Op::kCast, CastAttributes{*dtype});
}

void shape(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  ShapeAttributes a;
  a.start = n.reader.integer("start", 0);
  if (n.reader.has("end")) a.end = n.reader.integer("end", 0);
  emit(n, Op::kShape, a);
}

void gather(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  emit(n, Op::kGather, AxisAttributes{n.reader.integer("axis", 0)});
}

void constant_of_shape(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  const float zero = 0;
  ConstantPtr value = make_f32({1}, std::span(&zero, 1));
  if (const auto* tensor = n.reader.tensor("value")) {
    value = import_tensor(*tensor, n.reader.where() + ": attribute 'value'", sizeof(std::int64_t));
    if (element_count(value->shape) != 1) n.reader.refuse("'value' must have one element");
  }
  emit(n, Op::kConstantOfShape, FillAttributes{std::move(value)});
}

const OnnxImporters& common_importers() {
  static const OnnxImporters table = {
      {"BatchNormalization", batch_norm},
      {"Cast", cast},
      {"Clip", clip},
      {"Concat", concat},
      {"ConstantOfShape", constant_of_shape},
      {"Dropout", dropout},
      {"Flatten", flatten},
      {"Gather", gather},
      {"GlobalAveragePool", plain<Op::kGlobalAveragePool, 1>},
      {"GlobalMaxPool", plain<Op::kGlobalMaxPool, 1>},
      {"Identity", plain<Op::kIdentity, 1>},
      {"LeakyRelu", leaky_relu},
      {"Relu", relu},
      {"Reshape", reshape},
      {"Shape", shape},
      {"Slice", slice},
      {"Softmax", softmax},
      {"Squeeze", squeeze},
      {"Transpose", transpose},
      {"Unsqueeze", unsqueeze},
  };
  return table;
}

// Each family has a table in a file of its own (operators_<family>.cc).
constexpr std::array kFamilies = {
    movement_importers,
    resize_importers,
    elementwise_importers,
    reduction_importers,
    attention_importers,
    matrix_importers,
    normalization_importers,
    recurrent_importers,
    window_importers,
    quantized_importers,
    common_importers,
};

OnnxImporter find_importer(const std::string& op_type) {
  for (const auto family : kFamilies) {
    const auto found = family().find(op_type);
    if (found != family().end()) return found->second;
  }
  return nullptr;
}

}  // namespace

void axes_input(NodeImport& n, std::int64_t since, bool required) {
  if (n.reader.opset() >= since) return n.reader.expect_inputs(required ? 2 : 1, 2);
  n.reader.expect_inputs(1, 1);
  const bool given = n.reader.has("axes");
  if (required && !given) n.reader.refuse("attribute 'axes' is missing");
  const auto axes = n.reader.integers("axes");
  if (given) {
    n.inputs.push_back(
        n.builder.constant(make_i64({static_cast<std::int64_t>(axes.size())}, axes)));
  }
}

void emit(NodeImport& n, Op op, Attributes attributes, ops::Clamp activation) {
  n.builder.add({op, n.name, std::move(n.inputs), n.output, std::move(attributes), activation});
}

bool is_known_operator(const std::string& op_type) { return find_importer(op_type) != nullptr; }

void import_operator(const std::string& op_type, NodeImport& node) {
  find_importer(op_type)(node);
  node.reader.finish();
}

}  // namespace sz::compiler
