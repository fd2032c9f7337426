#include <cmath>
#include <optional>
#include <utility>

#include "compiler/passes/affine.h"
#include "compiler/passes/passes.h"

namespace sz::compiler {
namespace {

// The values of `constant` for each of the layer's outputs, if it does not vary otherwise. The
// operands of the node have equal ranks (canonicalize).
std::optional<std::vector<double>> by_output(const Graph& graph, const Node& layer,
                                             const Constant& constant) {
  const std::size_t rank = constant.shape.size();
  if (rank != graph.shape(layer.output).size()) return std::nullopt;
  const std::size_t channel = layer.op == Op::kConv ? 1 : rank - 1;
  const std::int64_t outputs = layer_outputs(graph, layer);
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const bool fits =
        constant.shape[axis] == 1 || (axis == channel && constant.shape[axis] == outputs);
    if (!fits) return std::nullopt;
  }
  std::vector<double> values;
  for (std::int64_t m = 0; m < outputs; ++m) {
    const auto at = static_cast<std::size_t>(constant.shape[channel] == 1 ? 0 : m);
    values.push_back(static_cast<double>(constant.f32()[at]));
    if (!std::isfinite(values.back())) return std::nullopt;
  }
  return values;
}

bool fold(Rewriter& rewriter, Node& node) {
  if (node.op != Op::kAdd && node.op != Op::kSub && node.op != Op::kMul) return false;
  const Graph& graph = rewriter.graph();
  ValueId x = node.inputs[0];
  ValueId c = node.inputs[1];
  if (graph.constant(c) == nullptr && node.op != Op::kSub) std::swap(x, c);
  Node* layer = rewriter.producer(x);
  if (graph.constant(c) == nullptr || layer == nullptr || !is_scalable_layer(graph, *layer) ||
      !rewriter.used_once(x) || graph.shape(node.output) != graph.shape(x)) {
    return false;
  }
  auto values = by_output(graph, *layer, *graph.constant(c));
  if (!values) return false;
  const std::vector<double> zeroes(values->size(), 0.0);
  const std::vector<double> ones(values->size(), 1.0);
  if (node.op == Op::kSub) {
    for (double& value : *values) value = -value;
  }
  if (node.op == Op::kMul) {
    scale_layer(rewriter, *layer, *values, zeroes);
  } else {
    scale_layer(rewriter, *layer, ones, *values);
  }
  rewriter.replace(node.output, x);
  return true;
}

}  // namespace

void fold_scale_and_bias(Graph& graph) {
  Rewriter::run(graph, [](Node& node, Rewriter& rewriter) {
    if (!fold(rewriter, node)) rewriter.emit(node);
  });
}

}  // namespace sz::compiler
