#include "compiler/passes/quantization/moved_integers.h"

#include <algorithm>
#include <bit>

namespace sz::compiler {
namespace {

bool fills(const MoveAttributes& move) {
  return std::any_of(move.axes.begin(), move.axes.end(), [](const auto& axis) {
    return std::any_of(axis.begin(), axis.end(), [](const MoveLoop& loop) { return loop.fills(); });
  });
}

// The number that stands for exactly this.
std::optional<std::int32_t> exact(float value, const QuantizedValue& x) {
  const std::int32_t q = quantize(value, x.quantization, x.type);
  const auto scale = static_cast<float>(x.quantization.scale);
  if (static_cast<float>(q - x.quantization.zero) * scale != value) return std::nullopt;
  return q;
}

std::optional<Node> move(const Node& node, const QuantizedValue& x) {
  Node result = node;
  auto& attributes = result.get<MoveAttributes>();
  if (!fills(attributes)) return result;
  const auto q = exact(std::bit_cast<float>(static_cast<std::uint32_t>(attributes.fill)), x);
  if (!q) return std::nullopt;
  attributes.fill = static_cast<std::uint8_t>(*q);
  return result;
}

std::optional<Node> pad(Graph& graph, const Node& node, const QuantizedValue& x) {
  Node result = node;
  if (node.get<PadAttributes>().mode != PadMode::kConstant) return result;
  float value = 0;
  if (node.input(2) != kNoValue) {
    const Constant* constant = graph.constant(node.inputs[2]);
    if (constant == nullptr || constant->dtype != DType::kF32 || constant->f32().size() != 1) {
      return std::nullopt;
    }
    value = constant->f32()[0];
  }
  const auto q = exact(value, x);
  if (!q) return std::nullopt;
  if (result.inputs.size() < 3) result.inputs.resize(3, kNoValue);
  result.inputs[2] = scalar_constant(graph, node.name + ".padding", x.type, *q);
  return result;
}

// The operator for whole factors is one of f32; a Move repeats what it moves.
Node upsample(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const auto& factors = node.get<UpsampleAttributes>();
  const auto loop = [](std::int64_t size, std::size_t axis, std::int64_t step) {
    return MoveLoop{size, 0, size, axis, step};
  };
  MoveAttributes move;
  move.start.assign(4, 0);
  move.axes = {{loop(x[0], 0, 1)},
               {loop(x[1], 1, 1)},
               {loop(x[2], 2, 1), loop(factors.factor_h, 2, 0)},
               {loop(x[3], 3, 1), loop(factors.factor_w, 3, 0)}};
  return {Op::kMove, node.name, {node.inputs[0]}, node.output, std::move(move), {}};
}

}  // namespace

std::size_t moved_operands(const Node& node) {
  switch (node.op) {
    case Op::kIdentity:
    case Op::kReshape:
    case Op::kFlatten:
    case Op::kSqueeze:
    case Op::kUnsqueeze:
    case Op::kTranspose:
    case Op::kSlice:
    case Op::kMaxPool:
    case Op::kMove:
    case Op::kPad:
    case Op::kSplit:
    case Op::kExpand:
    case Op::kTile:
    case Op::kDepthToSpace:
    case Op::kSpaceToDepth:
    case Op::kGather:
      return 1;
    case Op::kUpsample:
      return node.get<UpsampleAttributes>().factor_h != 0 ? 1 : 0;
    case Op::kResize: {
      const auto& resize = node.get<ResizeAttributes>();
      const bool selects =
          resize.mode == ResizeMode::kNearest && resize.coordinates != Coordinates::kCropAndResize;
      return selects ? 1 : 0;
    }
    case Op::kConcat:
      return node.inputs.size();
    default:
      return 0;
  }
}

std::optional<Node> moved_integers(Graph& graph, const Node& node, const QuantizedValue& x) {
  if (node.op == Op::kMove) return move(node, x);
  if (node.op == Op::kPad) return pad(graph, node, x);
  if (node.op == Op::kUpsample) return upsample(graph, node);
  return node;
}

}  // namespace sz::compiler
