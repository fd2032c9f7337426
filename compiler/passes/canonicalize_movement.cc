// What is sliced, repeated, reordered or padded becomes a Move.
#include <cstring>

#include "compiler/graph/move.h"
#include "compiler/graph/movement_shapes.h"
#include "compiler/passes/families.h"

namespace sz::compiler {
namespace {

void emit_move(Rewriter& rewriter, const Node& node, MoveAttributes move) {
  rewriter.emit({Op::kMove, node.name, {node.inputs[0]}, node.output, std::move(move), {}});
}

MoveLoop loop(std::int64_t size, std::size_t axis, std::int64_t step) {
  return {size, 0, size, axis, step};
}

MoveAttributes depth_to_space(const Shape& x, const BlockAttributes& a) {
  const std::int64_t b = a.block;
  const std::int64_t channels = x[1] / (b * b);
  const std::int64_t row = a.column_first ? b : b * channels;
  const std::int64_t column = a.column_first ? 1 : channels;
  MoveAttributes move;
  move.start.assign(4, 0);
  move.axes = {{loop(x[0], 0, 1)},
               {loop(channels, 1, a.column_first ? b * b : 1)},
               {loop(x[2], 2, 1), loop(b, 1, row)},
               {loop(x[3], 3, 1), loop(b, 1, column)}};
  return move;
}

MoveAttributes space_to_depth(const Shape& x, const BlockAttributes& a) {
  const std::int64_t b = a.block;
  MoveAttributes move;
  move.start.assign(4, 0);
  move.axes = {{loop(x[0], 0, 1)},
               {loop(b, 2, 1), loop(b, 3, 1), loop(x[1], 1, 1)},
               {loop(x[2] / b, 2, b)},
               {loop(x[3] / b, 3, b)}};
  return move;
}

std::uint64_t fill_bits(const Graph& graph, const Node& node) {
  std::uint64_t bits = 0;
  if (node.input(2) == kNoValue) return bits;
  const Constant* value = graph.constant(node.inputs[2]);
  if (value == nullptr) fail(graph, node, "the padding must be known when the model is compiled");
  if (element_count(value->shape) != 1) fail(graph, node, "the padding must be one number");
  std::memcpy(&bits, value->bytes.data(), value->bytes.size());
  return bits;
}

void pad(Rewriter& rewriter, const Node& node, const std::vector<PadRange>& ranges,
         std::uint64_t fill) {
  const Graph& graph = rewriter.graph();
  auto move = pad_move(graph.shape(node.inputs[0]), ranges, fill);
  if (!move) fail(graph, node, "makes padding alone, which is not implemented");
  emit_move(rewriter, node, *std::move(move));
}

// The place in a dimension of `size` that padding at `at` repeats.
std::int64_t padded_place(PadMode mode, std::int64_t at, std::int64_t size) {
  if (mode == PadMode::kEdge) return at < 0 ? 0 : std::min(at, size - 1);
  const std::int64_t period =
      mode == PadMode::kWrap ? size : std::max<std::int64_t>(1, 2 * size - 2);
  const std::int64_t place = (at % period + period) % period;
  return place < size ? place : period - place;
}

// One Gather for each dimension that is padded.
void repeat_pad(Rewriter& rewriter, const Node& node, const std::vector<PadRange>& ranges) {
  Graph& graph = rewriter.graph();
  ValueId x = node.inputs[0];
  const DType dtype = graph.value(x).dtype;
  Shape shape = graph.shape(x);
  std::size_t left = 0;
  for (const PadRange& range : ranges) left += range.before != 0 || range.after != 0 ? 1u : 0u;
  if (left == 0) return rewriter.replace(node.output, x);
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const auto [before, after] = ranges[axis];
    if (before == 0 && after == 0) continue;
    std::vector<std::int64_t> places;
    for (std::int64_t i = -before; i < shape[axis] + after; ++i) {
      places.push_back(padded_place(pad_mode(node), i, shape[axis]));
    }
    shape[axis] += before + after;
    const ValueId y =
        --left == 0 ? node.output : rewriter.temporary(node.name + ".padded", dtype, shape);
    emit_gather(rewriter, node, x, axis, places, y);
    x = y;
  }
}

void pad_node(Rewriter& rewriter, const Node& node) {
  const Graph& graph = rewriter.graph();
  const auto ranges = pad_ranges(graph, node, graph.shape(node.inputs[0]).size());
  if (pad_mode(node) != PadMode::kConstant) return repeat_pad(rewriter, node, ranges);
  pad(rewriter, node, ranges, fill_bits(graph, node));
}

}  // namespace

bool canonicalize_movement(Rewriter& rewriter, Node& node) {
  const Graph& graph = rewriter.graph();
  if (node.inputs.empty()) return false;
  const Shape& x = graph.shape(node.inputs[0]);
  switch (node.op) {
    case Op::kSlice:
      emit_move(rewriter, node, slice_move(slice_ranges(graph, node, x)));
      return true;
    case Op::kSplit:
      emit_move(rewriter, node, slice_move(split_ranges(graph, node, x)));
      return true;
    case Op::kExpand:
      emit_move(rewriter, node, expand_move(x, graph.shape(node.output)));
      return true;
    case Op::kTile:
      emit_move(rewriter, node, tile_move(x, constant_integers(graph, node, 1, "the repeats")));
      return true;
    case Op::kDepthToSpace:
      emit_move(rewriter, node, depth_to_space(x, node.get<BlockAttributes>()));
      return true;
    case Op::kSpaceToDepth:
      emit_move(rewriter, node, space_to_depth(x, node.get<BlockAttributes>()));
      return true;
    case Op::kCenterCropPad:
      pad(rewriter, node, center_ranges(graph, node, x), 0);
      return true;
    case Op::kPad:
      pad_node(rewriter, node);
      return true;
    case Op::kTrilu:
      if (node.input(1) != kNoValue) {
        node.get<TriluAttributes>().diagonal = constant_integers(graph, node, 1, "k")[0];
      }
      node.inputs.resize(1);
      rewriter.emit(node);
      return true;
    default:
      return false;
  }
}

}  // namespace sz::compiler
