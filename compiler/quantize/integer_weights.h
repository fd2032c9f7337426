// Weights as 8-bit integers.
#pragma once

#include <span>
#include <vector>

#include "compiler/graph/graph.h"

namespace sz::compiler {

// Weights of a layer in steps of one scale for each output, from -127 to 127, and the bias that
// belongs to them.
struct IntegerWeights {
  ConstantPtr weights;  // i8, of the same shape
  ConstantPtr scales;   // f32 [outputs]
  ConstantPtr bias;     // f32 [outputs]
};

// `x_scale`: of the layer's input. `x_means`: the mean of each input channel, with which the bias
// makes up for the mean error of the rounded weights; empty: it does not. Throws CompileError where
// a weight is not finite.
IntegerWeights integer_weights(const Graph& graph, const Node& layer, double x_scale,
                               std::span<const double> x_means);

}  // namespace sz::compiler
