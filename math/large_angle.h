// Angles that are too large to be reduced with a pi/2 of three floats.
#pragma once

#include <bit>
#include <cstdint>

namespace sz::math {

inline constexpr float kLargeAngle = 0x1p+17f;

inline bool is_large_angle(float x) {
  const float size = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0x7fffffffu);
  return size > kLargeAngle && size < __builtin_inff();
}

// x = n * pi/2 + r with |r| <= pi/4, of a finite x with |x| > kLargeAngle. Returns n modulo 4. x
// is m * 2^e with an integer m below 2^24; bits of 2/pi that give multiples of 4 do not matter, so
// 96 bits from the right place on suffice, of whose product 64 are kept.
inline std::int32_t reduce_large_angle(float x, float* r) {
  // 2/pi * 2^-32 after the point, 32 bits a word.
  static constexpr std::uint32_t kTwoOverPi[] = {0,          0xa2f9836e, 0x4e441529, 0xfc2757d1,
                                                 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab};
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint64_t m = (bits & 0x7fffffu) | 0x800000u;
  // x * 2/pi = m * 2^(e + 32) * 0.table, where e + 150 is the exponent of x. What m times the first
  // e + 30 bits (24 to 134) gives are multiples of 4.
  const std::uint32_t skip = (bits >> 23 & 0xffu) - 150u + 30u;
  const std::uint32_t word = skip / 32, shift = skip % 32;
  const auto window = [&](std::uint32_t i) {
    const std::uint64_t pair = std::uint64_t{kTwoOverPi[word + i]} << 32 | kTwoOverPi[word + i + 1];
    return static_cast<std::uint32_t>(pair << shift >> 32);
  };
  // x * 2/pi in units of 2^-62, modulo 4.
  const std::uint64_t product = (m * window(0) << 32) + m * window(1) + (m * window(2) >> 32);
  const std::uint64_t half = std::uint64_t{1} << 61;
  const std::uint64_t quarters = (product + half) >> 62;  // nearest
  const auto rest = static_cast<std::int64_t>(product - (quarters << 62));
  double angle = static_cast<double>(rest) * (0x1.921fb54442d18p+0 * 0x1p-62);
  std::uint64_t n = quarters;
  if (bits >> 31 != 0) {
    angle = -angle;
    n = 0 - n;
  }
  *r = static_cast<float>(angle);
  return static_cast<std::int32_t>(n & 3);
}

}  // namespace sz::math
