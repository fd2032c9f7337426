// The exponential function of what is not positive, without fused multiply-add: also machines that
// have none take few steps, and compilers make vectors of loops over it.
#pragma once

#include <bit>
#include <cstdint>

#include "math/exp.h"

namespace sz::math {

// e^x for x <= 0; 0 below -87 and for NaN; e^0 = 1 for x > 0. Error at most 2 ULP (measured over
// every float of the range). Same bits on every machine.
inline float exp_unfused(float x) {
  using K = ExpConstants;
  const float low = x > -87.0f ? x : -87.0f;  // also for NaN
  const float r0 = low < 0.0f ? low : 0.0f;
  const float shifted = r0 * K::kLog2E + K::kRounder;
  const float n = shifted - K::kRounder;
  // n * kLn2High is exact: it has 15 bits, and n at most 7.
  const float r = (r0 - n * K::kLn2High) - n * K::kLn2Low;
  float p = K::kSeries[0];
  for (int i = 1; i < 8; ++i) p = p * r + K::kSeries[i];
  const std::uint32_t whole =
      std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(K::kRounder);
  const float y = p * power_of_two(whole);
  return x >= -87.0f ? y : 0.0f;
}

}  // namespace sz::math
