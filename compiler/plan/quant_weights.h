// Packing of quantised weights with their biases and factors (ops/quantized/pack.h).
#pragma once

#include "compiler/graph/graph.h"
#include "compiler/plan/program.h"

namespace sz::compiler {

// The blob of a QConv: i8.
Blob pack_quantized_conv(const Graph& graph, const Node& node);

// The blob of a QFullyConnected; `image` as in pack_layer (plan/weights.h).
Blob pack_quantized_layer(const Graph& graph, const Node& node, const Shape& image);

}  // namespace sz::compiler
