// Attention and RotaryEmbedding.
#include <cmath>

#include "compiler/import/onnx/families.h"

namespace sz::compiler {
namespace {

// One node of several that stand for the attention.
ValueId add(NodeImport& n, Op op, std::vector<ValueId> inputs, Attributes attributes) {
  const ValueId result = n.builder.temporary();
  n.builder.add({op, n.name, std::move(inputs), result, std::move(attributes), {}});
  return result;
}

ValueId input(const NodeImport& n, std::size_t index) {
  return index < n.inputs.size() ? n.inputs[index] : kNoValue;
}

// Makes output `index` of the node; false if nobody can read it.
void give(NodeImport& n, std::size_t index, ValueId value) {
  if (index >= n.outputs.size() || n.outputs[index] == kNoValue) return;
  n.builder.add({Op::kIdentity, n.name, {value}, n.outputs[index], {}, {}});
}

// The keys (or values) of before, and those of now.
ValueId with_past(NodeImport& n, ValueId now, ValueId past) {
  if (past == kNoValue) return now;
  return add(n, Op::kConcat, {past, now}, AxisAttributes{2});
}

void attention(NodeImport& n) {
  n.reader.expect_inputs(3, 6);  // the seventh, nonpad_kv_seqlen, is not implemented
  const std::int64_t query_heads = n.reader.integer("q_num_heads", 0);
  const std::int64_t key_heads = n.reader.integer("kv_num_heads", 0);
  const bool causal = n.reader.flag("is_causal", false);
  const float scale = n.reader.real("scale", 0);
  const float cap = n.reader.real("softcap", 0);
  const std::int64_t precision = n.reader.integer("softmax_precision", 1);
  const std::int64_t mode = n.reader.integer("qk_matmul_output_mode", 0);
  if (precision != 1) {
    n.reader.refuse("softmax_precision " + std::to_string(precision) + " is not implemented");
  }
  if (mode < 0 || mode > 3) n.reader.refuse("qk_matmul_output_mode must be 0 to 3");
  if (!std::isfinite(scale) || !(cap >= 0 && std::isfinite(cap))) {
    n.reader.refuse("scale and softcap must be finite");
  }
  if ((input(n, 4) == kNoValue) != (input(n, 5) == kNoValue)) {
    n.reader.refuse("past_key and past_value must be given together");
  }
  const auto heads = [&](std::size_t index, std::int64_t count) {
    AttentionAttributes a;
    a.heads = count;
    return add(n, Op::kHeads, {n.inputs[index]}, a);
  };
  const ValueId q = heads(0, query_heads);
  const ValueId k = with_past(n, heads(1, key_heads), input(n, 4));
  const ValueId v = with_past(n, heads(2, key_heads), input(n, 5));
  AttentionAttributes a;
  a.scale = scale;
  a.causal = causal;
  a.cap = cap;
  std::vector<ValueId> stages = {add(n, Op::kAttentionScores, {q, k}, a)};
  const ValueId mask = input(n, 3);
  const bool masked = mask != kNoValue || causal;
  const std::vector<ValueId> limits = {stages.back(), mask, input(n, 4)};
  stages.push_back(masked ? add(n, Op::kAttentionMask, limits, a) : stages.back());
  stages.push_back(cap > 0 ? add(n, Op::kSoftcap, {stages.back()}, a) : stages.back());
  stages.push_back(add(n, Op::kSoftmax, {stages.back()}, SoftmaxAttributes{3, false}));
  n.builder.add({Op::kAttentionValues, n.name, {stages.back(), v, n.inputs[0]}, n.output, a, {}});
  give(n, 1, k);
  give(n, 2, v);
  give(n, 3, stages[static_cast<std::size_t>(mode)]);
}

void rotary(NodeImport& n) {
  n.reader.expect_inputs(3, 4);
  RotaryAttributes a;
  a.interleaved = n.reader.flag("interleaved", false);
  a.heads = n.reader.integer("num_heads", 0);
  a.dimensions = n.reader.integer("rotary_embedding_dim", 0);
  emit(n, Op::kRotary, a);
}

}  // namespace

const OnnxImporters& attention_importers() {
  static const OnnxImporters table = {{"Attention", attention}, {"RotaryEmbedding", rotary}};
  return table;
}

}  // namespace sz::compiler
