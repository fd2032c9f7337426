#include <cstring>

#include "compiler/graph/shape_inference.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewriter.h"

namespace sz::compiler {
namespace {

// A quantised convolution's padding is worth the zero point of its input.
bool pads_zero_points(const Graph& graph, const Node& pad, const QuantAttributes& q) {
  const Constant* value = graph.constant(pad.input(2));
  if (pad_mode(pad) != PadMode::kConstant || value == nullptr || value->bytes.size() != 1) {
    return false;
  }
  return value->bytes[0] == static_cast<std::byte>(q.inputs[0].zero);
}

bool pads_zeroes(const Graph& graph, const Node& node) {
  if (pad_mode(node) != PadMode::kConstant) return false;
  if (node.input(2) == kNoValue) return true;
  const Constant* value = graph.constant(node.inputs[2]);
  return value != nullptr && value->dtype == DType::kF32 && value->f32().size() == 1 &&
         value->f32()[0] == 0.0f;
}

constexpr std::int64_t kMaxPadding = 65536;  // ops/check.h

// Moves the padding into `window`; false if the operator could not express it. A pool's windows
// must not lie in the padding alone; for a convolution, `any_padding` goes.
bool absorb(const std::vector<PadRange>& ranges, WindowAttributes& window, bool any_padding) {
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const PadRange& range = ranges[axis + 2];
    if (range.before < 0 || range.after < 0) return false;
    const std::int64_t extent = (window.kernel[axis] - 1) * window.dilations[axis] + 1;
    const std::int64_t most = any_padding ? kMaxPadding : extent - 1;
    window.pads[axis] += range.before;
    window.pads[axis + 2] += range.after;
    if (window.pads[axis] > most || window.pads[axis + 2] > most) return false;
  }
  return ranges[0].before == 0 && ranges[0].after == 0 && ranges[1].before == 0 &&
         ranges[1].after == 0;
}

// A convolution's padding is zeroes; so is that of an average pool that counts it. In both, more
// of it at the edge means the same as a padded input, unless the ceiling mode looks at the edge.
bool can_absorb(const Node& node) {
  if (node.op == Op::kConv) return true;
  if (node.op != Op::kAveragePool) return false;
  const auto& window = node.get<WindowAttributes>();
  const bool padded = window.auto_pad != AutoPad::kExplicit || !window.pads.empty();
  return !window.ceil_mode && (window.count_include_pad || !padded);
}

// The same for a quantised convolution.
void fuse_quantised(Rewriter& rewriter, Node& node) {
  const Graph& g = rewriter.graph();
  const Node* pad = rewriter.producer(node.inputs[0]);
  auto& q = node.get<QuantAttributes>();
  if (pad == nullptr || pad->op != Op::kPad || !pads_zero_points(g, *pad, q)) return;
  const Shape& weights = g.shape(node.inputs[1]);
  const Node plain{Op::kConv, node.name, node.inputs, node.output, q.window, {}};
  WindowAttributes window =
      resolve_window(g, plain, g.shape(node.inputs[0]), {weights[2], weights[3]});
  if (!absorb(pad_ranges(g, *pad, 4), window, true)) return;
  q.window = std::move(window);
  node.inputs[0] = pad->inputs[0];
}

}  // namespace

void fuse_padding(Graph& graph) {
  Rewriter::run(graph, [](Node& node, Rewriter& rewriter) {
    if (node.op == Op::kQConv) {
      fuse_quantised(rewriter, node);
      return rewriter.emit(node);
    }
    const Graph& g = rewriter.graph();
    const Node* pad = can_absorb(node) ? rewriter.producer(node.inputs[0]) : nullptr;
    if (pad != nullptr && pad->op == Op::kPad && pads_zeroes(g, *pad)) {
      const Shape& padded = g.shape(node.inputs[0]);
      std::vector<std::int64_t> kernel;
      if (node.op == Op::kConv) {
        kernel = {g.shape(node.inputs[1])[2], g.shape(node.inputs[1])[3]};
      }
      WindowAttributes window = resolve_window(g, node, padded, kernel);
      if (absorb(pad_ranges(g, *pad, 4), window, node.op == Op::kConv)) {
        window.count_include_pad = true;
        node.attributes = std::move(window);
        node.inputs[0] = pad->inputs[0];
      }
    }
    rewriter.emit(node);
  });
}

}  // namespace sz::compiler
