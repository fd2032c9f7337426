// What the tests of the passes share.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/testing/onnx_builder.h"

namespace sz::compiler::testing {

// The graph of a model after import and constant folding, when all shapes are known.
Graph folded(const OnnxBuilder& builder);

// The same after all passes.
Graph optimised(const OnnxBuilder& builder);

// The operators in order: "Conv Clamp Concat".
std::string operators(const Graph& graph);

// Compiles the model and runs it on inputs made from `seed`.
std::vector<std::vector<float>> run(const OnnxBuilder& builder, std::uint32_t seed);

// Largest relative difference (maximum norm) between the first output of the model and that of the
// same model with every value in between as a further output: then nothing can be fused.
double change_by_fusing(const OnnxBuilder& builder, std::uint32_t seed);

}  // namespace sz::compiler::testing
