// The square root of one float, rounded to nearest, by the processor's instruction:
// __builtin_sqrtf may call libm, for the error number of negative arguments.
#pragma once

namespace sz::math {

// NaN below 0; -0 of -0.
inline float sqrt(float x) {
  float root = 0;
#if defined(__x86_64__)
  asm("sqrtss %1, %0" : "=x"(root) : "x"(x));
#elif defined(__aarch64__)
  asm("fsqrt %s0, %s1" : "=w"(root) : "w"(x));
#else
#error "SmartZone's kernels are written for x86-64 and AArch64"
#endif
  return root;
}

}  // namespace sz::math
