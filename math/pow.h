// x^y, freestanding.
#pragma once

#include <bit>
#include <cstdint>

namespace sz::math {

// Whether a float is an integer, and an odd one. Floats from 2^24 on are even integers.
struct Parity {
  bool integer, odd;
};
inline Parity parity(float y) {
  if (!(y < 0x1p+24f && y > -0x1p+24f)) return {y == y, false};
  const auto whole = static_cast<std::int32_t>(y);
  const bool integer = static_cast<float>(whole) == y;
  return {integer, integer && (whole & 1) != 0};
}

// log2 of a positive finite float, to 2^-44: x = 2^e * m, log(m) = 2 artanh((m - 1) / (m + 1)).
inline double log2_in_double(float x) {
  std::int32_t e = 0;
  if (x < 0x1p-126f) {
    x *= 0x1p+23f;
    e = -23;
  }
  const auto bits = std::bit_cast<std::uint32_t>(x);
  constexpr std::uint32_t kSqrtHalfBits = 0x3f3504f3u;
  const std::int32_t whole = static_cast<std::int32_t>(bits - kSqrtHalfBits) >> 23;
  e += whole;
  const double m = std::bit_cast<float>(bits - (static_cast<std::uint32_t>(whole) << 23));
  const double s = (m - 1.0) / (m + 1.0);  // |s| <= 0.172
  const double z = s * s;
  double p = 1.0 / 17;
  for (int k = 15; k >= 1; k -= 2) p = p * z + 1.0 / k;
  return e + s * p * (2 * 0x1.71547652b82fep+0);
}

// 2^t for t in [-200, 200], to 2^-44.
inline double exp2_in_double(double t) {
  constexpr double kRounder = 0x1.8p+52;
  const double shifted = t + kRounder;
  const double r = (t - (shifted - kRounder)) * 0x1.62e42fefa39efp-1;
  static constexpr double kSeries[] = {1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
                                       1.0 / 5040,     1.0 / 720,     1.0 / 120,    1.0 / 24,
                                       1.0 / 6,        1.0 / 2,       1.0,          1.0};
  double p = kSeries[0];
  for (int i = 1; i < 12; ++i) p = p * r + kSeries[i];
  const std::uint64_t n =
      std::bit_cast<std::uint64_t>(shifted) - std::bit_cast<std::uint64_t>(kRounder);
  return p * std::bit_cast<double>((n + 1023u) << 52);
}

// x^y with the special cases of C's pow. Computed in double, without fma, and rounded once: at
// most 0.501 ULP from the exact value.
inline float pow(float x, float y) {
  constexpr float kInf = __builtin_inff();
  if (y == 0.0f || x == 1.0f) return 1.0f;
  if (x != x || y != y) return __builtin_nanf("");
  const Parity exponent = parity(y);
  const float size = x < 0.0f ? -x : x;
  const bool negative = std::bit_cast<std::uint32_t>(x) >> 31 != 0 && exponent.odd;
  if (size == 0.0f || size == kInf) {
    const float result = (size == 0.0f) == (y < 0.0f) ? kInf : 0.0f;
    return negative ? -result : result;
  }
  if (size == 1.0f && exponent.integer) return negative ? -1.0f : 1.0f;  // y may be infinite
  if (x < 0.0f && !exponent.integer) return __builtin_nanf("");
  double t = log2_in_double(size) * static_cast<double>(y);
  if (t < -200.0) t = -200.0;  // beyond the range of floats on either side
  if (t > 200.0) t = 200.0;
  const auto result = static_cast<float>(exp2_in_double(t));
  return negative ? -result : result;
}

}  // namespace sz::math
