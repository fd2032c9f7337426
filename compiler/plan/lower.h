// Graph to program: the engine's operators, memory order, packed weights.
#pragma once

#include "compiler/graph/graph.h"
#include "compiler/plan/program.h"

namespace sz::compiler {

// Lowers a graph that has been through run_passes. Images get the order N, H, W, C; transposes
// stand only where the order in memory really differs, and before a fully connected layer not
// even there (its weights are permuted instead). Concatenated tensors are written straight into
// the wide one where possible. Every step has passed its operator's check.
// Throws CompileError for what the device cannot run.
Program lower(const Graph& graph, ops::Kernel kernel);

}  // namespace sz::compiler
