// QPool2d and QGlobalAveragePool: averages of i8; formulas in ops/quantized/attributes.h. And the
// maximum of Pool2d over i8 and u8. Operands of any pitch; y must not overlap x.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/operator.h"
#include "ops/pool/pool.h"
#include "ops/quantized/attributes.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_qpool2d(const Step& step);
Status check_qglobal_average_pool(const Step& step);

std::uint64_t qpool2d_cost(const Step& step);
std::uint64_t qglobal_average_pool_cost(const Step& step);

Status run_qpool2d(const Step& step, const RunContext& context) noexcept;
Status run_qglobal_average_pool(const Step& step, const RunContext& context) noexcept;

// Pool2d of a byte tensor, behind check_pool2d and run_pool2d.
Status check_max_pool_bytes(const Step& step);
Status run_max_pool_bytes(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Pointers are borrowed from the step.
struct QPool2d {
  const std::int8_t* x = nullptr;
  std::int8_t* y = nullptr;
  Pool2d shape;  // without pointers
  QPool2dAttributes attributes;
  std::uint32_t flip = 0;  // maximum: xor of u8 to i8

  std::size_t image_elements() const { return shape.in_h * shape.in_w * shape.x_pitch; }
};

struct QGlobalAveragePool {
  const std::int8_t* x = nullptr;
  std::int8_t* y = nullptr;
  std::size_t x_pitch = 0, y_pitch = 0;
  std::size_t batch = 0, pixels = 0, channels = 0;
  QGlobalAveragePoolAttributes attributes;
};

// What an average over these taps is divided by.
std::int32_t count_of(const QPool2d& pool, const TapRange& rows, const TapRange& columns);

// The average of `count`, of whose values (less x_zero) `sum` is the sum.
std::int32_t average_of(std::int32_t sum, std::int32_t count, const QPool2dAttributes& attributes);

void qpool2d_reference(const QPool2d& pool);
void qpool2d_vector(const QPool2d& pool, const RunContext& context);
void max_pool_bytes_reference(const QPool2d& pool);
void max_pool_bytes_vector(const QPool2d& pool, const RunContext& context);
void qglobal_average_pool_reference(const QGlobalAveragePool& pool);
void qglobal_average_pool_vector(const QGlobalAveragePool& pool, const RunContext& context);

}  // namespace sz::ops
