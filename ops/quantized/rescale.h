// The arithmetic of quantised values as scalar code: what every kernel computes, to the bit. The
// vector kernels have the same rules in ops/quantized/rescale_inl.h.
#pragma once

#include <bit>
#include <cstdint>

#include "ops/quantized/attributes.h"

namespace sz::ops {

// Sums wrap around, as vectors do. On a plan of ours they never get there.
inline std::int32_t wrapping_add(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}
inline std::int32_t wrapping_sub(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) - static_cast<std::uint32_t>(b));
}
inline std::int32_t wrapping_mul(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) * static_cast<std::uint32_t>(b));
}
inline std::int32_t wrapping_shift_left(std::int32_t a, std::int32_t by) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) << by);
}

// a * b / 2^31 to the nearest integer, ties upwards. Not for a = b = -2^31.
inline std::int32_t doubling_high_multiply(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>((std::int64_t{a} * b + (std::int64_t{1} << 30)) >> 31);
}

// x / 2^by to the nearest integer, ties away from zero; by >= 0 (from 32 on: 0).
inline std::int32_t rounding_shift_right(std::int32_t x, std::int32_t by) {
  if (by > 31) return 0;
  const std::int64_t half = (std::int64_t{1} << by) >> 1;
  const std::int64_t magnitude = x < 0 ? -std::int64_t{x} : std::int64_t{x};
  const std::int64_t rounded = (magnitude + half) >> by;
  return static_cast<std::int32_t>(x < 0 ? -rounded : rounded);
}

inline std::int32_t clamp_int(std::int32_t value, std::int32_t low, std::int32_t high) {
  if (value < low) value = low;
  return value > high ? high : value;
}

// Shifts stand in packed parameters, which no check reads: kernels bring them into range.
inline std::int32_t valid_shift(std::int32_t shift) { return clamp_int(shift, -31, 30); }

// x * multiplier * 2^(shift - 31), rounded twice: after the multiplication and after the shift to
// the right. A shift to the left comes before both. shift in [-31, 30].
inline std::int32_t multiply_fixed(std::int32_t x, std::int32_t multiplier, std::int32_t shift) {
  if (shift > 0) return doubling_high_multiply(wrapping_shift_left(x, shift), multiplier);
  return rounding_shift_right(doubling_high_multiply(x, multiplier), -shift);
}

// To the nearest integer, ties to even. |value| <= 2^22: adding 1.5 * 2^23 leaves no fraction bits.
inline std::int32_t round_half_even(float value) {
  const float shifted = value + 0x1.8p+23f;
  return static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(shifted)) -
         std::bit_cast<std::int32_t>(0x1.8p+23f);
}

// NaN becomes `low`.
inline float clamp_float(float value, float low, float high) {
  if (!(value > low)) value = low;
  return value < high ? value : high;
}

// The end of an operator: adds the zero point, keeps to the bounds.
inline std::int32_t finish_fixed(std::int32_t rescaled, const QuantOutput& y) {
  return y.zero + clamp_int(rescaled, y.low - y.zero, y.high - y.zero);
}
inline std::int32_t finish_float(float rescaled, const QuantOutput& y) {
  const float low = static_cast<float>(y.low - y.zero);
  const float high = static_cast<float>(y.high - y.zero);
  return y.zero + round_half_even(clamp_float(rescaled, low, high));
}

// What a sum becomes by a float before it is bounded: rounded once. `rest` is what rounding the
// bias to an integer took off, of y's step.
inline float rescale_float(std::int32_t sum, float scale, float rest) {
  return __builtin_fmaf(static_cast<float>(sum), scale, rest);
}

// A sum to a quantised value.
inline std::int32_t rescale(std::int32_t sum, const QuantFactor& factor, const QuantOutput& y) {
  if (factor.mode == Rescaling::kFloat) {
    return finish_float(static_cast<float>(sum) * factor.scale, y);
  }
  return finish_fixed(multiply_fixed(sum, factor.multiplier, factor.shift), y);
}

// x / scale to a quantised value, the nearest of [y.low, y.high]; NaN gives zero.
inline std::int32_t quantize(float x, float scale, const QuantOutput& y) {
  const float value = x / scale;
  return finish_float(value == value ? value : 0.0f, y);
}

inline float dequantize(std::int32_t x, float scale, std::int32_t zero) {
  return static_cast<float>(wrapping_sub(x, zero)) * scale;
}

}  // namespace sz::ops
