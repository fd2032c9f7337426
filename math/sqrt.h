// The square root of one float, rounded to nearest, by the processor's instruction.
// (__builtin_sqrtf may call libm for negative numbers.)
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace sz::math {

// NaN below 0; -0 of -0.
inline float sqrt(float x) {
#if defined(__x86_64__)
  return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
#elif defined(__aarch64__)
  return vget_lane_f32(vsqrt_f32(vdup_n_f32(x)), 0);
#endif
}

}  // namespace sz::math
