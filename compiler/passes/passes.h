// The passes: graph to graph. Each keeps what the graph computes, up to rounding where it says so.
#pragma once

#include <functional>
#include <string_view>

#include "compiler/graph/graph.h"
#include "compiler/graph/shape_inference.h"

namespace sz::compiler {

// Computes a node whose inputs are all constants; nullptr if it cannot.
using Evaluator =
    std::function<ConstantPtr(const Graph& graph, const Node& node, const TypedShape& result)>;

// Infers all shapes and computes what depends on constants (and shapes) only. First pass: the
// others rely on every shape being known. Also compares the shapes of the outputs with those that
// the file declares. What folding does not know itself `evaluator` (may be empty) is asked for.
// An If whose condition is known becomes the nodes of its branch.
void fold_constants(Graph& graph, const Evaluator& evaluator = {});

// Lets Pad nodes that put zeroes around an image end in the padding of the convolution, or of the
// average pool that counts padding, behind them.
void fuse_padding(Graph& graph);

// Turns operators that are special cases into the general ones: Flatten, Squeeze, Unsqueeze to
// Reshape (whose shape is then that of its output); Clip to Clamp; Pad to Concat; ReduceMean over
// the image and GlobalMaxPool to pools; strided Slice to MaxPool of single elements; Softmax before
// opset 13 to Reshape, Softmax, Reshape; windows get every default, Upsample its factors. Refuses by name what is left
// that cannot run on the device.
void canonicalize(Graph& graph);

// Finds functions of the device that the file spells out: x * Sigmoid(x) is Swish, and so on for
// HardSigmoid, HardSwish, Mish and Gelu. Rounding: fewer roundings, or at other places.
void fuse_functions(Graph& graph);

// Removes nodes that change nothing: Identity, Reshape to the same shape, Clamp without bounds...
void remove_identities(Graph& graph);

// Turns Gemm and MatMul by a constant matrix into FullyConnected (and Transpose, Mul, Add where
// needed). Rounding: alpha and beta are multiplied into the constants.
void lower_gemm(Graph& graph);

// Multiplies batch normalisations into the convolution or fully connected layer before them;
// turns the others into Mul and Add. Rounding: the weights are scaled in double and rounded once.
void fold_batch_norm(Graph& graph);

// Adds (multiplies) constants for each channel into bias (weights) of the convolution or fully
// connected layer before them. Rounding: as fold_batch_norm.
void fold_scale_and_bias(Graph& graph);

// Lets Clamp nodes end as the activation of the node before them.
void fuse_activations(Graph& graph);

// Removes nodes whose result nobody reads, and forgets constants that nobody reads.
void remove_dead_code(Graph& graph);

// All passes in their order; verifies the graph after each. `progress` (may be empty) is told
// the name of each pass.
void run_passes(Graph& graph, const std::function<void(std::string_view)>& progress,
                const Evaluator& evaluator = {});

}  // namespace sz::compiler
