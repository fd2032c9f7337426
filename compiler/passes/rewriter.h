// Walks the nodes in order and builds the list anew. What every pass is made of.
#pragma once

#include <functional>
#include <vector>

#include "compiler/graph/graph.h"

namespace sz::compiler {

class Rewriter {
 public:
  // Calls `visit` for each node, with its inputs already substituted. `visit` calls emit for what
  // shall stand in the node's place (often the node itself) and replace for what goes away.
  using Visit = std::function<void(Node& node, Rewriter& rewriter)>;
  static void run(Graph& graph, const Visit& visit);

  Graph& graph() { return graph_; }

  // Appends a node.
  void emit(Node node);

  // Lets every later reader of `from`, and the outputs of the graph, read `to`.
  void replace(ValueId from, ValueId to);

  // Lets an emitted node read `id` as its input `index`.
  void set_input(Node& emitted, std::size_t index, ValueId id);

  // What `id` has been replaced by, or itself.
  ValueId resolve(ValueId id) const;

  // A fresh value of this type and shape.
  ValueId temporary(const std::string& name, DType dtype, Shape shape);

  // The emitted node that makes `id`; nullptr for inputs and constants. Valid until emit.
  Node* producer(ValueId id);

  // True if exactly one node reads `id` and it is no output of the graph.
  bool used_once(ValueId id) const { return uses_[id] == 1; }

 private:
  explicit Rewriter(Graph& graph);

  Graph& graph_;
  std::vector<Node> emitted_;
  std::vector<std::size_t> producers_;  // index into emitted_, by value
  std::vector<ValueId> replaced_;       // kNoValue: not replaced
  std::vector<std::uint32_t> uses_;
};

}  // namespace sz::compiler
