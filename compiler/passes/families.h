// What the passes know of one family of operators each.
#pragma once

#include "compiler/graph/graph.h"
#include "compiler/passes/rewriter.h"

namespace sz::compiler {

// Parts of canonicalize (canonicalize_<family>.cc): false, with nothing done, where the node is not
// theirs. Throw CompileError.
bool canonicalize_movement(Rewriter& rewriter, Node& node);
bool canonicalize_gather(Rewriter& rewriter, Node& node);
bool canonicalize_resize(Rewriter& rewriter, Node& node);
bool canonicalize_elementwise(Rewriter& rewriter, Node& node);
bool canonicalize_reduction(Rewriter& rewriter, Node& node);
bool canonicalize_quantized(Rewriter& rewriter, Node& node);

// A part of evaluate: nullptr where the node is not theirs.
ConstantPtr evaluate_movement(const Graph& graph, const Node& node, DType dtype,
                              const Shape& shape);

// Adds a constant that a pass has computed. Throws CompileError if there is no room for it.
ValueId add_table(Graph& graph, const Node& node, ConstantPtr table);

// Adds a Gather along `axis` by these places, or a slice if they are evenly spaced.
void emit_gather(Rewriter& rewriter, const Node& node, ValueId x, std::size_t axis,
                 const std::vector<std::int64_t>& places, ValueId output);

}  // namespace sz::compiler
