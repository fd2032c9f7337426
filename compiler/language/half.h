// Numbers of 16 bits, on the host.
#pragma once

#include <bit>
#include <cstdint>

namespace sz::compiler {

// IEEE binary16 to f32; exact.
constexpr float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16;
  const std::uint32_t exponent = (half >> 10) & 31u;
  const std::uint32_t fraction = half & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (fraction << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float tiny = static_cast<float>(fraction) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(tiny));
}

// f32 to IEEE binary16, rounded to nearest even; what is too large becomes infinite.
constexpr std::uint16_t float_to_half(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u);
  if (size >= 0x47800000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // 2^16 and more
  std::uint32_t half = 0, rest = 0, middle = 0;
  if (size >= 0x38800000u) {  // 2^-14 and more: normal
    half = (size - 0x38000000u) >> 13;
    rest = size & 0x1fffu;
    middle = 0x1000u;
  } else if (size >= 0x33000000u) {  // 2^-25 and more
    const std::uint32_t shift = 126 - (size >> 23);
    const std::uint32_t whole = (size & 0x7fffffu) | 0x800000u;
    half = whole >> shift;
    rest = whole & ((1u << shift) - 1);
    middle = 1u << (shift - 1);
  }
  if (rest > middle || (rest == middle && middle != 0 && (half & 1u) != 0)) ++half;
  return static_cast<std::uint16_t>(sign | half);
}

// bfloat16 to f32; exact.
constexpr float bfloat_to_float(std::uint16_t value) {
  return std::bit_cast<float>(std::uint32_t{value} << 16);
}

}  // namespace sz::compiler
