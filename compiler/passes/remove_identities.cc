#include <cmath>

#include "compiler/graph/move.h"
#include "compiler/graph/shape_inference.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewriter.h"

namespace sz::compiler {
namespace {

bool changes_nothing(const MoveAttributes& move, const Shape& x) {
  if (move_shape(move) != x) return false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] == 1) continue;
    const MoveLoop& loop = move.axes[i].front();
    if (move.axes[i].size() != 1 || loop.fills() || loop.x_axis != i || loop.step != 1)
      return false;
  }
  return true;
}

bool is_identity(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::kIdentity:
      return true;
    case Op::kReshape:
      return graph.shape(node.inputs[0]) == graph.shape(node.output);
    case Op::kCast:
      return graph.value(node.inputs[0]).dtype == graph.value(node.output).dtype;
    case Op::kConcat:
      return node.inputs.size() == 1;
    case Op::kClamp:
      return node.activation.low == -INFINITY && node.activation.high == INFINITY;
    case Op::kTranspose: {
      const auto perm = permutation(graph, node, graph.shape(node.output).size());
      for (std::size_t i = 0; i < perm.size(); ++i) {
        if (perm[i] != static_cast<std::int64_t>(i)) return false;
      }
      return true;
    }
    case Op::kMove:
      return changes_nothing(node.get<MoveAttributes>(), graph.shape(node.inputs[0]));
    case Op::kSlice:
      return graph.shape(node.inputs[0]) == graph.shape(node.output);
    default:
      return false;
  }
}

// A slice of the same shape may still reverse the order.
bool reverses(const Graph& graph, const Node& node) {
  if (node.op != Op::kSlice) return false;
  for (const SliceRange& range : slice_ranges(graph, node, graph.shape(node.inputs[0]))) {
    if (range.step < 0 && range.size > 1) return true;
  }
  return false;
}

}  // namespace

void remove_identities(Graph& graph) {
  Rewriter::run(graph, [](Node& node, Rewriter& rewriter) {
    if (is_identity(rewriter.graph(), node) && !reverses(rewriter.graph(), node)) {
      rewriter.replace(node.output, node.inputs[0]);
    } else {
      rewriter.emit(node);
    }
  });
}

}  // namespace sz::compiler
