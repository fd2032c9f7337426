// Operators that work element by element: Unary and Binary.
//
// Unary clamp: y = min(max(x, low), high), NaN stays NaN (as the canonical NaN).
// Unary leaky Relu: y = x < 0 ? x * slope : x, likewise; -0 is not below 0 and stays.
// Binary: y = clamp(a op b), op one of + - * /, with NumPy broadcasting of a and b to y (shapes
// aligned at the innermost dimension, each dimension of a and b equal to y's or 1).
// f32, all operands of any pitch. y may be the very memory of x (of a).
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/attributes.h"
#include "ops/operator.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_unary(const Step& step);
Status check_binary(const Step& step);

Status run_unary(const Step& step, const RunContext& context) noexcept;
Status run_binary(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Pointers are borrowed from the step.
struct Unary {
  const float* x = nullptr;
  float* y = nullptr;
  std::size_t x_pitch = 0, y_pitch = 0;
  std::size_t rows = 0, inner = 0;
  UnaryKind kind = UnaryKind::kClamp;
  Clamp clamp;      // of kClamp
  float slope = 1;  // of kLeakyRelu
  bool in_place = false;
};

struct Binary {
  const float* a = nullptr;
  const float* b = nullptr;
  float* y = nullptr;
  std::uint32_t rank = 0;  // 1 or more
  std::size_t dims[kMaxRank] = {};
  // Elements from one index to the next in each dimension; 0 where broadcast.
  std::size_t a_strides[kMaxRank] = {};
  std::size_t b_strides[kMaxRank] = {};
  std::size_t y_strides[kMaxRank] = {};
  BinaryKind kind = BinaryKind::kAdd;
  Clamp clamp;
  bool in_place = false;

  std::size_t inner() const { return dims[rank - 1]; }
  std::size_t rows() const {
    std::size_t n = 1;
    for (std::uint32_t i = 0; i + 1 < rank; ++i) n *= dims[i];
    return n;
  }
};

// Where row `row` (counted over all dimensions but the innermost) begins.
struct RowOffsets {
  std::size_t a = 0, b = 0, y = 0;
};
RowOffsets row_offsets(const Binary& binary, std::size_t row);

// The same computation with neighbouring dimensions merged where memory allows.
Binary merge_dimensions(const Binary& binary);

void unary_reference(const Unary& unary);
void unary_vector(const Unary& unary, const RunContext& context);
void binary_reference(const Binary& binary);
void binary_vector(const Binary& binary, const RunContext& context);

}  // namespace sz::ops
