// Operators that move elements about, or select from them in order: they do the same to quantised
// numbers.
#pragma once

#include <optional>

#include "compiler/passes/quantization/quantized_values.h"

namespace sz::compiler {

// How many inputs, from the first on, hold what the node moves; 0: it is no such operator.
std::size_t moved_operands(const Node& node);

// The node for numbers that are quantised as `x` is: what it pads with becomes a number, too.
// Inputs and output are still those of the node on f32. Nothing if the padding is no number of
// `x`'s.
std::optional<Node> moved_integers(Graph& graph, const Node& node, const QuantizedValue& x);

}  // namespace sz::compiler
