// RotaryEmbedding: pairs of dimensions are turned by an angle that depends on the position.
#include "compiler/graph/shape_inference.h"
#include "compiler/passes/expand.h"
#include "compiler/passes/expand_attention.h"

namespace sz::compiler {
namespace {

// Columns begin, begin + step ... below end, along the last dimension.
ValueId columns(Expansion& e, ValueId x, std::int64_t begin, std::int64_t end, std::int64_t step) {
  const Shape& shape = e.shape(x);
  const auto axis = static_cast<std::int64_t>(shape.size()) - 1;
  if (begin == 0 && end == shape.back() && step == 1) return x;
  return e.add(Op::kSlice,
               {x, e.integers({begin}), e.integers({end}), e.integers({axis}), e.integers({step})});
}

// A table [positions, R / 2] or [B, S, R / 2], so that it is broadcast to x [1, B, .., R / 2].
ValueId angles(Expansion& e, const Node& node, std::size_t input, bool heads_first) {
  ValueId table = node.inputs[input];
  if (node.input(3) != kNoValue)
    table = e.add(Op::kGather, {table, node.inputs[3]}, AxisAttributes{0});
  const Shape shape = e.shape(table);
  const Shape wide = heads_first ? Shape{1, shape[0], 1, shape[1], shape[2]}
                                 : Shape{1, shape[0], shape[1], 1, shape[2]};
  return e.reshape(table, wide);
}

}  // namespace

void expand_rotary(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const auto& a = node.get<RotaryAttributes>();
  const Shape shape = e.shape(node.inputs[0]);
  const bool heads_first = shape.size() == 4;
  const Shape five = heads_first ? Shape{1, shape[0], shape[1], shape[2], shape[3]}
                                 : Shape{1, shape[0], shape[1], a.heads, shape[2] / a.heads};
  const std::int64_t size = five[4];
  const std::int64_t rotated = a.dimensions == 0 ? size : a.dimensions;
  const std::int64_t half = rotated / 2;
  const ValueId x = e.reshape(node.inputs[0], five);
  const ValueId cos = angles(e, node, 1, heads_first);
  const ValueId sin = angles(e, node, 2, heads_first);
  const ValueId first = a.interleaved ? columns(e, x, 0, rotated, 2) : columns(e, x, 0, half, 1);
  const ValueId second =
      a.interleaved ? columns(e, x, 1, rotated, 2) : columns(e, x, half, rotated, 1);
  ValueId real = e.add(Op::kSub, {e.add(Op::kMul, {cos, first}), e.add(Op::kMul, {sin, second})});
  ValueId imaginary =
      e.add(Op::kAdd, {e.add(Op::kMul, {sin, first}), e.add(Op::kMul, {cos, second})});
  Shape pairs = e.shape(real);
  if (a.interleaved) {  // side by side: as the columns of a last dimension of 2
    pairs.push_back(1);
    real = e.reshape(real, pairs);
    imaginary = e.reshape(imaginary, pairs);
  }
  const auto axis = static_cast<std::int64_t>(pairs.size()) - 1;
  ValueId y = e.add(Op::kConcat, {real, imaginary}, AxisAttributes{axis});
  y = e.reshape(y, {five[0], five[1], five[2], five[3], rotated});
  if (rotated < size) {
    y = e.add(Op::kConcat, {y, columns(e, x, rotated, size, 1)}, AxisAttributes{4});
  }
  e.finish_reshape(y);
}

}  // namespace sz::compiler
