// What the operators that move elements mean for given shapes: shared by inference and passes.
#pragma once

#include "compiler/graph/shape_inference.h"

namespace sz::compiler {

// The values of an input that must be constant, of any type, as integers. Throws CompileError
// naming `what`.
std::vector<std::int64_t> constant_whole_numbers(const Graph& graph, const Node& node,
                                                 std::size_t input, const char* what);

// The part of x that a Split node makes.
std::vector<SliceRange> split_ranges(const Graph& graph, const Node& node, const Shape& x);

// What a CenterCropPad node puts before and behind each dimension.
std::vector<PadRange> center_ranges(const Graph& graph, const Node& node, const Shape& x);

// Places that are not zero, in order; of the constant that input `input` must be.
std::vector<std::int64_t> places_set(const Graph& graph, const Node& node, std::size_t input,
                                     const char* what);

// How Resize maps one dimension.
struct ResizeAxis {
  std::int64_t in = 1, out = 1;
  double scale = 1;           // as the model gives it, or out / in
  double begin = 0, end = 1;  // of the region, for kCropAndResize
  bool given = false;         // the model names this axis
};
// One for each dimension of x. Throws CompileError.
std::vector<ResizeAxis> resize_axes(const Graph& graph, const Node& node, const Shape& x);

}  // namespace sz::compiler
