#include "compiler/passes/quantization/lookup_tables.h"

#include <algorithm>
#include <cstring>

namespace sz::compiler {
namespace {

constexpr std::int64_t kEntries = 256;

bool is_one_number(const Graph& graph, ValueId id) {
  const Constant* constant = graph.constant(id);
  return constant != nullptr && constant->dtype == DType::kF32 &&
         element_count(constant->shape) == 1;
}

// The input of a function of one value; nothing if the node is none.
std::optional<std::size_t> argument_of(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::kClamp:
    case Op::kLeakyRelu:
    case Op::kIdentity:
    case Op::kUnary:
      return 0;
    case Op::kClip:
      return clamp_of(graph, node) ? std::optional<std::size_t>(0) : std::nullopt;
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kDiv:
    case Op::kBinary:
      if (is_one_number(graph, node.inputs[1])) return 0;
      if (is_one_number(graph, node.inputs[0])) return 1;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

ConstantPtr clamped(const Constant& x, const ops::Clamp& clamp) {
  std::vector<float> values(x.f32().begin(), x.f32().end());
  for (float& value : values) value = std::clamp(value, clamp.low, clamp.high);
  return make_f32(x.shape, values);
}

// `node` of the values instead of its argument; nullptr if nobody can compute that.
ConstantPtr apply(Graph& graph, const Node& node, ConstantPtr values, const Evaluator& evaluator) {
  if (node.op == Op::kIdentity) return values;
  if (const auto clamp = clamp_of(graph, node)) return clamped(*values, *clamp);
  if (!evaluator) return nullptr;
  Node alone = node;
  const std::size_t argument = *argument_of(graph, node);
  for (std::size_t i = 0; i < alone.inputs.size(); ++i) {
    if (alone.inputs[i] == kNoValue) continue;
    ConstantPtr input = i == argument ? values : graph.value(alone.inputs[i]).constant;
    if (i != argument) input = reshaped(*input, {1});
    alone.inputs[i] = graph.add_constant(node.name, std::move(input));
  }
  return evaluator(graph, alone, {DType::kF32, {kEntries}});
}

ConstantPtr table_of(const Constant& results, const Quantization& output, DType type) {
  auto table = std::make_shared<Constant>();
  table->dtype = type;
  table->shape = {kEntries};
  for (const float result : results.f32()) {
    table->bytes.push_back(static_cast<std::byte>(quantize(result, output, type)));
  }
  return table;
}

}  // namespace

std::optional<Node> lookup_for(Rewriter& rewriter, const Node& quantize, const Quantization& output,
                               const Evaluator& evaluator) {
  Graph& graph = rewriter.graph();
  std::vector<Node> chain;
  ValueId id = quantize.inputs[0];
  auto x = dequantized(rewriter, id);
  while (!x) {
    const Node* node = rewriter.producer(id);
    if (node == nullptr || !rewriter.used_once(id)) return std::nullopt;
    const auto argument = argument_of(graph, *node);
    if (!argument || graph.shape(node->inputs[*argument]) != graph.shape(node->output)) {
      return std::nullopt;
    }
    id = node->inputs[*argument];
    chain.push_back(*node);
    x = dequantized(rewriter, id);
  }
  std::vector<float> all;
  for (std::int32_t q = lowest_of(x->type); q <= highest_of(x->type); ++q) {
    all.push_back(static_cast<float>(q - x->quantization.zero) *
                  static_cast<float>(x->quantization.scale));
  }
  ConstantPtr values = make_f32({kEntries}, all);
  for (auto node = chain.rbegin(); node != chain.rend(); ++node) {
    values = apply(graph, *node, std::move(values), evaluator);
    if (!values || values->dtype != DType::kF32 || values->shape != Shape{kEntries}) {
      return std::nullopt;
    }
  }
  QuantAttributes q;
  q.type = graph.value(quantize.output).dtype;
  q.inputs = {x->quantization};
  q.output = output;
  q.low = lowest_of(q.type);
  q.high = highest_of(q.type);
  const ValueId table =
      graph.add_constant(quantize.name + ".table", table_of(*values, output, q.type));
  return Node{Op::kLookup, quantize.name, {x->value, table}, kNoValue, std::move(q), {}};
}

}  // namespace sz::compiler
