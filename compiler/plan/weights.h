// Packing of weights for the kernels (ops/gemm/pack.h).
#pragma once

#include "compiler/graph/graph.h"
#include "compiler/plan/program.h"

namespace sz::compiler {

// The blob of a convolution: f32.
Blob pack_conv(const Graph& graph, const Node& node);

// The same for ConvWinograd (ops/winograd/pack.h).
Blob pack_winograd_conv(const Graph& graph, const Node& node);

// The blob of a fully connected layer. `image`: {C, H, W} if the input lies in memory as the
// [H, W, C] image whose [C, H, W] elements the weights count; empty otherwise.
Blob pack_layer(const Graph& graph, const Node& node, const Shape& image);

}  // namespace sz::compiler
