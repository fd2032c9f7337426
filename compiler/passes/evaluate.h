// Computes a node whose inputs are constants. Only what shape arithmetic and simple preparation
// of weights need.
#pragma once

#include "compiler/graph/graph.h"

namespace sz::compiler {

// The result of `node`; nullptr if the operator is not computed here or an input is no constant.
// `type` is what shape inference says. Throws CompileError for values that are out of range (an
// index, a division by zero).
ConstantPtr evaluate(const Graph& graph, const Node& node, DType dtype, const Shape& shape);

}  // namespace sz::compiler
