// How near the quantised network is to the one on f32, value by value.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/quantize/quantize.h"

namespace sz::compiler {

// Values of the two networks that stand for the same.
struct Compared {
  std::vector<ValueId> real, quantised;
};

// Runs both on all samples and fills in the figures of `report`, whose `values` are those of
// `compared` in the same order. `quantised` is the network before the passes.
void compare(const Graph& real, const Graph& quantised, const Compared& compared,
             const CalibrationInputs& inputs, const std::function<void(std::string_view)>& progress,
             QuantizationReport* report);

// The inputs of sample `index`. Throws CompileError unless they have the sizes of the graph's.
std::vector<std::vector<std::byte>> checked_sample(const Graph& graph,
                                                   const CalibrationInputs& inputs,
                                                   std::size_t index);

}  // namespace sz::compiler
