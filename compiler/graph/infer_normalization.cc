#include <algorithm>

#include "compiler/graph/families.h"

namespace sz::compiler {
namespace {

void expect_vector(const Graph& graph, const Node& node, std::size_t input, std::int64_t size,
                   const char* what) {
  const Shape& shape = graph.shape(node.inputs.at(input));
  if (shape != Shape{size}) {
    fail(graph, node,
         std::string(what) + " is " + to_string(shape) + "; it must have " + std::to_string(size) +
             " elements");
  }
}

// Scale and bias must be such that they are broadcast to x.
Shape infer_over_last(const Graph& graph, const Node& node) {
  Shape x = graph.shape(node.inputs[0]);
  const auto& attributes = node.get<NormAttributes>();
  const std::size_t axis = normal_axis(graph, node, attributes.axis, x.size());
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] != kNoValue && broadcast(graph, node, x, graph.shape(node.inputs[i])) != x) {
      fail(graph, node, "its scale or bias cannot be broadcast to " + to_string(x));
    }
  }
  if (attributes.result != ops::NormalizeResult::kRows) {
    for (std::size_t i = axis; i < x.size(); ++i) x[i] = 1;
  }
  return x;
}

Shape infer_channels(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  if (x.size() < 3) fail(graph, node, "its input " + to_string(x) + " has no channels and pixels");
  const std::int64_t groups = node.get<NormAttributes>().groups;
  const bool grouped = node.op == Op::kGroupNorm;
  if (grouped && (groups < 1 || x[1] % groups != 0)) {
    fail(graph, node, std::to_string(groups) + " groups do not divide its channels");
  }
  const bool by_group = grouped && graph.shape(node.inputs.at(1)) == Shape{groups};
  for (std::size_t i = 1; i < 3; ++i) {
    expect_vector(graph, node, i, by_group ? groups : x[1], i == 1 ? "the scale" : "the bias");
  }
  return x;
}

Shape infer_lrn(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  if (x.size() < 2) fail(graph, node, "its input has no channels");
  const std::int64_t size = node.get<LrnAttributes>().size;
  if (size < 1 || size > 65535) fail(graph, node, "its size is not within 1 to 65535");
  return x;
}

Shape infer_shape_of(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const auto rank = x.size();
  switch (node.op) {
    case Op::kLayerNorm:
    case Op::kRmsNorm:
      return infer_over_last(graph, node);
    case Op::kInstanceNorm:
    case Op::kGroupNorm:
      return infer_channels(graph, node);
    case Op::kMeanVarianceNorm:
      for (const std::int64_t axis : node.get<NormAttributes>().axes) {
        normal_axis(graph, node, axis, rank);
      }
      return x;
    case Op::kLpNorm:
      normal_axis(graph, node, node.get<NormAttributes>().axis, rank);
      return x;
    case Op::kNormalize:
      if (node.get<NormalizeAttributes>().result == ops::NormalizeResult::kRows) return x;
      return Shape{x.at(0), 1};
    default:
      return infer_lrn(graph, node);
  }
}

}  // namespace

std::optional<TypedShape> infer_normalization(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::kLayerNorm:
    case Op::kRmsNorm:
    case Op::kInstanceNorm:
    case Op::kGroupNorm:
    case Op::kMeanVarianceNorm:
    case Op::kLpNorm:
    case Op::kLrn:
    case Op::kNormalize:  // made by expand, of rows
      break;
    default:
      return std::nullopt;
  }
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const DType type = graph.value(node.inputs[i]).dtype;
    if (type != DType::kF32) {
      fail(graph, node, "works on f32 only; input " + std::to_string(i) + " is " + to_string(type));
    }
  }
  return TypedShape{DType::kF32, infer_shape_of(graph, node)};
}

}  // namespace sz::compiler
