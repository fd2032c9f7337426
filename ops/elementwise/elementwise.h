// Operators that work element by element: Unary, Binary, Where, Cast.
//
// Unary: y = f(x), f one of UnaryKind; f32. Clamp: min(max(x, low), high). Leaky Relu: x < 0 ?
// x * slope : x; -0 is not below 0 and stays.
// Binary: y = a op b, op one of BinaryKind, with NumPy broadcasting of a and b to y (shapes aligned
// at the innermost dimension, each dimension of a and b equal to y's or 1). a and b have one type;
// comparisons write bool, the others that type. Integers wrap around; where b is 0, quotients and
// remainders are 0. f32 results go through the clamp.
// Where: y = c ? a : b with broadcasting of all three; c is bool (anything but 0 is true), a, b and
// y have one type; moves bits.
// Cast: y = x in another type. f32 to integers: towards 0, and what does not fit becomes the
// nearest that does, NaN 0; integers to narrower ones: the low bits; to bool: whether it is not 0.
// Operands of any pitch. y of Unary and of Binary may be the
// very memory of x (of a).
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/attributes.h"
#include "ops/broadcast.h"
#include "ops/operator.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_unary(const Step& step);
Status check_binary(const Step& step);
Status check_where(const Step& step);
Status check_cast(const Step& step);

// Some operations for each element of a function.
std::uint64_t unary_cost(const Step& step);

Status run_unary(const Step& step, const RunContext& context) noexcept;
Status run_binary(const Step& step, const RunContext& context) noexcept;
Status run_where(const Step& step, const RunContext& context) noexcept;
Status run_cast(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Pointers are borrowed from the step.
struct Unary {
  const float* x = nullptr;
  float* y = nullptr;
  std::size_t x_pitch = 0, y_pitch = 0;
  std::size_t rows = 0, inner = 0;
  UnaryKind kind = UnaryKind::kClamp;
  Clamp clamp;                      // of kClamp
  float slope = 1;                  // of kLeakyRelu
  ActivationAttributes activation;  // of the others
  bool in_place = false;
};

struct Binary {
  Broadcast shape;  // of a, b and y
  const std::byte* a = nullptr;
  const std::byte* b = nullptr;
  std::byte* y = nullptr;
  DType type = DType::kF32;  // of a and b
  DType result = DType::kF32;
  BinaryKind kind = BinaryKind::kAdd;
  Clamp clamp;
  bool in_place = false;

  bool all_f32() const { return result == DType::kF32; }
};

void unary_reference(const Unary& unary);
void unary_vector(const Unary& unary, const RunContext& context);
void binary_reference(const Binary& binary);
void binary_vector(const Binary& binary, const RunContext& context);

// Columns [begin, begin + count) of one row, whose operands begin at these elements: with any types
// by way of blocks of integers.
void binary_run(const Binary& binary, const RowWalk& row, std::size_t begin, std::size_t count);

}  // namespace sz::ops
