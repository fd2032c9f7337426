#include "compiler/quantize/choice.h"

#include <numeric>

namespace sz::compiler {
namespace {

bool is_constant_or_absent(const Graph& graph, ValueId id) {
  return id == kNoValue || graph.constant(id) != nullptr;
}

// The result has the numbers of the operands, so it has their scale.
bool keeps_numbers(Op op) {
  switch (op) {
    case Op::kMaxPool:
    case Op::kReshape:
    case Op::kTranspose:
    case Op::kMove:
    case Op::kUpsample:
    case Op::kConcat:
      return true;
    default:
      return false;
  }
}

// How many of the inputs, from the first on, are values of the network; 0: no integer operator.
std::size_t operands_of(const Graph& graph, const Node& node) {
  const auto computed = [&](std::size_t i) { return !is_constant_or_absent(graph, node.input(i)); };
  switch (node.op) {
    case Op::kConv:
    case Op::kFullyConnected:
      return node.inputs.size() <= 3 && computed(0) && graph.constant(node.input(1)) != nullptr &&
                     is_constant_or_absent(graph, node.input(2))
                 ? 1
                 : 0;
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
      return computed(0) && computed(1) ? 2 : 0;
    case Op::kConcat:  // some of the operands may be constants
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        if (computed(i)) return node.inputs.size();
      }
      return 0;
    case Op::kAveragePool:
    case Op::kGlobalAveragePool:
    case Op::kClamp:
    case Op::kLeakyRelu:
    case Op::kUnary:
    case Op::kMaxPool:
    case Op::kReshape:
    case Op::kTranspose:
    case Op::kMove:
    case Op::kUpsample:
      return computed(0) ? 1 : 0;
    default:
      return 0;
  }
}

bool all_f32(const Graph& graph, const Node& node, std::size_t operands) {
  if (graph.value(node.output).dtype != DType::kF32) return false;
  for (std::size_t i = 0; i < operands; ++i) {
    if (graph.value(node.inputs[i]).dtype != DType::kF32) return false;
  }
  return true;
}

ValueId find(std::vector<ValueId>& group, ValueId id) {
  while (group[id] != id) id = group[id] = group[group[id]];
  return id;
}

}  // namespace

bool is_layer(const Node& node) { return node.op == Op::kConv || node.op == Op::kFullyConnected; }

QuantizationChoice choose_integers(const Graph& graph, const QuantizeOptions& options) {
  QuantizationChoice choice;
  choice.integer.resize(graph.nodes.size());
  choice.quantised.resize(graph.values.size());
  choice.group.resize(graph.values.size());
  std::iota(choice.group.begin(), choice.group.end(), ValueId{0});
  std::size_t first = graph.nodes.size();
  std::size_t last = graph.nodes.size();
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!is_layer(graph.nodes[i])) continue;
    if (first == graph.nodes.size()) first = i;
    last = i;
  }
  // From the end: what is not read by an integer operator need not be 8 bits, and what only moves
  // or pools it stays on f32. A layer always pays.
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    const bool kept = (options.float_first && i == first) || (options.float_last && i == last);
    const std::size_t operands = kept ? 0 : operands_of(graph, node);
    const bool wanted = is_layer(node) || choice.quantised[node.output];
    choice.integer[i] = wanted && operands > 0 && all_f32(graph, node, operands);
    if (!choice.integer[i]) {
      if (wanted) choice.kept_float.insert(choice.kept_float.begin(), node.name);
      continue;
    }
    for (std::size_t k = 0; k < operands; ++k) {
      if (graph.constant(node.inputs[k]) != nullptr) continue;
      choice.quantised[node.inputs[k]] = true;
      if (keeps_numbers(node.op)) {
        choice.group[find(choice.group, node.inputs[k])] = find(choice.group, node.output);
      }
    }
  }
  for (ValueId id = 0; id < graph.values.size(); ++id) {
    choice.group[id] = find(choice.group, id);
  }
  return choice;
}

}  // namespace sz::compiler
