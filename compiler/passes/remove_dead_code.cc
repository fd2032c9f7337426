#include <algorithm>

#include "compiler/passes/passes.h"

namespace sz::compiler {

void remove_dead_code(Graph& graph) {
  std::vector<bool> needed(graph.values.size(), false);
  for (const ValueId id : graph.outputs) needed[id] = true;
  std::vector<Node> kept;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    Node& node = graph.nodes[i];
    if (!needed[node.output]) continue;
    for (const ValueId id : node.inputs) {
      if (id != kNoValue) needed[id] = true;
    }
    kept.push_back(std::move(node));
  }
  std::reverse(kept.begin(), kept.end());
  graph.nodes = std::move(kept);
  // Nobody refers to the others any more; numbers of values stay as they are.
  for (ValueId id = 0; id < graph.values.size(); ++id) {
    if (!needed[id]) graph.value(id).constant = nullptr;
  }
}

}  // namespace sz::compiler
