// Interpolate: y[o, j, i] = sum over t of weights[j, t] * x[o, indices[j, t], i], along one axis.
//
// Resizing in any mode is one such pass for each axis that changes. x, y: f32, of one shape but for
// the axis; indices i32 and weights f32, both [J, T], constants of the compiler; all dense; y does
// not overlap x. The sum starts with the product of t = 0, then fma(x, w, sum) in order; NaN
// becomes the canonical NaN. Where indices[j, 0] is -1, y is `fill`. Any other index outside x ends
// the run with kIndexOutOfRange before anything is written.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/movement/attributes.h"
#include "ops/operator.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_interpolate(const Step& step);
std::uint64_t interpolate_cost(const Step& step);

// Error: kIndexOutOfRange.
Status run_interpolate(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked.
struct Interpolate {
  const float* x = nullptr;
  const std::int32_t* indices = nullptr;
  const float* weights = nullptr;
  float* y = nullptr;
  std::size_t outer = 1, size = 1, results = 1, inner = 1, taps = 1;
  float fill = 0;
};

void interpolate_reference(const Interpolate& job);
void interpolate_vector(const Interpolate& job, const RunContext& context);

}  // namespace sz::ops
