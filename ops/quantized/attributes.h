// Attributes of the quantised operators: plain structs of 32-bit words, exactly as they stand in
// the plan's attribute table (see ops/attributes.h). A quantised value q of scale s and zero point
// z stands for (q - z) * s. What the compiler knows of scales arrives here as integers or floats.
#pragma once

#include <cstdint>

#include "ops/attributes.h"

namespace sz::ops {

// How an i32 sum becomes a quantised value; ops/quantized/rescale.h has the arithmetic.
enum class Rescaling : std::uint32_t {
  kFixedPoint = 0,  // by a Q0.31 multiplier and a shift, rounded twice (as TFLite does)
  kFloat = 1,       // by a float, rounded to nearest even
  kNone = 2,        // not at all: the output is i32
};

// A factor. kFixedPoint: multiplier * 2^(shift - 31), shift in [-31, 30], multiplier above -2^31;
// `scale` is 1. kFloat: `scale`, positive and finite; multiplier and shift are 0.
// kNone: 0, 0, 1.
struct QuantFactor {
  Rescaling mode = Rescaling::kFixedPoint;
  std::int32_t multiplier = 0;
  std::int32_t shift = 0;
  float scale = 1.0f;
};

// y = min(max(zero + rescaled sum, low), high). zero, low <= high: values of y's type. A fused
// Relu is a `low` of `zero`, and so on. Of an i32 output: 0, 0, 0.
struct QuantOutput {
  std::int32_t zero = 0;
  std::int32_t low = -128;
  std::int32_t high = 127;
};

// Quantize: x f32 -> y i8 or u8, saturate(round_half_even(x / scale) + zero); NaN gives zero.
// Dequantize: x i8, u8 or i32 -> y f32, float(x - zero) * scale.
// Inputs: x, or x, scales f32 [C], zeroes i32 [C], one for each innermost element (then `scale` is
// 1 and `zero` 0). A scale is positive and finite; zero is a value of the quantised type (i32:
// any).
struct QuantizeAttributes {
  float scale = 1.0f;
  std::int32_t zero = 0;
};

// Requantize: x i8 or u8 -> y i8 or u8, of the sum x - x_zero.
struct RequantizeAttributes {
  QuantFactor factor;
  std::int32_t x_zero = 0;
  QuantOutput y;
};

// Lookup: x, table u8 or i8 [256] (of y's type) -> y[i] = table[byte x[i]]: the index is x's bit
// pattern, so i8 -1 takes entry 255. No attributes.

// QConv2d. Inputs: x i8 [N,H,W,C], packed parameters i8 (ops/quantized/pack.h: the factors are
// there, one for each output channel); output y [N,OH,OW,M], i8, or i32 with mode kNone.
// Padding is worth x_zero. `weight_zero` as it was packed.
struct QConv2dAttributes {
  Window2d window;
  std::uint32_t groups = 1;
  Rescaling mode = Rescaling::kFixedPoint;
  std::int32_t x_zero = 0;
  std::int32_t weight_zero = 0;
  QuantOutput y;
};

// QFullyConnected. Inputs: x i8 [..., K], packed parameters; output y i8 or i32 [..., M]. The zero
// point of x is in the packed parameters.
struct QFullyConnectedAttributes {
  Rescaling mode = Rescaling::kFixedPoint;
  std::int32_t weight_zero = 0;
  QuantOutput y;
};

// QBinary: a, b i8 -> y i8, kind kAdd, kSub or kMul, with NumPy broadcasting. `mode` is that of all
// three factors; kNone is refused. With da = a - a_zero, db = b - b_zero:
// kFixedPoint, Add and Sub: y_factor * (a_factor * (da << left_shift) +- b_factor * (db <<
// left_shift)),
//   each product rounded; left_shift in [0, 22] (TFLite: 20).
// kFixedPoint, Mul: y_factor * (da * db); a_factor and b_factor are {kFixedPoint, 0, 0, 1},
//   left_shift is 0.
// kFloat: (da * a_scale +- or * db * b_scale) / y_scale, each operation rounded to f32, then to an
//   integer (half to even): what Dequantize, Binary, Quantize would give. left_shift is 0.
struct QBinaryAttributes {
  BinaryKind kind = BinaryKind::kAdd;
  std::int32_t a_zero = 0;
  std::int32_t b_zero = 0;
  std::int32_t left_shift = 0;
  QuantFactor a, b;
  QuantFactor y_factor;
  QuantOutput y;
};

// QPool2d: average pooling, x i8 [N,H,W,C] -> y i8 [N,OH,OW,C]; shapes as for Pool2d. (A maximum is
// Pool2d's, which takes i8 and u8.) With S = sum of x - x_zero over the taps inside the input:
// kFixedPoint: S / count, rounded half away from zero (TFLite: same scale in and out, and x_zero
//   and y.zero 0 whatever the zero point is, as it cancels). count_include_pad is 0, scale 1.
// kFloat: round_half_even(float(S) * (scale / float(count))).
struct QPool2dAttributes {
  Window2d window;
  Rescaling mode = Rescaling::kFixedPoint;
  std::uint32_t count_include_pad = 0;
  float scale = 1.0f;
  std::int32_t x_zero = 0;
  QuantOutput y;
};

// QGlobalAveragePool: x i8 [N,H,W,C] -> y i8 [N,1,1,C]: the sum of x - x_zero over the image,
// rescaled by `factor`, in which the compiler has put 1 / (H * W). H * W <= 2^22.
struct QGlobalAveragePoolAttributes {
  QuantFactor factor;
  std::int32_t x_zero = 0;
  QuantOutput y;
};

// QSoftmax over the innermost dimension, as TFLite does: x i8, table -> y i8 with scale 1/256 and
// zero point -128. At most kMaxQSoftmax elements in a row. Entry d of the table (of 256) belongs to
// an element that is d below the row's maximum.
//  kFixedPoint: table i32, exp(-d * beta * scale) in Q0.31 by the fixed-point formula; 0 where
//   the formula is cut off. (The reference kernels of TFLite and TFLite Micro.)
//  kFloat: table f32, exp(-d * beta * scale) in float. y = floor(e / (sum * (1/256)) + 0.5) - 128,
//   saturated, with a float sum in the order of the elements. (TFLite's optimised kernel.)
struct QSoftmaxAttributes {
  Rescaling mode = Rescaling::kFixedPoint;
};

// QMatMul: a i8 [..., M, K], b i8 [..., K, N] -> y i8 or i32 [..., M, N]: the sum over k of
// (a - a_zero) * (b - b_zero), rescaled. Leading dimensions broadcast as in NumPy.
// transpose_b 1: b is [..., N, K]. Optional inputs 2 and 3: zero points of a and b, one element of
// type i8 each, that replace the attributes' (which are then 0).
struct QMatMulAttributes {
  QuantFactor factor;
  std::int32_t a_zero = 0;
  std::int32_t b_zero = 0;
  std::uint32_t transpose_b = 0;
  QuantOutput y;
};

// DynamicQuantize: x f32 -> y u8 or i8, scale f32 (one element), zero (one element of y's type).
// As ONNX DynamicQuantizeLinear: the range from min(0, least x) to max(0, greatest x) in 255 steps.
// An i8 output is the u8 one with 128 subtracted, zero point included. A range of nothing gives
// scale 1. No attributes.

inline constexpr std::uint32_t kMaxQSoftmax = 4095;

}  // namespace sz::ops
