#include "compiler/plan/rescaling.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sz::compiler {
namespace {

constexpr double kTwo31 = 2147483648.0;
constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
constexpr int kIntegerBits = 5;  // of the exponent: [-32, 0)
constexpr int kFractionBits = 31 - kIntegerBits;

// a * b * 2^-31, rounded to nearest, half away from zero. Not both are -2^31.
std::int32_t multiply(std::int32_t a, std::int32_t b) {
  const std::int64_t product = std::int64_t{a} * b;
  const std::int64_t half = std::int64_t{1} << 30;
  return static_cast<std::int32_t>((product + (product >= 0 ? half : 1 - half)) /
                                   (std::int64_t{1} << 31));
}

// a / 2^bits, rounded to nearest, half away from zero.
std::int32_t divide(std::int32_t a, int bits) {
  const std::int32_t mask = (1 << bits) - 1;
  const std::int32_t half = (mask >> 1) + (a < 0 ? 1 : 0);
  return (a >> bits) + ((a & mask) > half ? 1 : 0);
}

// exp(a) for a in [-1/4, 0), both Q0.31: a polynomial of degree 4 around -1/8.
std::int32_t exponential_of_small(std::int32_t a) {
  const auto at_centre = static_cast<std::int32_t>(std::llround(std::exp(-0.125) * kTwo31));
  const auto third = static_cast<std::int32_t>(std::llround(kTwo31 / 3));
  const std::int32_t x = a + (1 << 28);
  const std::int32_t x2 = multiply(x, x);
  const std::int32_t x3 = multiply(x2, x);
  const std::int32_t x4 = multiply(x2, x2);
  const std::int32_t tail = divide(multiply(divide(x4, 2) + x3, third) + x2, 1);
  return at_centre + multiply(at_centre, x + tail);
}

}  // namespace

std::int32_t fixed_point_exponential(std::int32_t a, int integer_bits) {
  if (a == 0) return kMost;
  const int fraction_bits = 31 - integer_bits;
  const std::int32_t quarter = 1 << (fraction_bits - 2);
  const std::int32_t small = (a & (quarter - 1)) - quarter;
  std::int32_t result = exponential_of_small(small * (1 << integer_bits));
  const std::int32_t rest = small - a;  // a multiple of 1/4: exp by its bits
  for (int exponent = -2; exponent < integer_bits; ++exponent) {
    if ((rest & (1 << (fraction_bits + exponent))) == 0) continue;
    const double power = std::exp(-std::ldexp(1.0, exponent));
    result = multiply(result, static_cast<std::int32_t>(std::llround(power * kTwo31)));
  }
  return result;
}

FixedPoint fixed_point(double factor) {
  if (!(factor > 0)) return {};
  int exponent = 0;
  auto fraction = std::llround(std::frexp(factor, &exponent) * kTwo31);
  if (fraction == (1LL << 31)) {
    fraction /= 2;
    ++exponent;
  }
  if (exponent < -31) return {};
  if (exponent > 30) return {kMost, 30};
  return {static_cast<std::int32_t>(fraction), exponent};
}

ops::QuantFactor quant_factor(Rescale mode, double factor) {
  if (mode == Rescale::kFloat) {
    return {ops::Rescaling::kFloat, 0, 0, static_cast<float>(factor)};
  }
  const FixedPoint fixed = fixed_point(factor);
  return {ops::Rescaling::kFixedPoint, fixed.multiplier, fixed.shift, 1.0f};
}

std::vector<std::int32_t> fixed_point_exponentials(double beta, double scale) {
  const double real = std::min(beta * scale * std::ldexp(1.0, kFractionBits), kTwo31 - 1);
  const FixedPoint factor = fixed_point(real);
  // Differences beyond this would leave the range of the exponent.
  const double room = std::ldexp(1.0, kIntegerBits) - 1;
  const double radius = std::floor(std::ldexp(room, kFractionBits - factor.shift));
  std::vector<std::int32_t> table(256, 0);
  for (std::int32_t d = 0; d < 256; ++d) {
    if (static_cast<double>(d) > radius) break;
    const std::int64_t shifted = -(std::int64_t{d} << std::max(factor.shift, 0));
    const auto clipped = std::max<std::int64_t>(shifted, std::numeric_limits<std::int32_t>::min());
    std::int32_t scaled = multiply(static_cast<std::int32_t>(clipped), factor.multiplier);
    if (factor.shift < 0) scaled = divide(scaled, std::min(-factor.shift, 30));
    table[static_cast<std::size_t>(d)] = fixed_point_exponential(scaled, kIntegerBits);
  }
  return table;
}

}  // namespace sz::compiler
