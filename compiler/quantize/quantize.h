// Quantisation after training: an f32 network becomes one on 8-bit integers, with ranges that are
// measured on sample inputs.
#pragma once

#include <functional>
#include <string_view>

#include "compiler/graph/graph.h"
#include "compiler/quantize/options.h"

namespace sz::compiler {

// Quantises the graph, which all passes have been through; they are run again behind it. Throws
// CompileError where there are no samples, a sample does not fit the inputs, a value is not finite,
// or nothing can be quantised. `progress` (may be empty) is told what is being done.
QuantizationReport quantize_graph(Graph& graph, const QuantizeOptions& options,
                                  const std::function<void(std::string_view)>& progress);

}  // namespace sz::compiler
