// Multiplying and shifting the outputs of a layer through its constants.
#pragma once

#include <span>

#include "compiler/passes/rewriter.h"

namespace sz::compiler {

// True if `node` is a convolution or fully connected layer with constant weights and bias and
// without activation, so that its outputs can be scaled and shifted through them.
bool is_scalable_layer(const Graph& graph, const Node& node);

// Number of outputs (channels) of such a layer.
std::int64_t layer_outputs(const Graph& graph, const Node& node);

// Makes the layer compute y[m] * scale[m] + shift[m] instead of y[m]. Computed in double, rounded
// once; a scale of exactly 1 changes no weight. Throws CompileError if a result is not finite, or
// if the constants grow beyond what is allowed.
void scale_layer(Rewriter& rewriter, Node& layer, std::span<const double> scale,
                 std::span<const double> shift);

}  // namespace sz::compiler
