// Computes nodes whose inputs are constants, by running them.
#pragma once

#include "compiler/passes/passes.h"

namespace sz::compiler {

// Compiles a network of this one node and runs it here: what folding cannot compute itself has just
// the device's result. nullptr if the device has no such operator.
ConstantPtr fold_on_engine(const Graph& graph, const Node& node, const TypedShape& result);

}  // namespace sz::compiler
