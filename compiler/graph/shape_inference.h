// Shapes and types of results, from those of the inputs.
#pragma once

#include "compiler/graph/graph.h"

namespace sz::compiler {

// The type and shape of `node`'s result. The shapes of its inputs are known; inputs that decide a
// shape (of Reshape, the axes of Squeeze, ...) must be constants. Also proves the inputs, types
// and attributes of the node consistent. Throws CompileError.
struct TypedShape {
  DType dtype = DType::kF32;
  Shape shape;
};
TypedShape infer(const Graph& graph, const Node& node);

// The window of a convolution or pool on `input` [N, C, ...] of 1 to 3 axes with every default filled in and
// auto_pad turned into pads. `kernel` is the one of the weights, or empty. Throws CompileError.
WindowAttributes resolve_window(const Graph& graph, const Node& node, const Shape& input,
                                const std::vector<std::int64_t>& kernel);

// The window of a ConvTranspose node with every default filled in; of its padding, what is cut off
// the full result in front. The sizes of the result's axes. Throws CompileError.
struct TransposedWindow {
  WindowAttributes window;
  std::vector<std::int64_t> sizes;
};
TransposedWindow resolve_transposed(const Graph& graph, const Node& node);

// Size of one axis of a pool's or convolution's result. Throws CompileError if there is none.
std::int64_t window_output(const Graph& graph, const Node& node, const WindowAttributes& window,
                           std::int64_t input, std::size_t axis);

// `axis` counted from the front; throws CompileError unless it is in [-rank, rank), or, with
// `end_allowed`, [-rank, rank].
std::size_t normal_axis(const Graph& graph, const Node& node, std::int64_t axis, std::size_t rank,
                        bool end_allowed = false);

// The values of an i64 or i32 input that must be constant. Throws CompileError naming `what`.
std::vector<std::int64_t> constant_integers(const Graph& graph, const Node& node, std::size_t input,
                                            const char* what);

// Which of `rank` dimensions a kReduce or kReduceMean node reduces.
std::vector<bool> reduced_axes(const Graph& graph, const Node& node, std::size_t rank);

// Start, step and resulting size of a slice along each dimension of the input.
struct SliceRange {
  std::int64_t start = 0, step = 1, size = 0;
};
std::vector<SliceRange> slice_ranges(const Graph& graph, const Node& node, const Shape& input);

// Padding before and after each dimension of the input of a Pad node; negative: what is cut off.
struct PadRange {
  std::int64_t before = 0, after = 0;
};
// A Pad node without attributes puts constants.
inline PadMode pad_mode(const Node& node) {
  const auto* attributes = std::get_if<PadAttributes>(&node.attributes);
  return attributes != nullptr ? attributes->mode : PadMode::kConstant;
}
std::vector<PadRange> pad_ranges(const Graph& graph, const Node& node, std::size_t rank);

// The factors of an Upsample node on `input` [N, C, H, W], whole numbers. Throws CompileError if
// it does not have just that.
UpsampleAttributes upsample_factors(const Graph& graph, const Node& node, const Shape& input);

// NumPy broadcasting; throws CompileError if the shapes do not fit.
Shape broadcast(const Graph& graph, const Node& node, const Shape& a, const Shape& b);

// Permutation of a Transpose node, with the default filled in. Throws CompileError.
std::vector<std::int64_t> permutation(const Graph& graph, const Node& node, std::size_t rank);

}  // namespace sz::compiler
