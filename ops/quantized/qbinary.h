// QBinary: Add, Sub and Mul of i8 tensors with NumPy broadcasting; formulas in
// ops/quantized/attributes.h. Operands of any pitch; y must not overlap a or b.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/operator.h"
#include "ops/quantized/attributes.h"
#include "ops/broadcast.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_qbinary(const Step& step);
std::uint64_t qbinary_cost(const Step& step);
Status run_qbinary(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Pointers are borrowed from the step.
struct QBinary {
  const std::int8_t* a = nullptr;
  const std::int8_t* b = nullptr;
  std::int8_t* y = nullptr;
  Broadcast shape;
  QBinaryAttributes attributes;
};

// One element.
std::int32_t qbinary_element(std::int32_t a, std::int32_t b, const QBinaryAttributes& attributes);

void qbinary_reference(const QBinary& binary);
void qbinary_vector(const QBinary& binary, const RunContext& context);

}  // namespace sz::ops
