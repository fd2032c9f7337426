#include "compiler/passes/rewriter.h"

#include <utility>

namespace sz::compiler {
namespace {
constexpr std::size_t kNone = ~std::size_t{0};
}

Rewriter::Rewriter(Graph& graph)
    : graph_(graph),
      producers_(graph.values.size(), kNone),
      replaced_(graph.values.size(), kNoValue),
      uses_(count_uses(graph)) {}

void Rewriter::run(Graph& graph, const Visit& visit) {
  Rewriter rewriter(graph);
  const std::vector<Node> nodes = std::exchange(graph.nodes, {});
  for (Node node : nodes) {
    for (ValueId& id : node.inputs) id = rewriter.resolve(id);
    const std::vector<ValueId> inputs = node.inputs;
    visit(node, rewriter);
    for (const ValueId id : inputs) {
      if (id != kNoValue) --rewriter.uses_[id];
    }
  }
  for (ValueId& id : graph.outputs) id = rewriter.resolve(id);
  graph.nodes = std::move(rewriter.emitted_);
}

ValueId Rewriter::resolve(ValueId id) const {
  while (id != kNoValue && id < replaced_.size() && replaced_[id] != kNoValue) id = replaced_[id];
  return id;
}

void Rewriter::emit(Node node) {
  const std::size_t values = graph_.values.size();
  producers_.resize(values, kNone);
  replaced_.resize(values, kNoValue);
  uses_.resize(values, 0);
  for (const ValueId id : node.inputs) {
    if (id != kNoValue) ++uses_[id];
  }
  producers_[node.output] = emitted_.size();
  emitted_.push_back(std::move(node));
}

void Rewriter::replace(ValueId from, ValueId to) {
  const std::size_t values = graph_.values.size();
  replaced_.resize(values, kNoValue);
  uses_.resize(values, 0);
  replaced_[from] = to;
  uses_[to] += uses_[from];
}

void Rewriter::set_input(Node& emitted, std::size_t index, ValueId id) {
  uses_.resize(graph_.values.size(), 0);
  const ValueId old = emitted.inputs[index];
  if (old != kNoValue) --uses_[old];
  ++uses_[id];
  emitted.inputs[index] = id;
}

ValueId Rewriter::temporary(const std::string& name, DType dtype, Shape shape) {
  return graph_.add_value({name, dtype, std::move(shape), nullptr});
}

Node* Rewriter::producer(ValueId id) {
  if (id == kNoValue || id >= producers_.size() || producers_[id] == kNone) return nullptr;
  return &emitted_[producers_[id]];
}

}  // namespace sz::compiler
