#include <algorithm>
#include <array>
#include <cmath>

#include "compiler/graph/shape_inference.h"
#include "compiler/passes/families.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewriter.h"

namespace sz::compiler {
namespace {

// A number that is an input (a bound of Clip, the value of Pad): its constant, or `otherwise` where
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

// True if the slice takes neighbouring channels of whole images: a view in memory.
bool takes_channels(const Shape& x, const std::vector<SliceRange>& ranges) {
  if (x.size() != 4 || ranges[1].step != 1) return false;
  for (const std::size_t axis : {0, 2, 3}) {
    if (ranges[axis].start != 0 || ranges[axis].step != 1 || ranges[axis].size != x[axis]) {
      return false;
    }
  }
  return true;
}

// Every s-th pixel: what a pool of single elements does.
void slice(Rewriter& rewriter, Node& node) {
  const Graph& graph = rewriter.graph();
  const Shape& x = graph.shape(node.inputs[0]);
  const auto ranges = slice_ranges(graph, node, x);
  if (takes_channels(x, ranges)) return rewriter.emit(node);
  bool fits = x.size() == 4;
  for (std::size_t axis = 0; fits && axis < 4; ++axis) {
    const SliceRange& range = ranges[axis];
    const bool all = range.start == 0 && range.step == 1 && range.size == x[axis];
    fits = all || (axis >= 2 && range.start == 0 && range.step >= 1 &&
                   range.size == (x[axis] - 1) / range.step + 1);
  }
  if (!fits) {
    fail(graph, node,
         "only slices that take neighbouring channels, or every n-th row and column, of whole "
         "images are supported");
  }
  WindowAttributes w;
  w.kernel = {1, 1};
  w.strides = {ranges[2].step, ranges[3].step};
  Node pool{Op::kMaxPool, node.name, {node.inputs[0]}, node.output, std::move(w), {}};
  window(rewriter, pool);
}

void upsample(Rewriter& rewriter, Node& node) {
  const Graph& graph = rewriter.graph();
  const UpsampleAttributes factors = upsample_factors(graph, node, graph.shape(node.inputs[0]));
  if (factors.factor_h == 1 && factors.factor_w == 1) {
    return rewriter.replace(node.output, node.inputs[0]);
  }
  rewriter.emit({Op::kUpsample, node.name, {node.inputs[0]}, node.output, factors, {}});
}

ValueId filling(Rewriter& rewriter, const Node& node, const Shape& shape, float value) {
  Graph& graph = rewriter.graph();
  const auto count = static_cast<std::uint64_t>(element_count(shape));
  if (!is_sane(shape, DType::kF32) || count * sizeof(float) > graph.constant_budget) {
    fail(graph, node, "its padding takes too much memory");
  }
  graph.constant_budget -= count * sizeof(float);
  return graph.add_constant(node.name + ".padding",
                            make_f32(shape, std::vector<float>(count, value)));
}

// One concatenation for each dimension that is padded.
void pad(Rewriter& rewriter, const Node& node) {
  Graph& graph = rewriter.graph();
  Shape shape = graph.shape(node.inputs[0]);
  const auto ranges = pad_ranges(graph, node, shape.size());
  const float value = number(graph, node, 2, 0.0f);
  ValueId x = node.inputs[0];
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const auto [before, after] = ranges[axis];
    if (before == 0 && after == 0) continue;
    Node concat{
        Op::kConcat, node.name, {}, kNoValue, AxisAttributes{static_cast<std::int64_t>(axis)}, {}};
    const auto add_filling = [&](std::int64_t size) {
      Shape part = shape;
      part[axis] = size;
      if (size > 0) concat.inputs.push_back(filling(rewriter, node, part, value));
    };
    add_filling(before);
    concat.inputs.push_back(x);
    add_filling(after);
    shape[axis] += before + after;
    x = shape == graph.shape(node.output)
            ? node.output
            : rewriter.temporary(node.name + ".padded", DType::kF32, shape);
    concat.output = x;
    rewriter.emit(std::move(concat));
  }
  if (x != node.output) rewriter.replace(node.output, x);
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
constexpr std::array<bool (*)(Rewriter&, Node&), 2> kFamilies = {
    canonicalize_elementwise,
    canonicalize_reduction,
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
    case Op::kSlice:
      return slice(rewriter, node);
    case Op::kPad:
      return pad(rewriter, node);
    case Op::kUpsample:
      return upsample(rewriter, node);
    case Op::kSoftmax:
      return softmax(rewriter, node);
    case Op::kIdentity:
      return rewriter.replace(node.output, node.inputs[0]);
    case Op::kGather:
    case Op::kConstantOfShape:
      fail(graph, node, "is only supported on what is known when the model is compiled");
    default:
      return rewriter.emit(node);
  }
}

}  // namespace

void canonicalize(Graph& graph) { Rewriter::run(graph, visit); }

}  // namespace sz::compiler
