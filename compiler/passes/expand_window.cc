// Windows over signals (one axis) as windows over images of one row, and what else becomes
// convolutions and pools of images.
#include "compiler/passes/expand_window.h"

#include <algorithm>

#include "compiler/graph/shape_inference.h"
#include "compiler/passes/expand.h"

namespace sz::compiler {
namespace {

bool is_window(Op op) { return op == Op::kConv || op == Op::kMaxPool || op == Op::kAveragePool; }

// [N, C, W] as [N, C, 1, W]: so the taps of a row lie side by side.
Shape as_image(const Shape& signal) { return {signal[0], signal[1], 1, signal[2]}; }

// An image of one row that was made a signal just before is taken as it was.
ValueId image_of(Rewriter& rewriter, Expansion& e, ValueId signal) {
  const Shape shape = as_image(e.shape(signal));
  const Node* before = rewriter.producer(signal);
  if (before != nullptr && before->op == Op::kReshape && e.shape(before->inputs[0]) == shape) {
    return before->inputs[0];
  }
  return e.reshape(signal, shape);
}

void signal(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  std::vector<std::int64_t> kernel;
  std::vector<ValueId> inputs = {image_of(rewriter, e, node.inputs[0])};
  if (node.op == Op::kConv) {
    require_constants(e.graph(), node);
    kernel = {e.shape(node.inputs[1])[2]};
    inputs.push_back(e.reshape(node.inputs[1], as_image(e.shape(node.inputs[1]))));
    inputs.insert(inputs.end(), node.inputs.begin() + 2, node.inputs.end());
  }
  WindowAttributes w = resolve_window(e.graph(), node, e.shape(node.inputs[0]), kernel);
  for (auto* list : {&w.kernel, &w.strides, &w.dilations}) list->insert(list->begin(), 1);
  w.pads = {0, w.pads[0], 0, w.pads[1]};
  e.finish_reshape(e.add(node.op, inputs, std::move(w)));
}

// Global pools of other ranks than 4.
void global_pool(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const Shape x = e.shape(node.inputs[0]);
  const Shape image = {x[0], x[1], product(x, 2, x.size() - 1), x.back()};
  e.finish_reshape(e.add(node.op, {e.reshape(node.inputs[0], image)}));
}

// A number that all elements are raised to; 1 and 2 and the root of 2 have operators of their own.
ValueId power(Expansion& e, ValueId x, double exponent) {
  if (exponent == 1.0) return x;
  if (exponent == 2.0) return e.add(Op::kMul, {x, x});
  if (exponent == 0.5) return e.add(Op::kUnary, {x}, UnaryFunction{ops::UnaryKind::kSqrt, 0, 0});
  return e.add(Op::kBinary, {x, e.constant(static_cast<float>(exponent))},
               BinaryOperation{ops::BinaryKind::kPow});
}

// The window of a sum: a convolution, whose padding is zeroes, and which has no ceiling mode.
WindowAttributes sum_window(Expansion& e, const Node& node, const Shape& x) {
  const auto& a = node.get<LpPoolAttributes>();
  Node window_node = node;
  window_node.attributes = a.window;
  if (node.op == Op::kGlobalLpPool) {
    WindowAttributes all;
    all.kernel.assign(x.begin() + 2, x.end());
    window_node.attributes = std::move(all);
  }
  WindowAttributes w = resolve_window(e.graph(), window_node, x, {});
  const std::size_t axes = w.kernel.size();
  for (std::size_t axis = 0; axis < axes; ++axis) {
    const std::int64_t steps = e.shape(node.output)[axis + 2];
    const std::int64_t reach =
        (steps - 1) * w.strides[axis] + (w.kernel[axis] - 1) * w.dilations[axis] + 1;
    const std::int64_t end = reach - x[axis + 2] - w.pads[axis];
    w.pads[axis + axes] = std::max(end, w.pads[axis + axes]);
  }
  w.ceil_mode = false;
  w.groups = x[1];
  return w;
}

// The sum of powers is a convolution with ones.
void lp_pool(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const auto p = static_cast<double>(node.get<LpPoolAttributes>().p);
  const Shape x = e.shape(node.inputs[0]);
  const WindowAttributes w = sum_window(e, node, x);
  ValueId y = node.inputs[0];
  if (p != 2.0) y = e.add(Op::kUnary, {y}, UnaryFunction{ops::UnaryKind::kAbs, 0, 0});
  y = power(e, y, p);
  Shape weights = {x[1], 1};
  weights.insert(weights.end(), w.kernel.begin(), w.kernel.end());
  const std::vector<float> ones(static_cast<std::size_t>(product(weights, 0, weights.size())), 1.0f);
  const ValueId filter = e.graph().add_constant("ones", make_f32(weights, ones));
  Node sum{Op::kConv, node.name, {y, filter}, kNoValue, w, {}};
  sum.output = rewriter.temporary(node.name + ".sum", DType::kF32, Shape(e.shape(node.output)));
  y = sum.output;
  if (!expand_window(rewriter, sum)) {
    rewriter.emit(std::move(sum));
  } else {
    y = rewriter.resolve(y);
  }
  e.finish_with(power(e, y, 1.0 / p));
}

// Element by element, an image of one row that was made a signal may stay one: f(view(x)) becomes
// view(f(x)), and the next window finds the image.
bool keep_image(Rewriter& rewriter, Node& node) {
  if (node.op != Op::kClamp && node.op != Op::kLeakyRelu) return false;
  const Node* before = rewriter.producer(node.inputs[0]);
  if (before == nullptr || before->op != Op::kReshape) return false;
  const ValueId image = before->inputs[0];
  const Graph& graph = rewriter.graph();
  if (graph.shape(node.output).size() != 3 ||
      graph.shape(image) != as_image(graph.shape(node.output))) {
    return false;
  }
  Node kept = node;
  kept.inputs[0] = image;
  kept.output = rewriter.temporary(node.name + ".image", graph.value(node.output).dtype,
                                   Shape(graph.shape(image)));
  const ValueId result = kept.output;
  rewriter.emit(std::move(kept));
  Expansion(rewriter, node).finish_reshape(result);
  return true;
}

}  // namespace

void require_constants(const Graph& graph, const Node& node) {
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] != kNoValue && graph.constant(node.inputs[i]) == nullptr) {
      fail(graph, node, "its weights and bias must be known when the model is compiled");
    }
  }
}

bool expand_window(Rewriter& rewriter, Node& node) {
  const std::size_t rank = node.inputs.empty() ? 0 : rewriter.graph().shape(node.inputs[0]).size();
  if (is_window(node.op) && rank == 3) {
    signal(rewriter, node);
    return true;
  }
  if (is_window(node.op) && rank == 5) {
    expand_volume(rewriter, node);
    return true;
  }
  if ((node.op == Op::kGlobalAveragePool || node.op == Op::kGlobalMaxPool) && rank != 4) {
    global_pool(rewriter, node);
    return true;
  }
  if (node.op == Op::kConvTranspose) {
    expand_conv_transpose(rewriter, node);
    return true;
  }
  if (node.op == Op::kLpPool || node.op == Op::kGlobalLpPool) {
    lp_pool(rewriter, node);
    return true;
  }
  return keep_image(rewriter, node);
}

}  // namespace sz::compiler
