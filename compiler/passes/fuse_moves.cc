// Images lie in memory with their channels innermost, so a Reshape of one that changes its rank
// costs a copy, and a Transpose behind it another, and the Reshape back to an image a third
// (channel shuffles, detection heads, tokens of a vision transformer). As one Move they cost one
// copy or none.
#include <cmath>

#include "compiler/graph/move.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewriter.h"

namespace sz::compiler {
namespace {

std::optional<MoveAttributes> as_move(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  switch (node.op) {
    case Op::kMove:
      return node.get<MoveAttributes>();
    case Op::kTranspose:
      return transpose_move(x, permutation(graph, node, x.size()));
    case Op::kReshape:
      return regrouped(identity_move(x), graph.shape(node.output));
    default:
      return {};
  }
}

// A shape whose order in memory is another than ONNX's.
bool is_image(const Shape& shape) {
  return shape.size() == 4 && shape[1] != 1 && shape[2] * shape[3] != 1;
}

// A Reshape that costs a copy because memory has another order before or behind it.
bool costs_copy(const Graph& graph, const Node& node) {
  return node.op == Op::kReshape &&
         (is_image(graph.shape(node.inputs[0])) || is_image(graph.shape(node.output)));
}

// The node whose result `node` alone reads, and that it can be put together with.
Node* partner(Rewriter& rewriter, const Node& node) {
  if (!rewriter.used_once(node.inputs[0])) return nullptr;
  Node* before = rewriter.producer(node.inputs[0]);
  if (before == nullptr) return nullptr;
  const bool reorders = before->op == Op::kTranspose || before->op == Op::kMove;
  if (node.op == Op::kReshape) {
    return reorders && costs_copy(rewriter.graph(), node) ? before : nullptr;
  }
  if (reorders) return before->op == Op::kMove || node.op == Op::kMove ? before : nullptr;
  return costs_copy(rewriter.graph(), *before) ? before : nullptr;
}

void visit(Node& node, Rewriter& rewriter) {
  const Graph& graph = rewriter.graph();
  const bool candidate =
      node.op == Op::kMove || node.op == Op::kTranspose || node.op == Op::kReshape;
  const Node* before = candidate ? partner(rewriter, node) : nullptr;
  if (before != nullptr) {
    const auto first = as_move(graph, *before);
    const auto second = as_move(graph, node);
    std::optional<MoveAttributes> both;
    if (first && node.op == Op::kReshape) {
      both = regrouped(*first, graph.shape(node.output));
    } else if (first && second) {
      both = composed(*first, *second);
    }
    if (both) {
      node = {Op::kMove, node.name, {before->inputs[0]}, node.output, *std::move(both), {}};
      return visit(node, rewriter);
    }
  }
  rewriter.emit(node);
}

}  // namespace

void fuse_moves(Graph& graph) { Rewriter::run(graph, visit); }

}  // namespace sz::compiler
