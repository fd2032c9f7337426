// The remainder of a division of floats, freestanding and exact.
#pragma once

#include <bit>
#include <cstdint>

namespace sz::math {

// a - b * trunc(a / b), with the sign of a. NaN if a is infinite or b is 0; a if b is infinite.
inline float fmod(float a, float b) {
  constexpr std::uint32_t kSign = 0x80000000u;
  constexpr std::uint32_t kInfinity = 0x7f800000u;
  const auto a_bits = std::bit_cast<std::uint32_t>(a);
  const std::uint32_t size = a_bits & ~kSign;
  const std::uint32_t divisor = std::bit_cast<std::uint32_t>(b) & ~kSign;
  if (size >= kInfinity || divisor > kInfinity || divisor == 0) return __builtin_nanf("");
  if (divisor == kInfinity) return a;
  // Both as m * 2^e with an integer m; e counts from that of the denormal numbers.
  const auto split = [](std::uint32_t bits, std::uint64_t* m) {
    const std::uint32_t e = bits >> 23;
    *m = e == 0 ? bits : (bits & 0x7fffffu) | 0x800000u;
    return static_cast<std::int32_t>(e == 0 ? 0 : e - 1);
  };
  std::uint64_t m = 0, n = 0;
  std::int32_t e = split(size, &m);
  const std::int32_t f = split(divisor, &n);
  if (e < f) return a;  // then n has all its 24 bits, and a is below b
  while (e > f) {
    const std::int32_t step = e - f < 40 ? e - f : 40;
    m = (m << step) % n;
    e -= step;
  }
  m %= n;
  // Below 2^24, in units of the divisor's last place: a float.
  auto rest = static_cast<std::uint32_t>(m);
  if (rest == 0) return std::bit_cast<float>(a_bits & kSign);
  std::int32_t exponent = f + 1;
  while (rest < 0x800000u && exponent > 1) {
    rest <<= 1;
    --exponent;
  }
  const std::uint32_t bits =
      rest < 0x800000u ? rest : (static_cast<std::uint32_t>(exponent) << 23 | (rest & 0x7fffffu));
  return std::bit_cast<float>(bits | (a_bits & kSign));
}

}  // namespace sz::math
