#include <algorithm>
#include <cmath>

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

bool is_unbounded(const ops::Clamp& clamp) {
  return clamp.low == -INFINITY && clamp.high == INFINITY;
}

// clamp(clamp(x, first), second) as one.
ops::Clamp compose(const ops::Clamp& first, const ops::Clamp& second) {
  return {std::clamp(first.low, second.low, second.high),
          std::clamp(first.high, second.low, second.high)};
}

// Lets `before` end as `node` does; false if it cannot.
bool absorb(Node& before, const Node& node) {
  if (node.op == Op::kClamp && has_activation(before.op)) {
    before.activation = compose(before.activation, node.activation);
    return true;
  }
  const bool bare = before.slope == 1.0f && is_unbounded(before.activation);
  if (node.op == Op::kLeakyRelu && before.op == Op::kConv && bare) {
    before.slope = node.get<LeakyReluAttributes>().slope;
    return true;
  }
  return false;
}

}  // namespace

void fuse_activations(Graph& graph) {
  Rewriter::run(graph, [](Node& node, Rewriter& rewriter) {
    const bool candidate = node.op == Op::kClamp || node.op == Op::kLeakyRelu;
    Node* before = candidate ? rewriter.producer(node.inputs[0]) : nullptr;
    if (before != nullptr && rewriter.used_once(node.inputs[0]) && absorb(*before, node)) {
      rewriter.replace(node.output, node.inputs[0]);
    } else {
      rewriter.emit(node);
    }
  });
}

}  // namespace sz::compiler
