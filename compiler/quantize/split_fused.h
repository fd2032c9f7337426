// Takes apart what the passes have fused for the f32 operators and integer ones do not have.
#pragma once

#include "compiler/graph/graph.h"

namespace sz::compiler {

// Convolutions with a residual become a convolution and an Add, those with a leaky Relu a
// convolution and a LeakyRelu.
void split_fused(Graph& graph);

}  // namespace sz::compiler
