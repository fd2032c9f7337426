// Types and shapes of quantised operators.
#include <cmath>
#include <string>

#include "compiler/graph/families.h"

namespace sz::compiler {
namespace {

bool is_eight_bits(DType type) { return type == DType::kI8 || type == DType::kU8; }

void expect_type(const Graph& graph, const Node& node, std::size_t input, bool good,
                 const char* wanted) {
  if (good) return;
  fail(graph, node,
       "input " + std::to_string(input) + " is " +
           to_string(graph.value(node.inputs[input]).dtype) + "; it must be " + wanted);
}

void expect_eight_bits(const Graph& graph, const Node& node, std::size_t inputs) {
  for (std::size_t i = 0; i < inputs; ++i) {
    if (node.input(i) == kNoValue) fail(graph, node, "an input is missing");
    expect_type(graph, node, i, is_eight_bits(graph.value(node.inputs[i]).dtype), "i8 or u8");
  }
}

// The scale, and what has its shape, are one number or one for each element along the axis.
void expect_along_axis(const Graph& graph, const Node& node, std::size_t input, const char* what) {
  const Shape& x = graph.shape(node.inputs[0]);
  const Shape& shape = graph.shape(node.inputs[input]);
  if (shape.empty() || shape == Shape{1}) return;
  if (shape.size() > 1) {
    fail(graph, node,
         std::string(what) + " is " + to_string(shape) +
             "; blocked quantisation is not implemented");
  }
  const std::size_t axis = normal_axis(graph, node, node.get<AxisAttributes>().axis, x.size());
  if (shape[0] != x[axis]) {
    fail(graph, node,
         std::string(what) + " has " + std::to_string(shape[0]) + " elements; axis " +
             std::to_string(axis) + " of " + to_string(x) + " needs " + std::to_string(x[axis]));
  }
}

void check_scale_and_zero(const Graph& graph, const Node& node) {
  if (node.input(1) == kNoValue) fail(graph, node, "has no scale");
  const DType scale = graph.value(node.inputs[1]).dtype;
  expect_type(graph, node, 1, scale == DType::kF32, "f32");
  expect_along_axis(graph, node, 1, "the scale");
  if (node.input(2) == kNoValue) return;
  expect_along_axis(graph, node, 2, "the zero point");
  const std::int64_t zeroes = element_count(graph.shape(node.inputs[2]));
  if (zeroes != 1 && zeroes != element_count(graph.shape(node.inputs[1]))) {
    fail(graph, node, "the scale and the zero point have different lengths");
  }
}

TypedShape infer_quantize(const Graph& graph, const Node& node) {
  expect_type(graph, node, 0, graph.value(node.inputs[0]).dtype == DType::kF32, "f32");
  check_scale_and_zero(graph, node);
  if (node.input(2) == kNoValue) fail(graph, node, "has no zero point");
  const DType type = graph.value(node.inputs[2]).dtype;
  expect_type(graph, node, 2, is_eight_bits(type), "i8 or u8");
  return {type, graph.shape(node.inputs[0])};
}

TypedShape infer_dequantize(const Graph& graph, const Node& node) {
  const DType type = graph.value(node.inputs[0]).dtype;
  expect_type(graph, node, 0, is_eight_bits(type) || type == DType::kI32, "i8, u8 or i32");
  check_scale_and_zero(graph, node);
  if (node.input(2) != kNoValue) {
    expect_type(graph, node, 2, graph.value(node.inputs[2]).dtype == type,
                "of the type of input 0");
  }
  return {DType::kF32, graph.shape(node.inputs[0])};
}

bool is_scale(double scale) { return std::isfinite(scale) && scale > 0; }

bool fits(std::int32_t number, DType type) {
  return type == DType::kI8   ? number >= -128 && number <= 127
         : type == DType::kU8 ? number >= 0 && number <= 255
                              : false;
}

void check_rescaling(const Graph& graph, const Node& node, std::size_t inputs, std::size_t outputs,
                     bool raw_allowed) {
  const auto& q = node.get<QuantAttributes>();
  const bool raw = q.type == DType::kI32 && raw_allowed;
  if (q.inputs.size() != inputs) fail(graph, node, "has no parameters for each quantised input");
  for (std::size_t i = 0; i < inputs; ++i) {
    if (!is_scale(q.inputs[i].scale)) fail(graph, node, "a scale is not a positive number");
    if (!fits(q.inputs[i].zero, graph.value(node.inputs[i]).dtype)) {
      fail(graph, node, "a zero point is outside the range of its type");
    }
  }
  if (raw) return;
  if (!is_eight_bits(q.type)) fail(graph, node, "its result is neither i8 nor u8");
  if (!is_scale(q.output.scale)) fail(graph, node, "the scale of the result is not positive");
  if (!fits(q.output.zero, q.type) || !fits(q.low, q.type) || !fits(q.high, q.type) ||
      q.low > q.high) {
    fail(graph, node, "the zero point or a bound of the result is outside the range of its type");
  }
  for (const double scale : q.weight_scales) {
    if (!is_scale(scale)) fail(graph, node, "a scale of the weights is not a positive number");
  }
  if (outputs > 0 && q.weight_scales.size() != 1 && q.weight_scales.size() != outputs) {
    fail(graph, node, "has neither one scale of the weights nor one for each output channel");
  }
}

void check_layer(const Graph& graph, const Node& node) {
  expect_eight_bits(graph, node, 2);
  if (graph.constant(node.inputs[1]) == nullptr) {
    fail(graph, node, "the weights must be known when the model is compiled");
  }
  const Shape& w = graph.shape(node.inputs[1]);
  const auto outputs = static_cast<std::size_t>(w.empty() ? 0 : w[0]);
  check_rescaling(graph, node, 1, outputs, true);
  const auto& q = node.get<QuantAttributes>();
  if (!fits(q.weight_zero, graph.value(node.inputs[1]).dtype)) {
    fail(graph, node, "the zero point of the weights is outside the range of its type");
  }
  if (node.input(2) == kNoValue) return;
  const Constant* bias = graph.constant(node.inputs[2]);
  if (bias == nullptr || bias->dtype != DType::kI32 || bias->shape != Shape{w[0]}) {
    fail(graph, node, "the bias must be a constant, i32, with one element for each output channel");
  }
}

// The rules of windows are those of the operator on f32.
Node as_plain(const Node& node, Op op, WindowAttributes window) {
  return {op, node.name, node.inputs, node.output, std::move(window), {}};
}

Shape infer_window(const Graph& graph, const Node& node, Op op,
                   const WindowAttributes& attributes) {
  const Shape& x = graph.shape(node.inputs[0]);
  if (x.size() != 4) {
    fail(graph, node,
         "its input is " + to_string(x) + "; only two-dimensional images (rank 4) are supported");
  }
  Shape result = x;
  std::vector<std::int64_t> kernel;
  if (op == Op::kConv) {
    const Shape& w = graph.shape(node.inputs[1]);
    if (w.size() != 4) fail(graph, node, "its weights are " + to_string(w) + "; rank 4 is needed");
    const std::int64_t groups = attributes.groups;
    if (groups < 1 || x[1] % groups != 0 || w[0] % groups != 0 || w[1] != x[1] / groups) {
      fail(graph, node,
           "weights " + to_string(w) + " in " + std::to_string(groups) +
               " groups do not fit an input of " + to_string(x));
    }
    kernel = {w[2], w[3]};
    result[1] = w[0];
  }
  Node plain = as_plain(node, op, attributes);
  const WindowAttributes window = resolve_window(graph, plain, x, kernel);
  result[2] = window_output(graph, plain, window, x[2], 0);
  result[3] = window_output(graph, plain, window, x[3], 1);
  return result;
}

Shape infer_layer(const Graph& graph, const Node& node) {
  Shape x = graph.shape(node.inputs[0]);
  const Shape& w = graph.shape(node.inputs[1]);
  if (x.empty() || w.size() != 2 || x.back() != w[1]) {
    fail(graph, node, "weights " + to_string(w) + " do not fit an input of " + to_string(x));
  }
  x.back() = w[0];
  return x;
}

// NumPy's rule of matrix products: the leading dimensions are broadcast.
Shape infer_product(const Graph& graph, const Node& node) {
  const Shape& a = graph.shape(node.inputs[0]);
  const Shape& b = graph.shape(node.inputs[1]);
  if (a.size() < 2 || b.size() < 2 || a.back() != b[b.size() - 2]) {
    fail(graph, node, "the matrices " + to_string(a) + " and " + to_string(b) + " do not fit");
  }
  Shape result =
      broadcast(graph, node, Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
  result.push_back(a[a.size() - 2]);
  result.push_back(b.back());
  return result;
}

// The optional zero points of ConvInteger and MatMulInteger.
void check_integer_operands(const Graph& graph, const Node& node) {
  expect_eight_bits(graph, node, 2);
  for (std::size_t i = 2; i < 4; ++i) {
    if (node.input(i) == kNoValue) continue;
    const DType wanted = graph.value(node.inputs[i - 2]).dtype;
    expect_type(graph, node, i, graph.value(node.inputs[i]).dtype == wanted,
                "of the type of what it belongs to");
  }
}

TypedShape infer_unary(const Graph& graph, const Node& node) {
  expect_eight_bits(graph, node, 1);
  check_rescaling(graph, node, 1, 0, false);
  const DType type = node.get<QuantAttributes>().type;
  if (node.op == Op::kLookup) {
    const Constant* table = graph.constant(node.input(1));
    if (table == nullptr || table->dtype != type || table->shape != Shape{256}) {
      fail(graph, node, "its table must be a constant of 256 elements of the result's type");
    }
  }
  return {type, graph.shape(node.inputs[0])};
}

}  // namespace

std::optional<TypedShape> infer_quantized(const Graph& graph, const Node& node) {
  const auto type = [&]() { return node.get<QuantAttributes>().type; };
  switch (node.op) {
    case Op::kQuantizeLinear:
      return infer_quantize(graph, node);
    case Op::kDequantizeLinear:
      return infer_dequantize(graph, node);
    case Op::kQConv:
      check_layer(graph, node);
      return TypedShape{type(),
                        infer_window(graph, node, Op::kConv, node.get<QuantAttributes>().window)};
    case Op::kQFullyConnected:
      check_layer(graph, node);
      return TypedShape{type(), infer_layer(graph, node)};
    case Op::kQAdd:
    case Op::kQSub:
    case Op::kQMul:
      expect_eight_bits(graph, node, 2);
      check_rescaling(graph, node, 2, 0, false);
      return TypedShape{
          type(), broadcast(graph, node, graph.shape(node.inputs[0]), graph.shape(node.inputs[1]))};
    case Op::kQAveragePool: {
      TypedShape result = infer_unary(graph, node);
      const auto& window = node.get<QuantAttributes>().window;
      result.shape = infer_window(graph, node, Op::kAveragePool, window);
      return result;
    }
    case Op::kQGlobalAveragePool: {
      TypedShape result = infer_unary(graph, node);
      if (result.shape.size() != 4) fail(graph, node, "takes images (rank 4) only");
      result.shape[2] = result.shape[3] = 1;
      return result;
    }
    case Op::kRequantize:
    case Op::kLookup:
    case Op::kQSoftmax:
      return infer_unary(graph, node);
    case Op::kQMatMul:
      expect_eight_bits(graph, node, 2);
      check_rescaling(graph, node, 2, 0, true);
      return TypedShape{type(), infer_product(graph, node)};
    case Op::kConvInteger:
      check_integer_operands(graph, node);
      return TypedShape{DType::kI32,
                        infer_window(graph, node, Op::kConv, node.get<WindowAttributes>())};
    case Op::kMatMulInteger:
      check_integer_operands(graph, node);
      return TypedShape{DType::kI32, infer_product(graph, node)};
    default:
      return std::nullopt;
  }
}

}  // namespace sz::compiler
