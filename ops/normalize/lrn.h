// Local response normalisation across neighbouring channels:
//   y[c] = x[c] / (bias + alpha / size * (sum of x[i]^2 over the `size` channels around c)) ^ beta
//
// x, y: the same shape, the innermost dimension holds the channels, f32, any pitch; y must not
// overlap x. The window begins (size - 1) / 2 channels before c and is cut at the ends. The sum is
// one chain of additions of rounded squares, in rising order, from +0; s = fma(alpha / size, sum,
// bias). With beta = 0.75, y = x / (sqrt(s) * sqrt(sqrt(s))); with 0.5, x / sqrt(s); with 1, x / s;
// otherwise x / math::pow(s, beta).
#pragma once

#include <cstddef>
#include <cstdint>

#include "math/pow.h"
#include "math/sqrt.h"
#include "ops/operator.h"

namespace sz::ops {

struct LrnAttributes {
  std::uint32_t size = 1;                          // 1 to 65535
  float alpha = 1e-4f, beta = 0.75f, bias = 1.0f;  // finite
};

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_lrn(const Step& step);

// Scratch of one worker: the squares of a row, with zeroes on both sides.
std::uint64_t lrn_scratch(const Step& step);
std::uint64_t lrn_cost(const Step& step);
Status run_lrn(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Pointers are borrowed from the step.
struct Lrn {
  const float* x = nullptr;
  float* y = nullptr;
  std::size_t x_pitch = 0, y_pitch = 0;
  std::size_t rows = 0, inner = 0;
  LrnAttributes attributes;

  // Channels of the window before c, and after it.
  std::size_t before() const { return (attributes.size - 1) / 2; }
  std::size_t after() const { return attributes.size / 2; }
  float factor() const { return attributes.alpha / static_cast<float>(attributes.size); }
};

// s to the power of beta.
inline float lrn_power(float s, float beta) {
  if (beta == 0.75f) return math::sqrt(s) * math::sqrt(math::sqrt(s));
  if (beta == 0.5f) return math::sqrt(s);
  if (beta == 1.0f) return s;
  return math::pow(s, beta);
}

void lrn_reference(const Lrn& lrn);
void lrn_vector(const Lrn& lrn, const RunContext& context);

}  // namespace sz::ops
