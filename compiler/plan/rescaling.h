// From scales as real numbers to the integers and floats that the quantised operators take.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/graph/graph.h"
#include "ops/quantized/attributes.h"

namespace sz::compiler {

// A positive factor as multiplier * 2^(shift - 31), the multiplier in [2^30, 2^31): the form, and
// the rounding, of TFLite's converters. A factor too small for any effect gives 0; one of 2^30 or
// more is cut off there.
struct FixedPoint {
  std::int32_t multiplier = 0;
  std::int32_t shift = 0;
};
FixedPoint fixed_point(double factor);

// The same as an operator takes it, in either mode.
ops::QuantFactor quant_factor(Rescale mode, double factor);

// exp(a) in Q0.31 by gemmlowp's fixed-point formula; a <= 0 has `integer_bits` (at most 5) bits
// before the point and the rest of 31 behind it.
std::int32_t fixed_point_exponential(std::int32_t a, int integer_bits);

// exp(-d * beta * scale) for d in [0, 256), in Q0.31, by the fixed-point formula of gemmlowp that
// TFLite's reference kernels have; 0 where those leave elements out.
std::vector<std::int32_t> fixed_point_exponentials(double beta, double scale);

}  // namespace sz::compiler
