// Lowering of quantised operators (ops/quantized/attributes.h).
#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "compiler/plan/families.h"
#include "compiler/plan/quant_weights.h"
#include "compiler/plan/rescaling.h"
#include "ops/quantized/attributes.h"

namespace sz::compiler {
namespace {

using ops::OpCode;

std::uint32_t word(std::int64_t value) { return static_cast<std::uint32_t>(value); }

Dims plain_dims(const Shape& shape) {
  Dims dims;
  for (const std::int64_t dim : shape) dims.push_back(word(dim));
  return dims;
}

ops::Window2d window_of(const WindowAttributes& w) {
  return {word(w.kernel[0]),    word(w.kernel[1]),    word(w.strides[0]), word(w.strides[1]),
          word(w.dilations[0]), word(w.dilations[1]), word(w.pads[0]),    word(w.pads[1]),
          word(w.pads[2]),      word(w.pads[3])};
}

ops::Rescaling mode_of(const QuantAttributes& q) {
  if (q.type == DType::kI32) return ops::Rescaling::kNone;
  return q.rescale == Rescale::kFloat ? ops::Rescaling::kFloat : ops::Rescaling::kFixedPoint;
}

ops::QuantOutput output_of(const QuantAttributes& q) {
  if (q.type == DType::kI32) return {0, 0, 0};
  return {q.output.zero, q.low, q.high};
}

// x (or a and b) must be i8: the pass make_signed has seen to it.
void expect_signed(const Lowering& l, const Node& node, std::size_t inputs) {
  for (std::size_t i = 0; i < inputs; ++i) {
    if (l.graph.value(node.inputs[i]).dtype == DType::kI8) continue;
    throw InternalError(l.graph.source + ": '" + node.name + "' reads an u8 value");
  }
}

TensorId raw_constant(Lowering& l, const std::string& name, DType type, Dims dims, const void* data,
                      std::size_t bytes) {
  auto copy = std::make_shared<std::vector<std::byte>>(bytes);
  std::memcpy(copy->data(), data, bytes);
  l.builder.count_raw_weights(bytes);
  return l.builder.constant(name, std::move(dims), type, std::move(copy));
}

TensorId blob(Lowering& l, const Node& node, Blob data) {
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    l.builder.count_raw_weights(l.graph.constant(node.inputs[i])->bytes.size());
  }
  const Dims dims = {word(static_cast<std::int64_t>(data->size()))};
  return l.builder.constant(node.name + ".weights", dims, DType::kI8, std::move(data));
}

// A constant scale or zero point of Quantize and Dequantize.
double number(const Lowering& l, const Node& node, std::size_t input, std::size_t at) {
  const Constant* constant = l.graph.constant(node.input(input));
  if (constant == nullptr) {
    if (node.input(input) == kNoValue) return 0;
    fail(l.graph, node, "its scale and zero point must be known when the model is compiled");
  }
  switch (constant->dtype) {
    case DType::kF32:
      return static_cast<double>(constant->f32()[at]);
    case DType::kI8:
      return static_cast<std::int8_t>(constant->bytes[at]);
    case DType::kU8:
      return static_cast<std::uint8_t>(constant->bytes[at]);
    default: {
      std::int32_t value = 0;
      std::memcpy(&value, constant->bytes.data() + at * sizeof(value), sizeof(value));
      return value;
    }
  }
}

// Where dimension `axis` (ONNX) of a value of this rank stands in memory.
std::size_t place_of(std::size_t axis, std::size_t rank) {
  const Order order = native_order(rank);
  return static_cast<std::size_t>(std::find(order.begin(), order.end(), axis) - order.begin());
}

// Quantize and Dequantize along an axis: the device has one scale for each innermost element, so
// the value is brought into an order that ends with the axis.
void convert_along_axis(Lowering& l, const Node& node, OpCode code, std::size_t count) {
  std::vector<float> scales;
  std::vector<std::int32_t> zeroes;
  const Constant* zero_points = l.graph.constant(node.input(2));
  const std::int64_t zero_count = zero_points ? element_count(zero_points->shape) : 1;
  for (std::size_t i = 0; i < count; ++i) {
    scales.push_back(static_cast<float>(number(l, node, 1, i)));
    zeroes.push_back(static_cast<std::int32_t>(number(l, node, 2, zero_count == 1 ? 0 : i)));
  }
  const Dims dims = {word(static_cast<std::int64_t>(count))};
  const TensorId scale = raw_constant(l, node.name + ".scales", DType::kF32, dims, scales.data(),
                                      count * sizeof(float));
  const TensorId zero = raw_constant(l, node.name + ".zeroes", DType::kI32, dims, zeroes.data(),
                                     count * sizeof(std::int32_t));
  const std::size_t rank = l.graph.shape(node.output).size();
  const std::size_t axis = normal_axis(l.graph, node, node.get<AxisAttributes>().axis, rank);
  const std::size_t place = place_of(axis, rank);
  if (place + 1 == rank) {
    const TensorId x = l.layout.native(node.inputs[0]);
    return l.builder.step(node, code, {x, scale, zero}, l.layout.make_native(node.output),
                          ops::QuantizeAttributes{});
  }
  std::vector<std::size_t> swap(rank);
  for (std::size_t i = 0; i < rank; ++i) swap[i] = i;
  std::swap(swap[place], swap[rank - 1]);
  const Value& value = l.graph.value(node.output);
  const TensorId x = l.layout.reorder(value.name, l.layout.native(node.inputs[0]), swap);
  const TensorId y = l.builder.fresh(value.name, l.builder.tensor(x).dims, value.dtype);
  l.builder.step(node, code, {x, scale, zero}, y, ops::QuantizeAttributes{});
  l.layout.set_native(node.output, l.layout.reorder(value.name, y, swap));
}

// x and the result of a function of single elements: in native order, but for an output of the
// graph whose operand is there in ONNX's order only.
std::pair<TensorId, TensorId> same_order(Lowering& l, const Node& node) {
  const auto& outputs = l.graph.outputs;
  const bool is_output = std::find(outputs.begin(), outputs.end(), node.output) != outputs.end();
  const ValueId x = node.inputs[0];
  if (is_output && l.layout.has_plain(x) && !l.layout.has_native(x)) {
    const TensorId plain = l.layout.plain(x);
    return {plain, l.layout.make_plain(node.output)};
  }
  const TensorId native = l.layout.native(x);
  return {native, l.layout.make_native(node.output)};
}

void convert(Lowering& l, const Node& node, OpCode code) {
  const auto count = static_cast<std::size_t>(element_count(l.graph.shape(node.inputs[1])));
  for (std::size_t i = 0; i < count; ++i) {
    const double scale = number(l, node, 1, i);
    if (!std::isfinite(scale) || !(scale > 0)) fail(l.graph, node, "a scale is not positive");
  }
  if (count != 1) return convert_along_axis(l, node, code, count);
  const ops::QuantizeAttributes attributes{static_cast<float>(number(l, node, 1, 0)),
                                           static_cast<std::int32_t>(number(l, node, 2, 0))};
  const TensorId x = l.layout.native(node.inputs[0]);
  const TensorId y = l.layout.make_native(node.output);
  l.builder.step(node, code, {x}, y, attributes);
}

void conv(Lowering& l, const Node& node) {
  expect_signed(l, node, 1);
  const auto& q = node.get<QuantAttributes>();
  const TensorId x = l.layout.native(node.inputs[0]);
  const TensorId weights = blob(l, node, pack_quantized_conv(l.graph, node));
  l.builder.step(node, OpCode::kQConv2d, {x, weights}, l.layout.make_native(node.output),
                 ops::QConv2dAttributes{window_of(q.window), word(q.window.groups), mode_of(q),
                                        q.inputs[0].zero, q.weight_zero, output_of(q)});
}

// As the layer on f32 (lower.cc): an image is taken as it lies, the weights are turned instead.
void fully_connected(Lowering& l, const Node& node) {
  expect_signed(l, node, 1);
  const auto& q = node.get<QuantAttributes>();
  const ValueId image = l.layout.flattened_image(node.inputs[0]);
  TensorId x = 0;
  Shape chw;
  if (image != kNoValue) {
    const Shape& shape = l.graph.shape(image);
    chw = {shape[1], shape[2], shape[3]};
    x = l.builder.view(l.builder.dense(node.name, l.layout.native(image)),
                       plain_dims(l.graph.shape(node.inputs[0])));
  } else {
    x = l.layout.plain(node.inputs[0]);
  }
  const TensorId weights = blob(l, node, pack_quantized_layer(l.graph, node, chw));
  l.builder.step(node, OpCode::kQFullyConnected, {x, weights}, l.layout.make_plain(node.output),
                 ops::QFullyConnectedAttributes{mode_of(q), q.weight_zero, output_of(q)});
}

// The factors are those of TFLite's Add: both operands in steps of the larger scale, doubled, with
// 20 bits more.
void sum(Lowering& l, const Node& node, ops::BinaryAttributes kind, ops::QBinaryAttributes a) {
  const auto& q = node.get<QuantAttributes>();
  a.kind = kind.kind;
  if (q.rescale == Rescale::kFloat) {
    a.a = quant_factor(q.rescale, q.inputs[0].scale);
    a.b = quant_factor(q.rescale, q.inputs[1].scale);
    a.y_factor = quant_factor(q.rescale, q.output.scale);
  } else {
    constexpr std::int32_t kLeftShift = 20;
    const double largest = 2 * std::max(q.inputs[0].scale, q.inputs[1].scale);
    a.left_shift = kLeftShift;
    a.a = quant_factor(q.rescale, q.inputs[0].scale / largest);
    a.b = quant_factor(q.rescale, q.inputs[1].scale / largest);
    a.y_factor = quant_factor(q.rescale, std::ldexp(largest, -kLeftShift) / q.output.scale);
  }
  const TensorId x = l.layout.native(node.inputs[0]);
  const TensorId y = l.layout.native(node.inputs[1]);
  l.builder.step(node, OpCode::kQBinary, {x, y}, l.layout.make_native(node.output), a);
}

void product(Lowering& l, const Node& node, ops::QBinaryAttributes a) {
  const auto& q = node.get<QuantAttributes>();
  a.kind = ops::BinaryKind::kMul;
  if (q.rescale == Rescale::kFloat) {
    a.a = quant_factor(q.rescale, q.inputs[0].scale);
    a.b = quant_factor(q.rescale, q.inputs[1].scale);
    a.y_factor = quant_factor(q.rescale, q.output.scale);
  } else {
    a.y_factor = quant_factor(q.rescale, q.inputs[0].scale * q.inputs[1].scale / q.output.scale);
  }
  const TensorId x = l.layout.native(node.inputs[0]);
  const TensorId y = l.layout.native(node.inputs[1]);
  l.builder.step(node, OpCode::kQBinary, {x, y}, l.layout.make_native(node.output), a);
}

void binary(Lowering& l, const Node& node) {
  expect_signed(l, node, 2);
  const auto& q = node.get<QuantAttributes>();
  ops::QBinaryAttributes a;
  a.a_zero = q.inputs[0].zero;
  a.b_zero = q.inputs[1].zero;
  a.y = output_of(q);
  if (node.op == Op::kQMul) return product(l, node, a);
  sum(l, node, {node.op == Op::kQAdd ? ops::BinaryKind::kAdd : ops::BinaryKind::kSub, {}}, a);
}

void pool(Lowering& l, const Node& node) {
  expect_signed(l, node, 1);
  const auto& q = node.get<QuantAttributes>();
  ops::QPool2dAttributes a;
  a.window = window_of(q.window);
  a.mode = mode_of(q);
  a.count_include_pad = q.window.count_include_pad ? 1 : 0;
  a.y = output_of(q);
  if (q.rescale == Rescale::kFloat) {
    a.scale = static_cast<float>(q.inputs[0].scale / q.output.scale);
    a.x_zero = q.inputs[0].zero;
  } else {
    const bool same = q.inputs[0].scale == q.output.scale && q.inputs[0].zero == q.output.zero;
    if (!same) fail(l.graph, node, "its input and result have different scales or zero points");
    a.x_zero = a.y.zero = q.origin;
  }
  const TensorId x = l.layout.native(node.inputs[0]);
  l.builder.step(node, OpCode::kQPool2d, {x}, l.layout.make_native(node.output), a);
}

// The factor of a mean of n elements. In fixed point, TFLite divides the multiplier of sx / sy by n
// and cuts off what is behind its last bit.
ops::QuantFactor mean_factor(const QuantAttributes& q, std::int64_t n) {
  const double factor = q.inputs[0].scale / q.output.scale;
  if (q.rescale == Rescale::kFloat) {
    return quant_factor(q.rescale, factor / static_cast<double>(n));
  }
  ops::QuantFactor fixed = quant_factor(q.rescale, factor);
  int shift = 0;  // of the largest power of two in n
  while (std::int64_t{2} << shift <= n) ++shift;
  shift = std::min(shift, 31 + fixed.shift);
  fixed.multiplier =
      static_cast<std::int32_t>((static_cast<std::int64_t>(fixed.multiplier) << shift) / n);
  fixed.shift -= shift;
  return fixed;
}

void global_pool(Lowering& l, const Node& node) {
  expect_signed(l, node, 1);
  const auto& q = node.get<QuantAttributes>();
  const Shape& shape = l.graph.shape(node.inputs[0]);
  const TensorId x = l.layout.native(node.inputs[0]);
  l.builder.step(node, OpCode::kQGlobalAveragePool, {x}, l.layout.make_native(node.output),
                 ops::QGlobalAveragePoolAttributes{mean_factor(q, shape[2] * shape[3]),
                                                   q.inputs[0].zero, output_of(q)});
}

void requantize(Lowering& l, const Node& node) {
  const auto& q = node.get<QuantAttributes>();
  const double factor = q.inputs[0].scale / q.output.scale;
  const auto [x, y] = same_order(l, node);
  l.builder.step(
      node, OpCode::kRequantize, {x}, y,
      ops::RequantizeAttributes{quant_factor(q.rescale, factor), q.inputs[0].zero, output_of(q)});
}

// The device counts by bits: i8 -1 is the last entry.
void lookup(Lowering& l, const Node& node) {
  std::vector<std::byte> table = l.graph.constant(node.inputs[1])->bytes;
  if (l.graph.value(node.inputs[0]).dtype == DType::kI8) {
    for (std::size_t i = 0; i < 128; ++i) std::swap(table[i], table[i + 128]);
  }
  const auto [x, y] = same_order(l, node);
  const TensorId entries = raw_constant(l, node.name + ".table", l.graph.value(node.output).dtype,
                                        {256}, table.data(), 256);
  l.builder.step(node, OpCode::kLookup, {x, entries}, y);
}

void softmax(Lowering& l, const Node& node) {
  expect_signed(l, node, 1);
  const auto& q = node.get<QuantAttributes>();
  if (q.output.scale != 1.0 / 256 || q.output.zero != -128 || q.type != DType::kI8) {
    fail(l.graph, node, "its result must have a scale of 1/256 and the zero point -128");
  }
  const TensorId x = l.layout.plain(node.inputs[0]);
  TensorId table = 0;
  if (q.rescale == Rescale::kFixedPoint) {
    const auto entries = fixed_point_exponentials(q.beta, q.inputs[0].scale);
    table = raw_constant(l, node.name + ".table", DType::kI32, {256}, entries.data(), 1024);
  } else {
    std::vector<float> entries;
    for (int d = 0; d < 256; ++d) {
      entries.push_back(static_cast<float>(std::exp(-d * q.beta * q.inputs[0].scale)));
    }
    table = raw_constant(l, node.name + ".table", DType::kF32, {256}, entries.data(), 1024);
  }
  l.builder.step(node, OpCode::kQSoftmax, {x, table}, l.layout.make_plain(node.output),
                 ops::QSoftmaxAttributes{mode_of(q)});
}

void matmul(Lowering& l, const Node& node) {
  expect_signed(l, node, 2);
  const auto& q = node.get<QuantAttributes>();
  ops::QMatMulAttributes a;
  a.factor = {ops::Rescaling::kNone, 0, 0, 1.0f};
  if (q.type != DType::kI32) {
    a.factor = quant_factor(q.rescale, q.inputs[0].scale * q.inputs[1].scale / q.output.scale);
  }
  a.a_zero = q.inputs[0].zero;
  a.b_zero = q.inputs[1].zero;
  a.y = output_of(q);
  std::vector<TensorId> inputs = {l.layout.plain(node.inputs[0]), l.layout.plain(node.inputs[1])};
  if (node.input(2) != kNoValue) inputs.push_back(l.layout.plain(node.inputs[2]));
  if (node.input(3) != kNoValue) inputs.push_back(l.layout.plain(node.inputs[3]));
  l.builder.step(node, OpCode::kQMatMul, std::move(inputs), l.layout.make_plain(node.output), a);
}

}  // namespace

bool lower_quantized(Lowering& l, const Node& node) {
  switch (node.op) {
    case Op::kQuantizeLinear:
      convert(l, node, OpCode::kQuantize);
      return true;
    case Op::kDequantizeLinear:
      convert(l, node, OpCode::kDequantize);
      return true;
    case Op::kQConv:
      conv(l, node);
      return true;
    case Op::kQFullyConnected:
      fully_connected(l, node);
      return true;
    case Op::kQAdd:
    case Op::kQSub:
    case Op::kQMul:
      binary(l, node);
      return true;
    case Op::kQAveragePool:
      pool(l, node);
      return true;
    case Op::kQGlobalAveragePool:
      global_pool(l, node);
      return true;
    case Op::kRequantize:
      requantize(l, node);
      return true;
    case Op::kLookup:
      lookup(l, node);
      return true;
    case Op::kQSoftmax:
      softmax(l, node);
      return true;
    case Op::kQMatMul:
      matmul(l, node);
      return true;
    default:
      return false;
  }
}

}  // namespace sz::compiler
