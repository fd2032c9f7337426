// The exponential function, freestanding, bit-identical in scalar and vector form.
#pragma once

#include <bit>
#include <cstdint>

namespace sz::math {

// Constants of exp; math/exp_inl.h uses them too.
struct ExpConstants {
  // Beyond these the result is 0 or +inf whatever x is.
  static constexpr float kLow = -104.0f;
  static constexpr float kHigh = 89.0f;
  static constexpr float kLog2E = 0x1.715476p+0f;
  // Adding this to a small float rounds it to an integer, which then stands in the low bits.
  static constexpr float kRounder = 0x1.8p+23f;
  // log(2) in two parts, the first short enough for exact products with small integers.
  static constexpr float kLn2High = 0x1.62e4p-1f;
  static constexpr float kLn2Low = 0x1.7f7d1cp-20f;
  // Taylor series of e^r, highest power first; |r| <= log(2) / 2 leaves a remainder of 6e-9.
  static constexpr float kSeries[] = {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24,
                                      1.0f / 6,    1.0f / 2,   1.0f,       1.0f};
};

// 2^n for n in [-126, 127].
inline float power_of_two(std::uint32_t n) { return std::bit_cast<float>((n + 127u) << 23); }

// e^x for every float: +inf from 88.72284 on, denormal below -87.33655, 0 below -103.9721; NaN
// for NaN (payload not specified). Error at most 1 ULP against the exact value (measured over all
// floats, see docs/numerics.md), also where the result is denormal.
inline float exp(float x) {
  using K = ExpConstants;
  if (x < K::kLow) x = K::kLow;
  if (x > K::kHigh) x = K::kHigh;
  const float shifted = __builtin_fmaf(x, K::kLog2E, K::kRounder);
  const float n = shifted - K::kRounder;
  float r = __builtin_fmaf(n, -K::kLn2High, x);
  r = __builtin_fmaf(n, -K::kLn2Low, r);
  float p = K::kSeries[0];
  for (int i = 1; i < 8; ++i) p = __builtin_fmaf(p, r, K::kSeries[i]);
  // Two factors, as 2^n may be outside the range of normal floats.
  const auto whole = static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(shifted) -
                                               std::bit_cast<std::uint32_t>(K::kRounder));
  const std::int32_t half = whole >> 1;
  const std::uint32_t rest = static_cast<std::uint32_t>(whole) - static_cast<std::uint32_t>(half);
  return p * power_of_two(static_cast<std::uint32_t>(half)) * power_of_two(rest);
}

// e^x for x <= 0 as exp() has it, but 0 below -87 (where exp() goes on, from 1.7e-38 down): for
// weights beside one of 1. Cheaper. NaN for NaN; nothing sensible above 0.
inline constexpr float kLeastWeight = -87.0f;
inline float exp_weight(float x) {
  using K = ExpConstants;
  const float shifted = __builtin_fmaf(x, K::kLog2E, K::kRounder);
  const float n = shifted - K::kRounder;
  float r = __builtin_fmaf(n, -K::kLn2High, x);
  r = __builtin_fmaf(n, -K::kLn2Low, r);
  float p = K::kSeries[0];
  for (int i = 1; i < 8; ++i) p = __builtin_fmaf(p, r, K::kSeries[i]);
  const std::uint32_t whole =
      std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(K::kRounder);
  return x < kLeastWeight ? 0.0f : p * power_of_two(whole);
}

}  // namespace sz::math
