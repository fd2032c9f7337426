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

// Spells composite operators out in others: normalisations, products of matrices of any ranks.
void expand(Graph& graph);

// Lets MatMul read transposed operands where they lie, and write a transposed result.
void fuse_transposes(Graph& graph);
// Turns Dequantize, operator, Quantize into one operator on integers, where there is one; the
// results may differ by one step of the quantisation, as the products are exact and rounded once.
// Dequantised constants that are left become f32. `evaluator` makes the tables of functions.
void fuse_quantization(Graph& graph, const Evaluator& evaluator = {});

// Quantised values of type u8 become i8, 128 less, as the device's operators want them. Inputs and
// outputs of the graph keep their type.
void make_signed(Graph& graph);

// Lets Pad nodes that put zeroes around an image end in the padding of the convolution, or of the
// average pool that counts padding, behind them.
void fuse_padding(Graph& graph);

// Turns operators that are special cases into the general ones: Flatten, Squeeze, Unsqueeze to
// Reshape (whose shape is then that of its output); Clip to Clamp; Slice, Split, Pad, Expand and
// their like to Move; Resize to Upsample, Gather, Interpolate; ReduceMean over the image and
// GlobalMaxPool to pools; Softmax before
// opset 13 to Reshape, Softmax, Reshape; windows get every default, Upsample its factors. Refuses by name what is left
// that cannot run on the device.
// Reshape (whose shape is then that of its output); Clip to Clamp; Pad to Concat; ReduceMean over
// the image and GlobalMaxPool to pools; strided Slice to MaxPool of single elements; Softmax before
// opset 13 to Reshape, Softmax, Reshape; windows get every default, Upsample its factors. Refuses
// by name what is left that cannot run on the device.
void canonicalize(Graph& graph);

// Finds functions of the device that the file spells out: x * Sigmoid(x) is Swish, and so on for
// HardSigmoid, HardSwish, Mish and Gelu. Rounding: fewer roundings, or at other places.
void fuse_functions(Graph& graph);

// Removes nodes that change nothing: Identity, Reshape to the same shape, Clamp without bounds...
void remove_identities(Graph& graph);

// Turns Gemm and MatMul by a constant matrix into FullyConnected (and Transpose, Mul, Add where
// needed). Rounding: alpha and beta are multiplied into the constants.
void lower_gemm(Graph& graph);

// Puts Reshape, Transpose and Move nodes in a row together where that saves copies of images.
void fuse_moves(Graph& graph);

// Multiplies batch normalisations into the convolution or fully connected layer before them;
// turns the others into Mul and Add. Rounding: the weights are scaled in double and rounded once.
void fold_batch_norm(Graph& graph);

// Adds (multiplies) constants for each channel into bias (weights) of the convolution or fully
// connected layer before them. Rounding: as fold_batch_norm.
void fold_scale_and_bias(Graph& graph);

// Lets convolutions add what an Add behind them adds, if it has the convolution's shape.
void fuse_residuals(Graph& graph);

// Lets Clamp nodes end as the activation of the node before them, LeakyRelu nodes as that of a
// convolution.
void fuse_activations(Graph& graph);

// Removes nodes whose result nobody reads, and forgets constants that nobody reads.
void remove_dead_code(Graph& graph);

// All passes in their order; verifies the graph after each. `progress` (may be empty) is told
// the name of each pass.
void run_passes(Graph& graph, const std::function<void(std::string_view)>& progress,
                const Evaluator& evaluator = {});

}  // namespace sz::compiler
