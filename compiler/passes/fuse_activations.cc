#include <algorithm>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewriter.h"

namespace sz::compiler {
namespace {

bool has_activation(Op op) {
  switch (op) {
    case Op::kConv:
    case Op::kFullyConnected:
    case Op::kMatMul:
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kDiv:
    case Op::kClamp:
      return true;
    default:
      return false;
  }
}

// clamp(clamp(x, first), second) as one.
ops::Clamp compose(const ops::Clamp& first, const ops::Clamp& second) {
  return {std::clamp(first.low, second.low, second.high),
          std::clamp(first.high, second.low, second.high)};
}

}  // namespace

void fuse_activations(Graph& graph) {
  Rewriter::run(graph, [](Node& node, Rewriter& rewriter) {
    Node* before = node.op == Op::kClamp ? rewriter.producer(node.inputs[0]) : nullptr;
    if (before != nullptr && has_activation(before->op) && rewriter.used_once(node.inputs[0])) {
      before->activation = compose(before->activation, node.activation);
      rewriter.replace(node.output, node.inputs[0]);
    } else {
      rewriter.emit(node);
    }
  });
}

}  // namespace sz::compiler
