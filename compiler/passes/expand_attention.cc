// Attention in products, additions and softmax. What is not an image but has its rank gets a
// leading dimension of 1, so that it stays in ONNX's order in memory.
#include "compiler/passes/expand_attention.h"

#include <cmath>

#include "compiler/graph/shape_inference.h"
#include "compiler/passes/expand.h"

namespace sz::compiler {
namespace {

Shape with_one(Shape shape) {
  shape.insert(shape.begin(), 1);
  return shape;
}

// [B, S, H * D] to [B, H, S, D].
void heads(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const Shape x = e.shape(node.inputs[0]);
  if (x.size() == 4) return e.finish_with(node.inputs[0]);
  const std::int64_t count = node.get<AttentionAttributes>().heads;
  const ValueId split = e.reshape(node.inputs[0], {x[0], x[1], count, x[2] / count});
  e.finish_with(e.transpose(split, {0, 2, 1, 3}));
}

// The queries of the heads that share a key stand below each other: one product for all of them.
void scores(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const Shape q = e.shape(node.inputs[0]);
  const Shape k = e.shape(node.inputs[1]);
  const float given = node.get<AttentionAttributes>().scale;
  const auto size = static_cast<float>(q[3]);
  MatMulAttributes product;
  product.alpha = given != 0.0f ? given : 1.0f / std::sqrt(size);
  product.b_perm = {0, 1, 3, 2};
  const ValueId grouped = e.reshape(node.inputs[0], {q[0], k[1], q[1] / k[1] * q[2], q[3]});
  e.finish_reshape(e.add(Op::kMatMul, {grouped, node.inputs[1]}, product));
}

// 0 where a query may look, minus infinity behind it. The queries come after `past` keys.
ValueId causal_mask(Expansion& e, std::int64_t queries, std::int64_t keys, std::int64_t past) {
  std::vector<float> values;
  for (std::int64_t q = 0; q < queries; ++q) {
    for (std::int64_t k = 0; k < keys; ++k) values.push_back(k <= q + past ? 0.0f : -INFINITY);
  }
  return e.graph().add_constant("causal mask", make_f32({queries, keys}, values));
}

void mask(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const Shape shape = e.shape(node.inputs[0]);
  ValueId y = e.reshape(node.inputs[0], with_one(shape));
  if (const ValueId given = node.input(1); given != kNoValue) {
    Shape wide = e.shape(given);
    wide.insert(wide.begin(), 5 - wide.size(), 1);
    const ValueId m = e.reshape(given, wide);
    if (e.graph().value(given).dtype == DType::kBool) {
      y = e.add(Op::kWhere, {m, y, e.constant(-INFINITY)});
    } else {
      y = e.add(Op::kAdd, {y, m});
    }
  }
  if (node.get<AttentionAttributes>().causal) {
    const ValueId before = node.input(2);
    const std::int64_t past = before == kNoValue ? 0 : e.shape(before)[2];
    y = e.add(Op::kAdd, {y, causal_mask(e, shape[2], shape[3], past)});
  }
  e.finish_reshape(y);
}

void softcap(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const Shape shape = e.shape(node.inputs[0]);
  const ValueId cap = e.constant(node.get<AttentionAttributes>().cap);
  ValueId y = e.reshape(node.inputs[0], with_one(shape));
  y = e.add(Op::kDiv, {y, cap});
  y = e.add(Op::kUnary, {y}, UnaryFunction{ops::UnaryKind::kTanh, 0, 0});
  e.finish_reshape(e.add(Op::kMul, {y, cap}));
}

void values(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const Shape p = e.shape(node.inputs[0]);
  const Shape v = e.shape(node.inputs[1]);
  const ValueId grouped = e.reshape(node.inputs[0], {p[0], v[1], p[1] / v[1] * p[2], p[3]});
  ValueId y = e.add(Op::kMatMul, {grouped, node.inputs[1]}, MatMulAttributes{});
  y = e.reshape(y, {p[0], p[1], p[2], v[3]});
  if (e.shape(node.inputs[2]).size() == 4) return e.finish_with(y);
  e.finish_reshape(e.transpose(y, {0, 2, 1, 3}));
}

// Along the last dimension of what has the rank of an image but comes from a product, or goes into
// one: not in the order of images.
bool softmax_of_scores(Rewriter& rewriter, Node& node) {
  const Graph& graph = rewriter.graph();
  const Shape shape = graph.shape(node.output);
  const std::int64_t axis = node.get<SoftmaxAttributes>().axis;
  const bool last = axis == 3 || axis == -1;
  if (shape.size() != 4 || !last) return false;
  Expansion e(rewriter, node);
  const ValueId rows = e.reshape(node.inputs[0], {shape[0], shape[1] * shape[2], shape[3]});
  const bool log = node.get<SoftmaxAttributes>().log;
  e.finish_reshape(e.add(Op::kSoftmax, {rows}, SoftmaxAttributes{2, false, log}));
  return true;
}

}  // namespace

bool expand_attention(Rewriter& rewriter, Node& node) {
  switch (node.op) {
    case Op::kHeads:
      heads(rewriter, node);
      return true;
    case Op::kAttentionScores:
      scores(rewriter, node);
      return true;
    case Op::kAttentionMask:
      mask(rewriter, node);
      return true;
    case Op::kSoftcap:
      softcap(rewriter, node);
      return true;
    case Op::kAttentionValues:
      values(rewriter, node);
      return true;
    case Op::kSoftmax:
      return softmax_of_scores(rewriter, node);
    case Op::kRotary:
      expand_rotary(rewriter, node);
      return true;
    default:
      return false;
  }
}

}  // namespace sz::compiler
