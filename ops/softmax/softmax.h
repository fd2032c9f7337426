// Softmax over the innermost dimension: y[r,i] = exp(x[r,i] - max_r) / sum_r.
//
// x, y: the same shape, f32, any pitch; y may be the very memory of x. exp is math/exp.h. The sum
// has 16 partial sums, number j for the elements i with i % 16 = j in rising order, which are
// added in a tree (j and j + 8, then + 4, + 2, + 1). A NaN or +inf in a row, or -inf throughout,
// makes the row NaN. Its logarithm is (x[r,i] - max_r) - log(sum_r), likewise.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/operator.h"

namespace sz::ops {

inline constexpr std::size_t kSumLanes = 16;

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_softmax(const Step& step);

// Scratch of one worker: one row.
std::uint64_t softmax_scratch(const Step& step);

// An exponential and two passes for each element.
std::uint64_t softmax_cost(const Step& step);

Status run_softmax(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Pointers are borrowed from the step.
struct Softmax {
  const float* x = nullptr;
  float* y = nullptr;
  std::size_t x_pitch = 0, y_pitch = 0;
  std::size_t rows = 0, inner = 0;
  bool log = false;
};

// The tree over the partial sums. Overwrites `lanes` (kSumLanes of them).
inline float sum_of_lanes(float* lanes) {
  for (std::size_t half = kSumLanes / 2; half > 0; half /= 2) {
    for (std::size_t j = 0; j < half; ++j) lanes[j] += lanes[j + half];
  }
  return lanes[0];
}

// `row` is scratch for one row.
void softmax_reference(const Softmax& softmax, float* row);
void softmax_vector(const Softmax& softmax, const RunContext& context);

}  // namespace sz::ops
