// The fixed-point arithmetic of gemmlowp written from its definition, independent of
// ops/quantized/rescale.h (host only).
#pragma once

#include <cstdint>

namespace sz::ops::testing::oracle {

// The definition: 2 * a * b / 2^32, to nearest. A nudge of 2^30 (1 - 2^30 for a negative product),
// then a division by 2^31 that cuts towards zero; the one product that does not fit saturates.
inline std::int32_t high_multiply(std::int32_t a, std::int32_t b) {
  if (a == b && a == INT32_MIN) return INT32_MAX;
  const __int128 product = static_cast<__int128>(a) * b;
  const __int128 nudge = product >= 0 ? (__int128{1} << 30) : 1 - (__int128{1} << 30);
  return static_cast<std::int32_t>((product + nudge) / (__int128{1} << 31));
}

// The definition: the quotient rounded down, and one more if the remainder is above half (from half
// on for positive x).
inline std::int32_t shift_right(std::int32_t x, std::int32_t by) {
  const __int128 divisor = __int128{1} << by;
  __int128 quotient = x / divisor;
  __int128 remainder = x % divisor;
  if (remainder < 0) {
    remainder += divisor;
    --quotient;
  }
  const __int128 threshold = (divisor - 1) / 2 + (x < 0 ? 1 : 0);
  return static_cast<std::int32_t>(quotient + (remainder > threshold ? 1 : 0));
}

// x * multiplier * 2^(shift - 31). A shift to the left keeps the low 32 bits.
inline std::int32_t multiply(std::int32_t x, std::int32_t multiplier, std::int32_t shift) {
  const std::int64_t shifted = shift > 0 ? std::int64_t{x} * (std::int64_t{1} << shift) : x;
  const auto wrapped = static_cast<std::int32_t>(static_cast<std::uint64_t>(shifted));
  return shift_right(high_multiply(wrapped, multiplier), shift > 0 ? 0 : -shift);
}

}  // namespace sz::ops::testing::oracle
