#include "compiler/quantize/split_fused.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "compiler/passes/rewriter.h"

namespace sz::compiler {
namespace {

bool is_open(const ops::Clamp& clamp) { return std::isinf(clamp.low) && std::isinf(clamp.high); }

// In the order in which the operator computes: residual, leaky Relu, clamp.
void split(Rewriter& rewriter, Node& conv) {
  const Shape shape = rewriter.graph().shape(conv.output);
  const ValueId residual = conv.input(3);
  const ops::Clamp clamp = std::exchange(conv.activation, {});
  const float slope = std::exchange(conv.slope, 1.0f);
  const ValueId output = conv.output;
  std::vector<Node> behind;
  if (residual != kNoValue)
    behind.push_back({Op::kAdd, conv.name, {kNoValue, residual}, {}, {}, {}});
  if (slope != 1.0f) {
    behind.push_back({Op::kLeakyRelu, conv.name, {kNoValue}, {}, LeakyReluAttributes{slope}, {}});
  }
  if (slope == 1.0f && residual != kNoValue) {
    behind.back().activation = clamp;
  } else if (!is_open(clamp)) {
    behind.push_back({Op::kClamp, conv.name, {kNoValue}, {}, {}, clamp});
  }
  conv.inputs.resize(std::min<std::size_t>(conv.inputs.size(), 3));
  if (conv.inputs.back() == kNoValue) conv.inputs.pop_back();
  ValueId at = rewriter.temporary(conv.name + ".sum", DType::kF32, shape);
  conv.output = at;
  rewriter.emit(conv);
  for (std::size_t i = 0; i < behind.size(); ++i) {
    behind[i].inputs[0] = at;
    at = i + 1 == behind.size() ? output
                                : rewriter.temporary(conv.name + ".part", DType::kF32, shape);
    behind[i].output = at;
    rewriter.emit(behind[i]);
  }
}

}  // namespace

void split_fused(Graph& graph) {
  Rewriter::run(graph, [](Node& node, Rewriter& rewriter) {
    if (node.op == Op::kConv && (node.input(3) != kNoValue || node.slope != 1.0f)) {
      split(rewriter, node);
    } else {
      rewriter.emit(node);
    }
  });
}

}  // namespace sz::compiler
