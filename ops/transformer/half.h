// Half-precision numbers (IEEE binary16) as bits, one at a time; the vector kernels use the
// machine's own conversions, which give the same bits.
#pragma once

#include <bit>
#include <cstdint>

namespace sz::ops {

inline constexpr std::uint16_t kCanonicalHalfNan = 0x7e00;

// Exact. A NaN stays one.
inline float float_of_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t size = half & 0x7fffu;
  if (size >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (size & 0x3ffu) << 13);
  if (size < 0x400u) {  // denormal
    const float value = static_cast<float>(size) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(value));
  }
  return std::bit_cast<float>(sign | ((size << 13) + (112u << 23)));
}

// Rounded to nearest, ties to even; infinity from 65520 on; the canonical NaN for any NaN.
inline std::uint16_t half_of_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  const std::uint32_t size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) return kCanonicalHalfNan;
  if (size >= 0x47800000u) return static_cast<std::uint16_t>(sign | 0x7c00u);
  if (size < 0x38800000u) {
    // Denormal: beside 1/2, a float has steps of 2^-24.
    const float shifted = std::bit_cast<float>(size) + 0.5f;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u));
  }
  const std::uint32_t rounded = size - (112u << 23) + 0xfffu + (size >> 13 & 1u);
  return static_cast<std::uint16_t>(sign | rounded >> 13);
}

}  // namespace sz::ops
