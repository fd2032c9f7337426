// Types and shapes of what works element by element.
#include <cmath>

#include "compiler/graph/families.h"

namespace sz::compiler {
namespace {

DType type_of(const Graph& graph, const Node& node, std::size_t input) {
  return graph.value(node.inputs[input]).dtype;
}

void expect_type(const Graph& graph, const Node& node, std::size_t input, DType wanted) {
  const DType type = type_of(graph, node, input);
  if (type != wanted) {
    fail(graph, node,
         "input " + std::to_string(input) + " is " + to_string(type) + "; it must be " +
             to_string(wanted));
  }
}

void expect_same_types(const Graph& graph, const Node& node, std::size_t first) {
  const DType type = type_of(graph, node, first);
  for (std::size_t i = first + 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] != kNoValue && type_of(graph, node, i) != type) {
      fail(graph, node, "its operands have different types");
    }
  }
}

[[noreturn]] void refuse_type(const Graph& graph, const Node& node, DType type) {
  fail(graph, node, std::string("does not work on ") + to_string(type));
}

Shape both(const Graph& graph, const Node& node, std::size_t a = 0, std::size_t b = 1) {
  return broadcast(graph, node, graph.shape(node.inputs[a]), graph.shape(node.inputs[b]));
}

TypedShape infer_unary(const Graph& graph, const Node& node) {
  const DType type = type_of(graph, node, 0);
  const ops::UnaryKind kind = node.get<UnaryFunction>().kind;
  const bool integers =
      kind == ops::UnaryKind::kAbs || kind == ops::UnaryKind::kNeg || kind == ops::UnaryKind::kSign;
  if (type == DType::kBool || (type != DType::kF32 && !integers)) refuse_type(graph, node, type);
  return {type, graph.shape(node.inputs[0])};
}

TypedShape infer_binary(const Graph& graph, const Node& node) {
  const DType type = type_of(graph, node, 0);
  const bool is_bool = type == DType::kBool;
  const bool is_f32 = type == DType::kF32;
  const ops::BinaryKind kind = node.get<BinaryOperation>().kind;
  DType result = type;
  bool fits = !is_bool;
  switch (kind) {
    case ops::BinaryKind::kPow:  // the exponent may have another type
      if (type_of(graph, node, 1) == DType::kBool) refuse_type(graph, node, DType::kBool);
      if (!fits) refuse_type(graph, node, type);
      return {type, both(graph, node)};
    case ops::BinaryKind::kEqual:
    case ops::BinaryKind::kLess:
    case ops::BinaryKind::kLessOrEqual:
      fits = !is_bool || kind == ops::BinaryKind::kEqual;
      result = DType::kBool;
      break;
    case ops::BinaryKind::kAnd:
    case ops::BinaryKind::kOr:
    case ops::BinaryKind::kXor:
      fits = !is_f32;
      break;
    case ops::BinaryKind::kMod:
    case ops::BinaryKind::kShiftLeft:
    case ops::BinaryKind::kShiftRight:
      fits = !is_f32 && !is_bool;
      break;
    case ops::BinaryKind::kPRelu:
      fits = is_f32;
      break;
    default:
      break;
  }
  expect_same_types(graph, node, 0);
  if (!fits) refuse_type(graph, node, type);
  return {result, both(graph, node)};
}

TypedShape infer_where(const Graph& graph, const Node& node) {
  expect_type(graph, node, 0, DType::kBool);
  expect_same_types(graph, node, 1);
  const Shape values = both(graph, node, 1, 2);
  return {type_of(graph, node, 1), broadcast(graph, node, graph.shape(node.inputs[0]), values)};
}

TypedShape infer_clip(const Graph& graph, const Node& node) {
  const DType type = type_of(graph, node, 0);
  if (type == DType::kBool) refuse_type(graph, node, type);
  expect_same_types(graph, node, 0);
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    if (graph.shape(node.inputs[i]).size() > 1 || element_count(graph.shape(node.inputs[i])) != 1) {
      fail(graph, node, "input " + std::to_string(i) + " must be a single number");
    }
  }
  return {type, graph.shape(node.inputs[0])};
}

// A Relu of integers; bounds of any other kind are f32.
std::optional<TypedShape> infer_clamp(const Graph& graph, const Node& node) {
  const DType type = type_of(graph, node, 0);
  if (type == DType::kF32) return std::nullopt;
  if (type == DType::kBool || node.activation.low != 0 || node.activation.high != INFINITY) {
    refuse_type(graph, node, type);
  }
  return TypedShape{type, graph.shape(node.inputs[0])};
}

}  // namespace

std::optional<TypedShape> infer_elementwise(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::kUnary:
      return infer_unary(graph, node);
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kDiv:
      expect_same_types(graph, node, 0);
      if (type_of(graph, node, 0) == DType::kBool) refuse_type(graph, node, DType::kBool);
      return TypedShape{type_of(graph, node, 0), both(graph, node)};
    case Op::kBinary:
      return infer_binary(graph, node);
    case Op::kWhere:
      return infer_where(graph, node);
    case Op::kNot:
      expect_type(graph, node, 0, DType::kBool);
      return TypedShape{DType::kBool, graph.shape(node.inputs[0])};
    case Op::kIsNan:
    case Op::kIsInf:
      expect_type(graph, node, 0, DType::kF32);
      return TypedShape{DType::kBool, graph.shape(node.inputs[0])};
    case Op::kCast:
      return TypedShape{node.get<CastAttributes>().to, graph.shape(node.inputs[0])};
    case Op::kCastLike:
      return TypedShape{type_of(graph, node, 1), graph.shape(node.inputs[0])};
    case Op::kClip:
      return infer_clip(graph, node);
    case Op::kClamp:
      return infer_clamp(graph, node);
    default:
      return std::nullopt;
  }
}

}  // namespace sz::compiler
