// ONNX's quantised operators. QLinearConv and QLinearMatMul become Dequantize, the operator on f32,
// Quantize, as their definitions say; the pass fuse_quantization makes one integer operator of it.
#include <span>

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

ValueId number(NodeImport& n, float value) {
  return n.builder.constant(make_f32({}, std::span(&value, 1)));
}

ValueId operation(NodeImport& n, ops::BinaryKind kind, ValueId a, ValueId b) {
  return make(n, Op::kBinary, {a, b}, BinaryOperation{kind});
}

// round(x + shift), half to even, as a value of u8.
ValueId as_u8(NodeImport& n, ValueId x, ValueId shift, ValueId output) {
  const ValueId rounded = make(n, Op::kUnary, {x}, UnaryFunction{ops::UnaryKind::kRound, 0, 0});
  const ValueId sum = shift == kNoValue ? rounded : make(n, Op::kAdd, {rounded, shift});
  const ValueId bounded = n.builder.temporary();
  n.builder.add({Op::kClamp, n.name, {sum}, bounded, {}, {0.0f, 255.0f}});
  n.builder.add({Op::kCast, n.name, {bounded}, output, CastAttributes{DType::kU8}, {}});
  return bounded;
}

// Its definition: the range from the least to the largest element, 0 included, in 255 steps. Where
// that is nothing, a step of 1, so that zeroes stay zeroes.
void dynamic_quantize_linear(NodeImport& n) {
  using ops::BinaryKind;
  n.reader.expect_inputs(1, 1);
  const ValueId x = n.inputs[0];
  const ValueId zero = number(n, 0);
  const auto reduced = [&](Reduction kind, BinaryKind bound) {
    ReduceAttributes attributes;
    attributes.keep_dims = false;
    attributes.kind = kind;
    return operation(n, bound, make(n, Op::kReduce, {x}, attributes), zero);
  };
  const ValueId high = reduced(Reduction::kMax, BinaryKind::kMax);
  const ValueId low = reduced(Reduction::kMin, BinaryKind::kMin);
  const ValueId range = make(n, Op::kSub, {high, low});
  const ValueId step = make(n, Op::kDiv, {range, number(n, 255)});
  const ValueId nothing = operation(n, BinaryKind::kEqual, step, zero);
  const auto output = [&](std::size_t i) {
    const bool wanted = i < n.outputs.size() && n.outputs[i] != kNoValue;
    return wanted ? n.outputs[i] : n.builder.temporary();
  };
  const ValueId scale = output(1);
  n.builder.add({Op::kWhere, n.name, {nothing, number(n, 1), step}, scale, {}, {}});
  const ValueId below = make(n, Op::kSub, {zero, low});
  const ValueId zero_point = as_u8(n, make(n, Op::kDiv, {below, scale}), kNoValue, output(2));
  as_u8(n, make(n, Op::kDiv, {x, scale}), zero_point, output(0));
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
