// ONNX's quantised operators. QLinearConv and QLinearMatMul become Dequantize, the operator on f32,
// Quantize, as their definitions say; the pass fuse_quantization makes one integer operator of it.
#include "compiler/import/onnx/families.h"
#include "compiler/import/onnx/tensor_import.h"

namespace sz::compiler {
namespace {

ValueId input(const NodeImport& n, std::size_t index) {
  return index < n.inputs.size() ? n.inputs[index] : kNoValue;
}

ValueId make(NodeImport& n, Op op, std::vector<ValueId> inputs, Attributes attributes = {}) {
  const ValueId result = n.builder.temporary();
  n.builder.add({op, n.name, std::move(inputs), result, std::move(attributes), {}});
  return result;
}

void refuse_blocks(NodeImport& n) {
  if (n.reader.integer("block_size", 0) != 0) {
    n.reader.refuse("blocked quantisation (block_size) is not implemented");
  }
}

// Without a zero point, the type is an attribute (opset 21) or u8.
ValueId default_zero(NodeImport& n, std::int64_t type) {
  const auto dtype = import_dtype(static_cast<std::int32_t>(type == 0 ? 2 : type));
  if (dtype != DType::kU8 && dtype != DType::kI8) {
    n.reader.refuse("results of type " + std::to_string(type) + " are not implemented");
  }
  auto zero = std::make_shared<Constant>();
  zero->dtype = *dtype;
  zero->bytes.resize(1);
  return n.builder.constant(std::move(zero));
}

void quantize_linear(NodeImport& n) {
  n.reader.expect_inputs(2, 3);
  refuse_blocks(n);
  const AxisAttributes axis{n.reader.integer("axis", 1)};
  n.reader.ignore("saturate");  // only concerns 8-bit floats, which are refused
  const std::int64_t type = n.reader.integer("output_dtype", 0);
  const std::int64_t precision = n.reader.integer("precision", 0);
  if (precision != 0 && precision != 1) n.reader.refuse("this precision is not implemented");
  n.inputs.resize(3, kNoValue);
  if (n.inputs[2] == kNoValue) {
    n.inputs[2] = default_zero(n, type);
  }
  emit(n, Op::kQuantizeLinear, axis);
}

void dequantize_linear(NodeImport& n) {
  n.reader.expect_inputs(2, 3);
  refuse_blocks(n);
  const AxisAttributes axis{n.reader.integer("axis", 1)};
  if (n.reader.integer("output_dtype", 1) > 1) n.reader.refuse("the result can only be f32");
  emit(n, Op::kDequantizeLinear, axis);
}

void dynamic_quantize_linear(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  using Part = DynamicQuantizeAttributes::Part;
  static constexpr Part kParts[] = {Part::kValue, Part::kScale, Part::kZero};
  for (std::size_t i = 0; i < n.outputs.size() && i < 3; ++i) {
    if (n.outputs[i] == kNoValue) continue;
    n.builder.add({Op::kDynamicQuantizeLinear,
                   n.name,
                   {n.inputs[0]},
                   n.outputs[i],
                   DynamicQuantizeAttributes{kParts[i]},
                   {}});
  }
}

ValueId dequantized(NodeImport& n, std::size_t first, std::int64_t axis) {
  return make(n, Op::kDequantizeLinear, {n.inputs[first], n.inputs[first + 1], n.inputs[first + 2]},
              AxisAttributes{axis});
}

WindowAttributes window(NodeReader& reader) {
  WindowAttributes w = read_window(reader);
  w.groups = reader.integer("group", 1);
  return w;
}

// x, its scale, its zero point, w, its scale, its zero point, scale and zero point of y, bias.
void qlinear_conv(NodeImport& n) {
  n.reader.expect_inputs(8, 9);
  std::vector<ValueId> operands = {dequantized(n, 0, 1), dequantized(n, 3, 0)};
  if (input(n, 8) != kNoValue) {
    const ValueId scale = make(n, Op::kMul, {n.inputs[1], n.inputs[4]});
    operands.push_back(make(n, Op::kDequantizeLinear, {n.inputs[8], scale}, AxisAttributes{0}));
  }
  const ValueId y = make(n, Op::kConv, std::move(operands), window(n.reader));
  n.inputs = {y, n.inputs[6], n.inputs[7]};
  emit(n, Op::kQuantizeLinear, AxisAttributes{1});
}

void qlinear_matmul(NodeImport& n) {
  n.reader.expect_inputs(8, 8);
  const ValueId a = dequantized(n, 0, -2);
  const ValueId b = dequantized(n, 3, -1);
  const ValueId y = make(n, Op::kMatMul, {a, b}, MatMulAttributes{});
  n.inputs = {y, n.inputs[6], n.inputs[7]};
  emit(n, Op::kQuantizeLinear, AxisAttributes{-2});
}

void conv_integer(NodeImport& n) {
  n.reader.expect_inputs(2, 4);
  emit(n, Op::kConvInteger, window(n.reader));
}

void matmul_integer(NodeImport& n) {
  n.reader.expect_inputs(2, 4);
  emit(n, Op::kMatMulInteger);
}

}  // namespace

const OnnxImporters& quantized_importers() {
  static const OnnxImporters table = {
      {"ConvInteger", conv_integer},
      {"DequantizeLinear", dequantize_linear},
      {"DynamicQuantizeLinear", dynamic_quantize_linear},
      {"MatMulInteger", matmul_integer},
      {"QLinearConv", qlinear_conv},
      {"QLinearMatMul", qlinear_matmul},
      {"QuantizeLinear", quantize_linear},
  };
  return table;
}

}  // namespace sz::compiler
