#include <algorithm>

#include "compiler/graph/families.h"

namespace sz::compiler {
namespace {

void expect_f32(const Graph& graph, const Node& node, std::size_t inputs) {
  for (std::size_t i = 0; i < std::min(inputs, node.inputs.size()); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const DType type = graph.value(node.inputs[i]).dtype;
    if (type != DType::kF32) {
      fail(graph, node, "works on f32 only; one of its inputs is " + std::string(to_string(type)));
    }
  }
}

Shape infer_heads(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const std::int64_t heads = node.get<AttentionAttributes>().heads;
  if (x.size() == 4) return x;
  if (x.size() != 3) fail(graph, node, "takes rank 3 or 4, not " + to_string(x));
  if (heads < 1 || x[2] % heads != 0) {
    fail(graph, node, "attributes q_num_heads and kv_num_heads must divide " + to_string(x));
  }
  return {x[0], heads, x[1], x[2] / heads};
}

// The heads of the queries are those of the keys, or several times as many.
void expect_fitting_heads(const Graph& graph, const Node& node, const Shape& q, const Shape& k) {
  if (q.size() != 4 || k.size() != 4 || q[0] != k[0] || q[1] % k[1] != 0) {
    fail(graph, node,
         "queries " + to_string(q) + " and keys or values " + to_string(k) + " do not fit");
  }
}

Shape infer_scores(const Graph& graph, const Node& node) {
  const Shape& q = graph.shape(node.inputs[0]);
  const Shape& k = graph.shape(node.inputs[1]);
  expect_fitting_heads(graph, node, q, k);
  if (q[3] != k[3]) fail(graph, node, "queries and keys have different sizes");
  return {q[0], q[1], q[2], k[2]};
}

Shape infer_mask(const Graph& graph, const Node& node) {
  const Shape& scores = graph.shape(node.inputs[0]);
  if (node.input(1) == kNoValue) return scores;
  const DType type = graph.value(node.inputs[1]).dtype;
  if (type != DType::kF32 && type != DType::kBool) {
    fail(graph, node, "its mask must be f32 or bool, not " + std::string(to_string(type)));
  }
  if (broadcast(graph, node, scores, graph.shape(node.inputs[1])) != scores) {
    fail(graph, node,
         "its mask " + to_string(graph.shape(node.inputs[1])) + " cannot be broadcast to " +
             to_string(scores));
  }
  return scores;
}

Shape infer_values(const Graph& graph, const Node& node) {
  const Shape& weights = graph.shape(node.inputs[0]);
  const Shape& v = graph.shape(node.inputs[1]);
  expect_fitting_heads(graph, node, weights, v);
  if (weights[3] != v[2]) fail(graph, node, "keys and values have different lengths");
  if (graph.shape(node.inputs[2]).size() == 4) return {weights[0], weights[1], weights[2], v[3]};
  return {weights[0], weights[2], weights[1] * v[3]};
}

Shape infer_rotary(const Graph& graph, const Node& node) {
  const auto& a = node.get<RotaryAttributes>();
  const Shape& x = graph.shape(node.inputs[0]);
  if (x.size() != 3 && x.size() != 4) {
    fail(graph, node, "takes rank 3 or 4, not " + to_string(x));
  }
  if (x.size() == 3 && (a.heads < 1 || x[2] % a.heads != 0)) {
    fail(graph, node, "attribute 'num_heads' must divide " + to_string(x));
  }
  const std::int64_t size = x.size() == 3 ? x[2] / a.heads : x[3];
  const std::int64_t rotated = a.dimensions == 0 ? size : a.dimensions;
  if (rotated < 2 || rotated > size || rotated % 2 != 0) {
    fail(graph, node,
         std::to_string(rotated) + " of " + std::to_string(size) + " dimensions cannot be rotated");
  }
  const std::int64_t batch = x[0];
  const std::int64_t steps = x[x.size() == 3 ? 1 : 2];
  const bool positions = node.input(3) != kNoValue;
  const Shape& cos = graph.shape(node.inputs[1]);
  const bool fits = positions ? cos.size() == 2 && cos[1] == rotated / 2
                              : cos == Shape{batch, steps, rotated / 2};
  if (!fits || graph.shape(node.inputs[2]) != cos ||
      (positions && graph.shape(node.inputs[3]) != Shape{batch, steps})) {
    fail(graph, node, "its tables of cosines and sines do not fit an input of " + to_string(x));
  }
  return x;
}

}  // namespace

std::optional<TypedShape> infer_attention(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::kHeads:
      expect_f32(graph, node, 1);
      return TypedShape{DType::kF32, infer_heads(graph, node)};
    case Op::kAttentionScores:
      expect_f32(graph, node, 2);
      return TypedShape{DType::kF32, infer_scores(graph, node)};
    case Op::kAttentionMask:
      return TypedShape{DType::kF32, infer_mask(graph, node)};
    case Op::kSoftcap:
      return TypedShape{DType::kF32, graph.shape(node.inputs[0])};
    case Op::kAttentionValues:
      expect_f32(graph, node, 3);
      return TypedShape{DType::kF32, infer_values(graph, node)};
    case Op::kRotary:
      expect_f32(graph, node, 3);
      return TypedShape{DType::kF32, infer_rotary(graph, node)};
    default:
      return std::nullopt;
  }
}

}  // namespace sz::compiler
