// Functions of one quantised value, as tables.
#pragma once

#include <optional>

#include "compiler/passes/passes.h"
#include "compiler/passes/quantization/quantized_values.h"

namespace sz::compiler {

// The Lookup node (without output) for what ends in `quantize`, a Quantize node of one scale: a
// chain of functions of one dequantised value, each read only by the next. Each is computed in f32
// for all 256 numbers, by `evaluator` where it is more than a clamp, so that the table has just the
// results of the chain. Nothing if there is no such chain.
std::optional<Node> lookup_for(Rewriter& rewriter, const Node& quantize, const Quantization& output,
                               const Evaluator& evaluator);

}  // namespace sz::compiler
