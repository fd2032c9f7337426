// Convolutions and matrix products whose operands are dequantised, as integer operators.
#pragma once

#include <optional>

#include "compiler/passes/quantization/quantized_values.h"

namespace sz::compiler {

// The integer node for `layer` (Conv, Gemm, MatMul or FullyConnected), if its input is dequantised
// with one scale, its weights are a dequantised constant with one zero point, and its bias fits 32
// bits; without output, its result not rescaled yet (QuantAttributes::type is i32). For a MatMul of
// two dequantised values: a QMatMul. Adds constants to the graph.
std::optional<Node> integer_layer(Rewriter& rewriter, const Node& layer);

// The same for an Add of a layer without bias, which it alone reads, and a constant that can be its
// bias.
std::optional<Node> integer_layer_with_bias(Rewriter& rewriter, const Node& add);

}  // namespace sz::compiler
