// Normalize: each row of x is brought to mean 0 and variance 1, to mean square 1, or to norm 1.
//
// x [..., n], optional scale [n], optional bias [n] (f32, x of any pitch). By kind, with r a row:
//   kDeviation   y = (r - mean) / sqrt(variance + epsilon) * scale + bias
//   kRootMean    y = r / sqrt(mean of squares + epsilon) * scale + bias
//   kNorm1       y = r / sum of absolute values, or 0 where that is 0
//   kNorm2       y = r / root of the sum of squares, or 0 where that is 0
// The output is y [..., n], or a number [..., 1] that y is made of. y must not overlap x.
//
// Sums have 16 partial sums, number j over the elements i with i % 16 = j in rising order, from +0,
// added in a tree (j and j + 8, then + 4, + 2, + 1); squares are added by fma. mean = sum / n;
// variance = (sum of (r - mean)^2) / n; d = 1 / sqrt(variance + epsilon);
// y = fma((r - mean) * d, scale, bias), without scale and bias (r - mean) * d.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/attributes.h"
#include "ops/operator.h"

namespace sz::ops {

enum class NormalizeKind : std::uint32_t { kDeviation = 0, kRootMean = 1, kNorm1 = 2, kNorm2 = 3 };

// Which result is wanted. The statistics are those of kDeviation only.
enum class NormalizeResult : std::uint32_t { kRows = 0, kMean = 1, kInverseDeviation = 2 };

struct NormalizeAttributes {
  NormalizeKind kind = NormalizeKind::kDeviation;
  NormalizeResult result = NormalizeResult::kRows;
  float epsilon = 0.0f;  // finite, 0 or more
};

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_normalize(const Step& step);
std::uint64_t normalize_cost(const Step& step);
Status run_normalize(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Pointers are borrowed from the step.
struct Normalize {
  const float* x = nullptr;
  const float* scale = nullptr;  // nullptr: 1
  const float* bias = nullptr;   // nullptr: 0
  float* y = nullptr;
  std::size_t x_pitch = 0, y_pitch = 0;
  std::size_t rows = 0, inner = 0;
  NormalizeAttributes attributes;
};

// From the sums of a row to what its elements are shifted by and multiplied with.
struct RowFactors {
  float mean = 0.0f;
  float factor = 0.0f;
};
// `spread`: sum of squares (of what is left after the mean is taken off), or of absolute values.
RowFactors row_factors(const Normalize& normalize, float mean, float spread);

void normalize_reference(const Normalize& normalize);
void normalize_vector(const Normalize& normalize, const RunContext& context);

}  // namespace sz::ops
