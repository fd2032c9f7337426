// Normalisations to Normalize, which works along the last dimension.
#include <algorithm>

#include "compiler/graph/shape_inference.h"
#include "compiler/passes/expand.h"

namespace sz::compiler {
namespace {

using ops::NormalizeKind;
using ops::NormalizeResult;

// Over all dimensions from the axis on.
void over_last(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const auto& a = node.get<NormAttributes>();
  const Shape shape = e.shape(node.inputs[0]);
  const std::size_t axis = normal_axis(e.graph(), node, a.axis, shape.size());
  const Shape inner(shape.begin() + static_cast<std::ptrdiff_t>(axis), shape.end());
  const std::int64_t count = product(inner, 0, inner.size());
  const auto kind = node.op == Op::kRmsNorm ? NormalizeKind::kRootMean : NormalizeKind::kDeviation;
  std::vector<ValueId> inputs = {e.reshape(node.inputs[0], {product(shape, 0, axis), count})};
  // Scale and bias of just these dimensions are the operator's; others, of the binary operators.
  bool vectors = true;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    Shape part = e.shape(node.inputs[i]);
    while (part.size() > inner.size() && part.front() == 1) part.erase(part.begin());
    vectors = vectors && part == inner;
  }
  for (std::size_t i = 1; vectors && i < node.inputs.size(); ++i) {
    inputs.push_back(e.reshape(node.inputs[i], {count}));
  }
  ValueId y = e.add(Op::kNormalize, inputs, NormalizeAttributes{kind, a.result, a.epsilon});
  if (vectors) return e.finish_reshape(y);
  y = e.add(Op::kMul, {e.reshape(y, shape), node.inputs[1]});
  if (node.input(2) != kNoValue) y = e.add(Op::kAdd, {y, node.inputs[2]});
  e.finish_with(y);
}

// Rows of pixels of a channel, or of a group of channels; then scale and bias.
void over_pixels(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const auto& a = node.get<NormAttributes>();
  const Shape shape = e.shape(node.inputs[0]);
  const std::int64_t groups = node.op == Op::kGroupNorm ? a.groups : shape[1];
  const std::int64_t inner = product(shape, 1, shape.size()) / groups;
  const ValueId x = e.reshape(node.inputs[0], {shape[0], groups, inner});
  ValueId y =
      e.add(Op::kNormalize, {x}, NormalizeAttributes{NormalizeKind::kDeviation, {}, a.epsilon});
  const std::int64_t scales = e.shape(node.inputs[1])[0];
  const bool by_group = scales == groups && groups != shape[1];
  Shape factors = {1, scales, 1};
  if (!by_group) {
    y = e.reshape(y, shape);
    factors = Shape(shape.size(), 1);
    factors[1] = scales;
  }
  y = e.add(Op::kMul, {y, e.reshape(node.inputs[1], factors)});
  y = e.add(Op::kAdd, {y, e.reshape(node.inputs[2], factors)});
  e.finish_reshape(y);
}

// Along some dimensions, brought to the end and back.
void over_axes(Rewriter& rewriter, Node& node, const std::vector<std::int64_t>& axes,
               const NormalizeAttributes& attributes) {
  Expansion e(rewriter, node);
  const Shape shape = e.shape(node.inputs[0]);
  std::vector<bool> taken(shape.size(), false);
  for (const std::int64_t axis : axes) {
    taken[normal_axis(e.graph(), node, axis, shape.size())] = true;
  }
  std::vector<std::int64_t> perm;
  for (const bool last : {false, true}) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (taken[i] == last) perm.push_back(static_cast<std::int64_t>(i));
    }
  }
  std::vector<std::int64_t> back(perm.size());
  std::int64_t count = 1;
  for (std::size_t i = 0; i < perm.size(); ++i) {
    back[static_cast<std::size_t>(perm[i])] = static_cast<std::int64_t>(i);
    if (taken[i]) count *= shape[i];
  }
  const ValueId turned = e.transpose(node.inputs[0], perm);
  const Shape turned_shape = e.shape(turned);
  const ValueId rows = e.reshape(turned, {product(shape, 0, shape.size()) / count, count});
  const ValueId y = e.add(Op::kNormalize, {rows}, attributes);
  e.finish_with(e.transpose(e.reshape(y, turned_shape), back));
}

// Of any rank: an image of one row.
void lrn(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const Shape shape = e.shape(node.inputs[0]);
  if (shape.size() == 4) return rewriter.emit(node);
  const Shape image = {shape[0], shape[1], 1, product(shape, 2, shape.size())};
  e.finish_reshape(e.add(Op::kLrn, {e.reshape(node.inputs[0], image)}, node.attributes));
}

}  // namespace

bool expand_normalization(Rewriter& rewriter, Node& node) {
  switch (node.op) {
    case Op::kLayerNorm:
    case Op::kRmsNorm:
      over_last(rewriter, node);
      return true;
    case Op::kInstanceNorm:
    case Op::kGroupNorm:
      over_pixels(rewriter, node);
      return true;
    case Op::kMeanVarianceNorm: {
      const auto& a = node.get<NormAttributes>();
      over_axes(rewriter, node, a.axes, {NormalizeKind::kDeviation, {}, a.epsilon});
      return true;
    }
    case Op::kLpNorm: {
      const auto& a = node.get<NormAttributes>();
      const auto kind = a.p == 1 ? NormalizeKind::kNorm1 : NormalizeKind::kNorm2;
      over_axes(rewriter, node, {a.axis}, {kind, {}, 0.0f});
      return true;
    }
    case Op::kLrn:
      lrn(rewriter, node);
      return true;
    default:
      return false;
  }
}

}  // namespace sz::compiler
