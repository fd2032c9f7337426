// QMatMul: products of matrices of i8 that are both known at run time only; formula in
// ops/quantized/attributes.h. Operands of any pitch; y must not overlap a or b. Sums are exact.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/operator.h"
#include "ops/quantized/attributes.h"

namespace sz::ops {

// Most terms of a sum: so many products of 255 * 255 stay within 31 bits.
inline constexpr std::uint32_t kMaxQMatMulInputs = 33025;

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_qmatmul(const Step& step);

// Scratch of one worker, in bytes. The same on every machine.
std::uint64_t qmatmul_scratch(const Step& step);
std::uint64_t qmatmul_cost(const Step& step);
Status run_qmatmul(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Pointers are borrowed from the step.
struct QMatMul {
  const TensorView& a;
  const TensorView& b;
  const TensorView& y;
  QMatMulAttributes attributes;  // with the zero points in force
  std::size_t batch = 1;         // matrices of y
  std::size_t rows = 0, inputs = 0, columns = 0;

  const std::int8_t* a_row(std::size_t matrix, std::size_t row) const;
  // Element (k, n) of b lies at b_matrix + k * b_input_step() + n * b_column_step().
  const std::int8_t* b_matrix(std::size_t matrix) const;
  std::size_t b_input_step() const { return attributes.transpose_b != 0 ? 1 : b.pitch; }
  std::size_t b_column_step() const { return attributes.transpose_b != 0 ? b.pitch : 1; }
  std::byte* y_row(std::size_t matrix, std::size_t row) const;
  std::size_t y_bytes() const { return attributes.factor.mode == Rescaling::kNone ? 4 : 1; }
};

void qmatmul_reference(const QMatMul& product);
void qmatmul_vector(const QMatMul& product, const RunContext& context);
std::uint64_t qmatmul_vector_scratch(std::size_t inputs);

}  // namespace sz::ops
