// Constants: the tensors whose values the compiler knows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace sz::compiler {

// Dimensions in ONNX order (images: N, C, H, W), outermost first. Empty: a scalar.
using Shape = std::vector<std::int64_t>;

// Largest tensor that the compiler handles, constant or not, and most bytes of all constants
// together: the region limit of a plan.
inline constexpr std::uint64_t kMaxTensorBytes = std::uint64_t{1} << 30;

// Number of elements. The shape has been checked (all dimensions 0 or more, product bounded).
std::int64_t element_count(const Shape& shape);

// True if every dimension is at least 1, there are at most kMaxRank of them, and the tensor stays
// within kMaxTensorBytes. Constants may also have dimensions of 0: `allow_empty`.
bool is_sane(const Shape& shape, DType dtype, bool allow_empty = false);

// "1x3x227x227"; "scalar" for rank 0.
std::string to_string(const Shape& shape);
const char* to_string(DType dtype);

// A dense tensor with its values, in ONNX order. Immutable once it is part of a graph.
struct Constant {
  DType dtype = DType::kF32;
  Shape shape;
  std::vector<std::byte> bytes;

  // The elements. The type must be f32 (i64).
  std::span<const float> f32() const;
  std::span<const std::int64_t> i64() const;
};
using ConstantPtr = std::shared_ptr<const Constant>;

ConstantPtr make_f32(Shape shape, std::span<const float> values);
ConstantPtr make_i64(Shape shape, std::span<const std::int64_t> values);

// The same values under another shape of as many elements.
ConstantPtr reshaped(const Constant& constant, Shape shape);

// Reorders the dimensions: result.shape[i] = constant.shape[perm[i]].
ConstantPtr transposed(const Constant& constant, std::span<const std::int64_t> perm);

}  // namespace sz::compiler
