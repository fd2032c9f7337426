#include "compiler/graph/shape_inference.h"
#include "compiler/passes/evaluate.h"
#include "compiler/passes/passes.h"

namespace sz::compiler {
namespace {

void check_outputs(const Graph& graph) {
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const Value& value = graph.value(graph.outputs[i]);
    const DeclaredOutput& declared = graph.declared_outputs[i];
    if (!declared.has_shape) continue;
    bool fits = declared.dims.size() == value.shape->size();
    for (std::size_t k = 0; fits && k < declared.dims.size(); ++k) {
      fits = declared.dims[k] == -1 || declared.dims[k] == (*value.shape)[k];
    }
    if (!fits) {
      fail(graph, "output '" + declared.name + "' is declared as " + to_string(declared.dims) +
                      " but the graph makes " + to_string(*value.shape));
    }
  }
}

}  // namespace

void fold_constants(Graph& graph) {
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    TypedShape result = infer(graph, node);
    ConstantPtr constant;
    const auto bytes =
        static_cast<std::uint64_t>(element_count(result.shape)) * dtype_bytes(result.dtype);
    // Computing it takes as much memory as keeping it: look at the budget first.
    if (bytes <= graph.constant_budget) {
      constant = evaluate(graph, node, result.dtype, result.shape);
    }
    Value& value = graph.value(node.output);
    value.dtype = result.dtype;
    value.shape = std::move(result.shape);
    if (constant) {
      graph.constant_budget -= bytes;
      value.constant = std::move(constant);
    } else {
      kept.push_back(std::move(node));
    }
  }
  graph.nodes = std::move(kept);
  check_outputs(graph);
}

}  // namespace sz::compiler
