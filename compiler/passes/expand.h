// Composite operators spelled out in others. Each family has a file expand_<family>.cc.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "compiler/passes/rewriter.h"

namespace sz::compiler {

// Makes the nodes that stand for one: their shapes are inferred, the last one takes the place of
// the node's output.
class Expansion {
 public:
  Expansion(Rewriter& rewriter, const Node& node) : rewriter_(rewriter), node_(node) {}

  Graph& graph() { return rewriter_.graph(); }
  const Shape& shape(ValueId id) { return graph().shape(id); }

  // A node whose result is a value of its own.
  ValueId add(Op op, std::vector<ValueId> inputs, Attributes attributes = {});
  ValueId reshape(ValueId x, Shape shape);
  ValueId transpose(ValueId x, std::vector<std::int64_t> perm);
  ValueId constant(float value);
  ValueId integers(const std::vector<std::int64_t>& values);

  // The last node: its result is what the expanded node stood for.
  void finish(Op op, std::vector<ValueId> inputs, Attributes attributes = {});
  void finish_reshape(ValueId x);
  void finish_with(ValueId x) { rewriter_.replace(node_.output, x); }

 private:
  Rewriter& rewriter_;
  const Node& node_;
};

// True if the node is of the family; then what stands for it has been emitted.
bool expand_attention(Rewriter& rewriter, Node& node);
bool expand_matrix(Rewriter& rewriter, Node& node);
bool expand_normalization(Rewriter& rewriter, Node& node);
bool expand_recurrent(Rewriter& rewriter, Node& node);
bool expand_window(Rewriter& rewriter, Node& node);

// Product of dimensions [begin, end).
std::int64_t product(const Shape& shape, std::size_t begin, std::size_t end);

}  // namespace sz::compiler
