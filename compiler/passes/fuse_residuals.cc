#include "compiler/passes/passes.h"
#include "compiler/passes/rewriter.h"

namespace sz::compiler {
namespace {

// The convolution behind input `index` of an Add, if it may take the Add over.
const Node* fusible(Rewriter& rewriter, const Node& add, std::size_t index) {
  const Graph& graph = rewriter.graph();
  const Node* conv = rewriter.producer(add.inputs[index]);
  const ValueId other = add.inputs[1 - index];
  const bool fits = conv != nullptr && conv->op == Op::kConv && conv->input(3) == kNoValue &&
                    rewriter.used_once(add.inputs[index]) && graph.constant(other) == nullptr &&
                    graph.shape(other) == graph.shape(add.output) &&
                    graph.shape(conv->output) == graph.shape(add.output);
  return fits && conv->slope == 1.0f && conv->activation.low == ops::Clamp{}.low &&
                 conv->activation.high == ops::Clamp{}.high
             ? conv
             : nullptr;
}

}  // namespace

// The convolution is made anew in the Add's place, where the residual is known to be there; the
// old one is dead code then.
void fuse_residuals(Graph& graph) {
  Rewriter::run(graph, [](Node& node, Rewriter& rewriter) {
    for (const std::size_t index : {std::size_t{1}, std::size_t{0}}) {
      const Node* conv = node.op == Op::kAdd ? fusible(rewriter, node, index) : nullptr;
      if (conv == nullptr) continue;
      Node fused = *conv;
      fused.inputs.resize(3, kNoValue);
      fused.inputs.push_back(node.inputs[1 - index]);
      fused.output = node.output;
      fused.activation = node.activation;
      rewriter.emit(std::move(fused));
      return;
    }
    rewriter.emit(node);
  });
}

}  // namespace sz::compiler
