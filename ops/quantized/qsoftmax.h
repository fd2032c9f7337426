// QSoftmax over the innermost dimension of i8, the two ways of TFLite; see
// ops/quantized/attributes.h. x and y of any pitch; y must not overlap x. There is one kernel: a
// row is a few table look-ups.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/operator.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_qsoftmax(const Step& step);
std::uint64_t qsoftmax_cost(const Step& step);
Status run_qsoftmax(const Step& step, const RunContext& context) noexcept;

// 1 / (1 + x) for x in [0, 1), both in Q0.31: three steps of Newton's method.
std::int32_t reciprocal_of_one_plus(std::int32_t x);

}  // namespace sz::ops
