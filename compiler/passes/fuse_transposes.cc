#include "compiler/graph/shape_inference.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewriter.h"

namespace sz::compiler {
namespace {

using Perm = std::vector<std::int64_t>;

// Dimension i of the whole is dimension inner[i] of the middle, which is outer[inner[i]].
Perm compose(const Perm& outer, const Perm& inner) {
  if (inner.empty()) return outer;
  Perm result;
  for (const std::int64_t axis : inner) result.push_back(outer[static_cast<std::size_t>(axis)]);
  return result;
}

Perm inverse(const Perm& perm) {
  Perm result(perm.size());
  for (std::size_t i = 0; i < perm.size(); ++i) {
    result[static_cast<std::size_t>(perm[i])] = static_cast<std::int64_t>(i);
  }
  return result;
}

void read_transposed(Rewriter& rewriter, Node& node) {
  auto& attributes = node.get<MatMulAttributes>();
  for (std::size_t i = 0; i < 2; ++i) {
    const Node* before = rewriter.producer(node.inputs[i]);
    if (before == nullptr || before->op != Op::kTranspose) continue;
    Perm& perm = i == 0 ? attributes.a_perm : attributes.b_perm;
    const std::size_t rank = rewriter.graph().shape(before->output).size();
    perm = compose(permutation(rewriter.graph(), *before, rank), perm);
    node.inputs[i] = before->inputs[0];
  }
  rewriter.emit(node);
}

// The columns of the product must stay the innermost dimension.
bool write_transposed(Rewriter& rewriter, Node& node) {
  Node* before = rewriter.producer(node.inputs[0]);
  if (before == nullptr || before->op != Op::kMatMul || !rewriter.used_once(node.inputs[0])) {
    return false;
  }
  Graph& graph = rewriter.graph();
  const Shape& shape = graph.shape(node.output);
  const Perm places = inverse(permutation(graph, node, shape.size()));
  Perm& perm = before->get<MatMulAttributes>().y_perm;
  const Perm whole = compose(places, perm);
  if (whole.back() + 1 != static_cast<std::int64_t>(whole.size())) return false;
  perm = whole;
  graph.value(before->output).shape = shape;
  rewriter.replace(node.output, before->output);
  return true;
}

}  // namespace

void fuse_transposes(Graph& graph) {
  Rewriter::run(graph, [](Node& node, Rewriter& rewriter) {
    if (node.op == Op::kMatMul) return read_transposed(rewriter, node);
    if (node.op == Op::kTranspose && write_transposed(rewriter, node)) return;
    rewriter.emit(node);
  });
}

}  // namespace sz::compiler
