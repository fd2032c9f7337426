// Windows of three axes. Volumes are taken with the channels last, where the slices of depth are
// images: [N, C, D, H, W] -> [N, D, H, W, C].
//   A pool is separable: first in each image, then along the depth, where all of an image counts as
//   channels. (The number of elements that an average divides by is a product, too.)
//   A convolution takes all slices that it looks at as channels of one image.
#include <algorithm>

#include "compiler/graph/shape_inference.h"
#include "compiler/passes/expand.h"
#include "compiler/passes/expand_window.h"

namespace sz::compiler {
namespace {

using Perm = std::vector<std::int64_t>;

// The window of a volume in the axes of an image.
WindowAttributes image_window(const WindowAttributes& w) {
  WindowAttributes r = w;
  for (auto* list : {&r.kernel, &r.strides, &r.dilations}) list->erase(list->begin());
  r.pads = {w.pads[1], w.pads[2], w.pads[4], w.pads[5]};
  return r;
}

// The same along the depth, as the rows of an image of one column.
WindowAttributes depth_window(const WindowAttributes& w) {
  WindowAttributes r = w;
  r.kernel = {w.kernel[0], 1};
  r.strides = {w.strides[0], 1};
  r.dilations = {w.dilations[0], 1};
  r.pads = {w.pads[0], 0, w.pads[3], 0};
  return r;
}

// `channels_last` [.., H, W, C] as images [N, C, H, W].
ValueId as_images(Expansion& e, ValueId channels_last, Shape images) {
  return e.transpose(e.reshape(channels_last, std::move(images)), {0, 3, 1, 2});
}

void pool(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const Shape x = e.shape(node.inputs[0]);
  const Shape y = e.shape(node.output);
  const WindowAttributes w = resolve_window(e.graph(), node, x, {});
  const ValueId volume = e.transpose(node.inputs[0], Perm{0, 2, 3, 4, 1});
  ValueId v = as_images(e, volume, {x[0] * x[2], x[3], x[4], x[1]});
  v = e.add(node.op, {v}, image_window(w));
  v = e.transpose(v, Perm{0, 2, 3, 1});
  v = as_images(e, v, {x[0], x[2], 1, y[3] * y[4] * y[1]});
  v = e.add(node.op, {v}, depth_window(w));
  v = e.reshape(e.transpose(v, Perm{0, 2, 3, 1}), {y[0], y[2], y[3], y[4], y[1]});
  e.finish_with(e.transpose(v, Perm{0, 4, 1, 2, 3}));
}

// Zeroes before and behind along dimension 1.
ValueId pad_depth(Expansion& e, ValueId volume, std::int64_t before, std::int64_t after) {
  const Shape shape = e.shape(volume);
  const auto zeroes = [&](std::int64_t depth) {
    Shape part = shape;
    part[1] = depth;
    const std::vector<float> values(static_cast<std::size_t>(product(part, 0, 5)), 0.0f);
    return e.graph().add_constant("zeroes", make_f32(part, values));
  };
  std::vector<ValueId> parts;
  if (before > 0) parts.push_back(zeroes(before));
  parts.push_back(volume);
  if (after > 0) parts.push_back(zeroes(after));
  return parts.size() == 1 ? volume : e.add(Op::kConcat, parts, AxisAttributes{1});
}

// Weights [M, C / groups, KD, KH, KW] as [M, KD * C / groups, KH, KW].
ValueId flat_weights(Expansion& e, ValueId weights) {
  const Shape w = e.shape(weights);
  static constexpr std::int64_t kDepthFirst[] = {0, 2, 1, 3, 4};
  const auto turned = transposed(*e.graph().constant(weights), kDepthFirst);
  return e.graph().add_constant(e.graph().value(weights).name,
                                reshaped(*turned, {w[0], w[2] * w[1], w[3], w[4]}));
}

void convolution(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  require_constants(e.graph(), node);
  const Shape x = e.shape(node.inputs[0]);
  const Shape y = e.shape(node.output);
  const Shape weights = e.shape(node.inputs[1]);
  const WindowAttributes w =
      resolve_window(e.graph(), node, x, {weights[2], weights[3], weights[4]});
  ValueId volume = e.transpose(node.inputs[0], Perm{0, 2, 3, 4, 1});
  volume = pad_depth(e, volume, w.pads[0], w.pads[3]);
  // Of every group the channels of all slices, slice by slice.
  const std::int64_t pixels = x[0] * y[2] * x[3] * x[4];
  std::vector<ValueId> taps;
  for (std::int64_t k = 0; k < w.kernel[0]; ++k) {
    const std::int64_t begin = k * w.dilations[0];
    const std::int64_t end = begin + (y[2] - 1) * w.strides[0] + 1;
    const ValueId slice = e.add(Op::kSlice, {volume, e.integers({begin}), e.integers({end}),
                                             e.integers({1}), e.integers({w.strides[0]})});
    taps.push_back(e.reshape(slice, {pixels, w.groups, x[1] / w.groups}));
  }
  const ValueId all = taps.size() == 1 ? taps[0] : e.add(Op::kConcat, taps, AxisAttributes{2});
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = as_images(e, all, {x[0] * y[2], x[3], x[4], w.kernel[0] * x[1]});
  inputs[1] = flat_weights(e, node.inputs[1]);
  ValueId v = e.add(Op::kConv, inputs, image_window(w));
  v = e.reshape(e.transpose(v, Perm{0, 2, 3, 1}), {y[0], y[2], y[3], y[4], y[1]});
  e.finish_with(e.transpose(v, Perm{0, 4, 1, 2, 3}));
}

}  // namespace

void expand_volume(Rewriter& rewriter, Node& node) {
  if (node.op == Op::kConv) {
    convolution(rewriter, node);
  } else {
    pool(rewriter, node);
  }
}

}  // namespace sz::compiler
