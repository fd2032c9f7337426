// The exponential function of what is not positive, without fused multiply-add and branches: also
// machines that have none take few steps, and compilers make vectors of loops over it.
#pragma once

#include <bit>
#include <cstdint>

#include "math/exp.h"

namespace sz::math {

// e^-|x|; 0 where |x| is above 87, and for NaN. Error at most 2 ULP (measured over every float of
// the range). Same bits on every machine.
inline float exp_unfused(float x) {
  using K = ExpConstants;
  constexpr auto kMost = std::bit_cast<std::int32_t>(87.0f);
  // Sizes of floats are in the order of their bits. NaN is above all.
  const std::int32_t size = std::bit_cast<std::int32_t>(x) & 0x7fffffff;
  const std::int32_t clamped = size < kMost ? size : kMost;
  const std::uint32_t kept = size <= kMost ? 0xffffffffu : 0u;
  const float minus = -std::bit_cast<float>(clamped);
  const float shifted = minus * K::kLog2E + K::kRounder;
  const float n = shifted - K::kRounder;
  // n * kLn2High is exact: it has 15 bits, and n at most 7.
  const float r = (minus - n * K::kLn2High) - n * K::kLn2Low;
  float p = K::kSeries[0];
  for (int i = 1; i < 8; ++i) p = p * r + K::kSeries[i];
  const std::uint32_t whole =
      std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(K::kRounder);
  const float y = p * power_of_two(whole);
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(y) & kept);
}

}  // namespace sz::math
