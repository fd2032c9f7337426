#include <algorithm>
#include <array>
#include <cmath>

#include "compiler/graph/shape_inference.h"
#include "compiler/passes/families.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewriter.h"

namespace sz::compiler {
namespace {

// A number that is an input (a bound of Clip): its constant, or `otherwise` where
// there is none.
float number(const Graph& graph, const Node& node, std::size_t input, float otherwise) {
  if (node.input(input) == kNoValue) return otherwise;
  const Constant* constant = graph.constant(node.inputs[input]);
  if (constant == nullptr || constant->dtype != DType::kF32 || constant->f32().size() != 1) {
    fail(graph, node,
         "input " + std::to_string(input) +
             " must be a single f32 number known when the model is compiled");
  }
  return constant->f32()[0];
}

void clip(Rewriter& rewriter, Node& node) {
  const Graph& graph = rewriter.graph();
  const ops::Clamp clamp{number(graph, node, 1, -INFINITY), number(graph, node, 2, INFINITY)};
  if (!(clamp.low <= clamp.high)) fail(graph, node, "its lower bound is not below its upper one");
  rewriter.emit({Op::kClamp, node.name, {node.inputs[0]}, node.output, {}, clamp});
}

void reshape(Rewriter& rewriter, const Node& node) {
  rewriter.emit({Op::kReshape, node.name, {node.inputs[0]}, node.output, ReshapeAttributes{}, {}});
}

void window(Rewriter& rewriter, Node& node) {
  const Graph& graph = rewriter.graph();
  std::vector<std::int64_t> kernel;
  if (node.op == Op::kConv) {
    const Shape& weights = graph.shape(node.inputs[1]);
    kernel = {weights[2], weights[3]};
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
      if (graph.constant(node.inputs[i]) == nullptr) {
        fail(graph, node, "its weights and bias must be known when the model is compiled");
      }
    }
  }
  node.attributes = resolve_window(graph, node, graph.shape(node.inputs[0]), kernel);
  rewriter.emit(node);
}

void global_max_pool(Rewriter& rewriter, Node& node) {
  const Shape& x = rewriter.graph().shape(node.inputs[0]);
  WindowAttributes w;
  w.kernel = {x[2], x[3]};
  node.op = Op::kMaxPool;
  node.attributes = std::move(w);
  window(rewriter, node);
}

void upsample(Rewriter& rewriter, Node& node) {
  const Graph& graph = rewriter.graph();
  const UpsampleAttributes factors = upsample_factors(graph, node, graph.shape(node.inputs[0]));
  if (factors.factor_h == 1 && factors.factor_w == 1) {
    return rewriter.replace(node.output, node.inputs[0]);
  }
  rewriter.emit({Op::kUpsample, node.name, {node.inputs[0]}, node.output, factors, {}});
}

// Before opset 13: over all dimensions from the axis on. The same as over one dimension if the
// others are 1.
void softmax(Rewriter& rewriter, Node& node) {
  const Graph& graph = rewriter.graph();
  const Shape shape = graph.shape(node.inputs[0]);
  const SoftmaxAttributes attributes = node.get<SoftmaxAttributes>();
  const std::size_t axis =
      normal_axis(graph, node, attributes.axis, shape.size(), attributes.flattened);
  const auto begin = shape.begin() + static_cast<std::ptrdiff_t>(axis);
  const auto wide = [](std::int64_t dim) { return dim != 1; };
  const auto first = std::find_if(begin, shape.end(), wide);
  const bool one_axis = first == shape.end() || std::none_of(first + 1, shape.end(), wide);
  if (!attributes.flattened || (one_axis && !shape.empty())) {
    const auto at = first == shape.end() ? shape.end() - 1 : first;
    const std::int64_t single =
        attributes.flattened ? at - shape.begin() : static_cast<std::int64_t>(axis);
    node.attributes = SoftmaxAttributes{single, false, attributes.log};
    return rewriter.emit(node);
  }
  Shape flat = {1, 1};
  for (std::size_t i = 0; i < shape.size(); ++i) flat[i < axis ? 0 : 1] *= shape[i];
  const ValueId before = rewriter.temporary(node.name + ".rows", DType::kF32, flat);
  const ValueId after = rewriter.temporary(node.name + ".softmax", DType::kF32, flat);
  rewriter.emit({Op::kReshape, node.name, {node.inputs[0]}, before, ReshapeAttributes{}, {}});
  rewriter.emit({Op::kSoftmax, node.name, {before}, after,
                 SoftmaxAttributes{1, false, attributes.log}, {}});
  rewriter.emit({Op::kReshape, node.name, {after}, node.output, ReshapeAttributes{}, {}});
}

// Each turns the operators of one family into what can be lowered, and leaves the others alone.
constexpr std::array kFamilies = {
    canonicalize_movement,
    canonicalize_gather,
    canonicalize_resize,
    canonicalize_elementwise,
    canonicalize_reduction,
    canonicalize_quantized,
};

void visit(Node& node, Rewriter& rewriter) {
  for (const auto family : kFamilies) {
    if (family(rewriter, node)) return;
  }
  const Graph& graph = rewriter.graph();
  switch (node.op) {
    case Op::kConv:
    case Op::kMaxPool:
    case Op::kAveragePool:
      return window(rewriter, node);
    case Op::kClip:
      return clip(rewriter, node);
    case Op::kReshape:
    case Op::kFlatten:
    case Op::kSqueeze:
    case Op::kUnsqueeze:
      return reshape(rewriter, node);
    case Op::kGlobalMaxPool:
      return global_max_pool(rewriter, node);
    case Op::kUpsample:
      return upsample(rewriter, node);
    case Op::kSoftmax:
      return softmax(rewriter, node);
    case Op::kIdentity:
      return rewriter.replace(node.output, node.inputs[0]);
    case Op::kConstantOfShape:
      fail(graph, node, "is only supported on what is known when the model is compiled");
    default:
      return rewriter.emit(node);
  }
}

}  // namespace

void canonicalize(Graph& graph) { Rewriter::run(graph, visit); }

}  // namespace sz::compiler
