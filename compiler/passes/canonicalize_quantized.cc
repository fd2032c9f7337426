// Quantised operators get every default, and ONNX's integer operators become the device's.
#include <utility>

#include "compiler/graph/shape_inference.h"
#include "compiler/passes/families.h"
#include "compiler/passes/quantization/quantized_values.h"

namespace sz::compiler {
namespace {

// The rules of windows are those of the operator on f32.
void window(Rewriter& rewriter, Node& node) {
  const Graph& graph = rewriter.graph();
  auto& attributes = node.get<QuantAttributes>();
  const bool conv = node.op == Op::kQConv;
  Node plain{conv ? Op::kConv : Op::kAveragePool, node.name, {}, kNoValue, attributes.window, {}};
  std::vector<std::int64_t> kernel;
  if (conv) {
    const Shape& w = graph.shape(node.inputs[1]);
    kernel = {w[2], w[3]};
  }
  attributes.window = resolve_window(graph, plain, graph.shape(node.inputs[0]), kernel);
  rewriter.emit(node);
}

// Operands get the rank of the result.
void binary(Rewriter& rewriter, Node& node) {
  Graph& graph = rewriter.graph();
  const std::size_t rank = graph.shape(node.output).size();
  for (ValueId& id : node.inputs) {
    Shape shape = graph.shape(id);
    if (shape.size() == rank) continue;
    shape.insert(shape.begin(), rank - shape.size(), 1);
    const std::string name = graph.value(id).name;
    if (const Constant* constant = graph.constant(id)) {
      id = graph.add_constant(name, reshaped(*constant, shape));
      continue;
    }
    const ValueId view = rewriter.temporary(name, graph.value(id).dtype, shape);
    rewriter.emit({Op::kReshape, node.name, {id}, view, ReshapeAttributes{}, {}});
    id = view;
  }
  rewriter.emit(node);
}

// An optional constant zero point, one for the whole tensor.
std::int32_t zero_of(const Graph& graph, const Node& node, std::size_t input) {
  if (node.input(input) == kNoValue) return 0;
  const Constant* constant = graph.constant(node.inputs[input]);
  if (constant == nullptr) {
    fail(graph, node, "its zero points must be known when the model is compiled");
  }
  const std::vector<double> values = numbers(*constant);
  for (const double value : values) {
    if (value != values[0]) {
      fail(graph, node, "zero points that differ along an axis are not implemented");
    }
  }
  return values.empty() ? 0 : static_cast<std::int32_t>(values[0]);
}

QuantAttributes raw_attributes() {
  QuantAttributes q;
  q.type = DType::kI32;
  return q;
}

void expect_constant_weights(const Graph& graph, const Node& node) {
  if (graph.constant(node.inputs[1]) == nullptr) {
    fail(graph, node, "the weights must be known when the model is compiled");
  }
}

void conv_integer(Rewriter& rewriter, Node& node) {
  const Graph& graph = rewriter.graph();
  expect_constant_weights(graph, node);
  QuantAttributes q = raw_attributes();
  q.inputs = {{1, zero_of(graph, node, 2)}};
  q.weight_scales = {1};
  q.weight_zero = zero_of(graph, node, 3);
  q.window = node.get<WindowAttributes>();
  Node conv{Op::kQConv, node.name, {node.inputs[0], node.inputs[1]}, node.output, std::move(q), {}};
  window(rewriter, conv);
}

bool is_computed(const Graph& graph, ValueId id) {
  return id != kNoValue && graph.constant(id) == nullptr;
}

// The zero points stay operands where the network computes one of them.
void dynamic_product(Rewriter& rewriter, const Node& node) {
  Graph& graph = rewriter.graph();
  QuantAttributes q = raw_attributes();
  q.inputs = {{1, 0}, {1, 0}};
  Node product{Op::kQMatMul, node.name,    {node.inputs[0], node.inputs[1]},
               node.output,  std::move(q), {}};
  for (std::size_t i = 2; i < 4; ++i) {
    ValueId zero = node.input(i);
    if (zero == kNoValue) {
      zero = scalar_constant(graph, node.name + ".zero", graph.value(node.inputs[i - 2]).dtype, 0);
    } else if (element_count(graph.shape(zero)) != 1) {
      fail(graph, node, "zero points that differ along an axis are not implemented");
    }
    product.inputs.push_back(zero);
  }
  rewriter.emit(std::move(product));
}

void matmul_integer(Rewriter& rewriter, const Node& node) {
  Graph& graph = rewriter.graph();
  if (is_computed(graph, node.input(2)) || is_computed(graph, node.input(3))) {
    return dynamic_product(rewriter, node);
  }
  QuantAttributes q = raw_attributes();
  q.inputs = {{1, zero_of(graph, node, 2)}};
  const Constant* weights = graph.constant(node.inputs[1]);
  if (weights == nullptr || weights->shape.size() != 2) {
    q.inputs.push_back({1, zero_of(graph, node, 3)});
    return rewriter.emit(
        {Op::kQMatMul, node.name, {node.inputs[0], node.inputs[1]}, node.output, std::move(q), {}});
  }
  static constexpr std::int64_t kSwap[] = {1, 0};
  const std::string name = graph.value(node.inputs[1]).name;
  const ValueId turned = graph.add_constant(name, transposed(*weights, kSwap));
  q.weight_scales = {1};
  q.weight_zero = zero_of(graph, node, 3);
  rewriter.emit(
      {Op::kQFullyConnected, node.name, {node.inputs[0], turned}, node.output, std::move(q), {}});
}

}  // namespace

bool canonicalize_quantized(Rewriter& rewriter, Node& node) {
  switch (node.op) {
    case Op::kQConv:
    case Op::kQAveragePool:
      window(rewriter, node);
      return true;
    case Op::kQAdd:
    case Op::kQSub:
    case Op::kQMul:
      binary(rewriter, node);
      return true;
    case Op::kConvInteger:
      conv_integer(rewriter, node);
      return true;
    case Op::kMatMulInteger:
      matmul_integer(rewriter, node);
      return true;
    default:
      return false;
  }
}

}  // namespace sz::compiler
