// The rules of arithmetic that every kernel of an operator obeys, as scalar code. The vector
// kernels have the same rules in ops/vector_inl.h. docs/numerics.md explains them.
#pragma once

#include <bit>
#include <cstdint>

#include "ops/attributes.h"

namespace sz::ops {

// The one NaN that arithmetic operators write. Processors differ in the sign and payload of the
// NaNs that they produce and pass on; without this rule the results would differ too.
inline constexpr std::uint32_t kCanonicalNanBits = 0x7fc00000u;

// `value`, or the canonical NaN in place of any NaN.
inline float canonical(float value) {
  return value == value ? value : std::bit_cast<float>(kCanonicalNanBits);
}

// x * w + sum, rounded once.
inline float fused_multiply_add(float x, float w, float sum) { return __builtin_fmaf(x, w, sum); }

// The fused activation that ends an operator: NaN passes, as the canonical NaN. Written with
// comparisons because minimum and maximum instructions disagree about zeroes and NaN.
inline float finish(float value, const Clamp& clamp) {
  if (value < clamp.low) value = clamp.low;
  if (value > clamp.high) value = clamp.high;
  return canonical(value);
}

// Leaky Relu: NaN passes, as the canonical NaN; -0 is not below 0.
inline float leaky_relu(float value, float slope) {
  return canonical(value < 0.0f ? value * slope : value);
}

// The end of a convolution: leaky Relu unless the slope is 1, then the clamp.
inline float finish(float value, const Activation& activation) {
  if (activation.slope != 1.0f) value = leaky_relu(value, activation.slope);
  return finish(value, activation.clamp);
}

// The larger of two. A NaN on either side wins; of equal values (+0 and -0) the first stays.
inline float maximum(float first, float second) {
  return second > first || second != second ? second : first;
}

// The smaller of two, likewise.
inline float minimum(float first, float second) {
  return second < first || second != second ? second : first;
}

}  // namespace sz::ops
