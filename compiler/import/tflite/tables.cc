#include "compiler/import/tflite/tables.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/plan/rescaling.h"
#include "ops/quantized/rescale.h"

namespace sz::compiler::tflite {
namespace {

constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
constexpr int kInputBits = 4;  // of logistic and tanh: x lies in (-16, 16)

std::int32_t saturated(std::int64_t value) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, -std::int64_t{kMost} - 1, kMost));
}

std::int32_t times(std::int32_t a, std::int32_t b) { return ops::doubling_high_multiply(a, b); }

// 2 / (1 + x) with two bits before the point, for x in [0, 1] in Q0.31: three of Newton's steps from
// 48/17 - 32/17 * d, where d = (1 + x) / 2.
std::int32_t twice_reciprocal(std::int32_t x) {
  constexpr std::int32_t k48Over17 = 1515870810;
  constexpr std::int32_t k32Over17 = 1010580540;
  constexpr std::int32_t kOne = 1 << 29;
  const auto half = static_cast<std::int32_t>((std::int64_t{x} + kMost + 1) / 2);
  std::int32_t y = k48Over17 + times(half, -k32Over17);
  for (int i = 0; i < 3; ++i) {
    const std::int32_t error = kOne - times(half, y);
    y += saturated(std::int64_t{times(y, error)} * 4);
  }
  return y;
}

// The argument of logistic and tanh with kInputBits bits before the point, and how far from zero
// it may be.
struct Argument {
  FixedPoint factor;
  std::int32_t radius = 0;
};
Argument argument_of(float scale) {
  const FixedPoint factor =
      fixed_point(std::ldexp(static_cast<double>(scale), 31 - kInputBits));
  const double most = std::ldexp(15.0, 31 - kInputBits - factor.shift);
  return {factor, static_cast<std::int32_t>(std::min(std::floor(most), 1e6))};
}
std::int32_t scaled(const FixedPoint& factor, std::int32_t x) {
  return ops::multiply_fixed(x, factor.multiplier, factor.shift);
}

std::int32_t logistic(std::int32_t x) {
  if (x == 0) return 1 << 30;
  const std::int32_t power = fixed_point_exponential(x > 0 ? -x : x, kInputBits);
  const std::int32_t positive = saturated(std::int64_t{twice_reciprocal(power)} * 2);
  return x > 0 ? positive : kMost - positive;
}

std::int32_t hyperbolic_tangent(std::int32_t x) {
  if (x == 0) return 0;
  // exp(-2 |x|): the same bits with one more before the point.
  const std::int32_t power = fixed_point_exponential(x > 0 ? -x : x, kInputBits + 1);
  const std::int32_t one = 1 << 29;
  const std::int32_t positive = saturated((std::int64_t{twice_reciprocal(power)} - one) * 4);
  return x > 0 ? positive : -positive;
}

// The same in 16 bits. A multiplier is one of 32 bits with the lower half rounded off.
constexpr std::int32_t kMost16 = 32767;

std::int32_t saturated16(std::int64_t value) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, -kMost16 - 1, kMost16));
}
std::int32_t multiplier16(const FixedPoint& factor) {
  constexpr std::int32_t kHalf = 1 << 15;
  return factor.multiplier >= kMost - kHalf ? kMost16 : (factor.multiplier + kHalf) >> 16;
}
// a * b / 2^15, rounded to the nearest, and cut off behind the point.
std::int32_t times16(std::int32_t a, std::int32_t b) {
  return saturated16((std::int64_t{a} * b + (1 << 14)) >> 15);
}
std::int32_t times16_cut(std::int32_t a, std::int32_t b) { return saturated16(a * b / (1 << 15)); }

// (x + 3) / 6 within [0, 1], in Q0.15; x in steps of 1/128 of the input's.
std::int32_t hard_sigmoid(std::int32_t x, const FixedPoint& factor) {
  std::int32_t value = x;
  if (factor.shift > 0) {
    value = saturated16(std::int64_t{value} << std::min(factor.shift - 1, 30));
  }
  value = times16(value, multiplier16(factor));
  if (factor.shift > 0) value = saturated16(std::int64_t{value} * 2);
  if (factor.shift < 0) value = ops::rounding_shift_right(value, -factor.shift);
  return (value + (1 << 15)) >> 1;
}

}  // namespace

Function logistic_of(float scale) {
  return [argument = argument_of(scale)](std::int32_t x) {
    if (x <= -argument.radius) return 0;
    if (x >= argument.radius) return 255;
    return ops::rounding_shift_right(logistic(scaled(argument.factor, x)), 23);
  };
}

Function tanh_of(float scale) {
  return [argument = argument_of(scale)](std::int32_t x) {
    if (x <= -argument.radius) return -128;
    if (x >= argument.radius) return 127;
    return ops::rounding_shift_right(hyperbolic_tangent(scaled(argument.factor, x)), 24);
  };
}

Function leaky_relu_of(float scale, float alpha, float output_scale) {
  const FixedPoint above = fixed_point(static_cast<double>(scale / output_scale));
  const FixedPoint below = fixed_point(static_cast<double>(scale * alpha / output_scale));
  return [=](std::int32_t x) { return scaled(x >= 0 ? above : below, x); };
}

HardSwish hard_swish_of(float scale, float output_scale) {
  const float fine = scale * (1.0f / 128.0f);
  const FixedPoint to_output = fixed_point(static_cast<double>(fine / output_scale));
  const FixedPoint to_sigmoid = fixed_point(static_cast<double>(fine / (3.0f / 32768.0f)));
  return {to_output.shift <= 0, [=](std::int32_t x) {
            const std::int32_t shifted = saturated16(x * 128);
            const std::int32_t value = times16(shifted, multiplier16(to_output));
            const std::int32_t product = times16_cut(hard_sigmoid(shifted, to_sigmoid), value);
            return ops::rounding_shift_right(product, -to_output.shift);
          }};
}

}  // namespace sz::compiler::tflite
