// Attributes of the operators: plain structs of 32-bit words, exactly as they stand in the
// plan's attribute table. The compiler writes them, `check` reads and validates them.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "base/memory.h"

namespace sz::ops {

// A fused activation: y = min(max(x, low), high). Neither bound = (-inf, +inf); Relu = (0, +inf).
// NaN passes through unchanged.
struct Clamp {
  float low = -__builtin_inff();
  float high = __builtin_inff();
};

// What ends a convolution: if v < 0: v * slope (a slope of 1: nothing); then the clamp.
struct Activation {
  Clamp clamp;
  float slope = 1.0f;
};

struct Window2d {
  std::uint32_t kernel_h = 1, kernel_w = 1;
  std::uint32_t stride_h = 1, stride_w = 1;
  std::uint32_t dilation_h = 1, dilation_w = 1;
  std::uint32_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
};

// Conv2d. Inputs: x [N,H,W,C], packed weights (see ops/gemm/pack.h), optional residual of the shape
// of y; output y [N,OH,OW,M]. The slope of the activation is finite.
struct Conv2dAttributes {
  Window2d window;
  std::uint32_t groups = 1;
  Activation activation;
};

// ConvWinograd: 3 x 3, stride 1. Inputs: x [N,H,W,C], packed weights (see ops/winograd/pack.h),
// optional residual of the shape of y; output y [N,OH,OW,M]. The slope is finite.
struct WinogradAttributes {
  std::uint32_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  Activation activation;
};

// FullyConnected. Inputs: x [..., K], packed weights; output y [..., M].
struct FullyConnectedAttributes {
  Clamp clamp;
};

enum class PoolKind : std::uint32_t { kMax = 0, kAverage = 1 };

// Pool2d. Input x [N,H,W,C]; output y [N,OH,OW,C]. OH, OW come from the output tensor and must be
// the floor or ceil result; a window may reach over the padded edge (ceil mode) but must touch
// at least one element of x.
struct Pool2dAttributes {
  Window2d window;
  PoolKind kind = PoolKind::kMax;
  std::uint32_t count_include_pad = 0;  // average only: 1 = divide by the whole (padded) window
};

// Unary. The first word is the kind; what follows depends on it.
enum class UnaryKind : std::uint32_t {
  kClamp = 0,
  kLeakyRelu = 1,
  // Of ActivationAttributes from here on.
  kAbs = 2,
  kNeg = 3,
  kExp = 4,
  kLog = 5,
  kSqrt = 6,
  kReciprocal = 7,
  kSin = 8,
  kCos = 9,
  kTanh = 10,
  kSigmoid = 11,
  kErf = 12,
  kFloor = 13,
  kCeil = 14,
  kRound = 15,            // half to even
  kSign = 16,             // -1, 1, or x where it is a zero
  kSoftplus = 17,         // log(1 + e^x)
  kSoftsign = 18,         // x / (1 + |x|)
  kGelu = 19,             // x / 2 * (1 + erf(x / sqrt(2)))
  kGeluTanh = 20,         // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
  kElu = 21,              // x < 0: alpha * (e^x - 1); else beta * x
  kCelu = 22,             // x < 0: alpha * (e^(x / alpha) - 1); else x
  kHardSigmoid = 23,      // max(0, min(1, alpha * x + beta))
  kHardSwish = 24,        // x * max(0, min(1, alpha * x + beta))
  kSwish = 25,            // x * sigmoid(alpha * x)
  kMish = 26,             // x * tanh(log(1 + e^x))
  kThresholdedRelu = 27,  // x > alpha: x; else 0
  kShrink = 28,           // x < -alpha: x + beta; x > alpha: x - beta; else 0
};
inline constexpr auto kLastUnaryKind = UnaryKind::kShrink;

// Of kClamp.
struct UnaryAttributes {
  UnaryKind kind = UnaryKind::kClamp;
  Clamp clamp;
};

// Of kLeakyRelu: y = x, or x * slope where x < 0. The slope is finite.
struct LeakyReluAttributes {
  UnaryKind kind = UnaryKind::kLeakyRelu;
  float slope = 0.01f;
};

// Of all other kinds. Both are finite, and 0 where the kind has no use for them.
struct ActivationAttributes {
  UnaryKind kind = UnaryKind::kAbs;
  float alpha = 0, beta = 0;
};

enum class BinaryKind : std::uint32_t {
  kAdd = 0,
  kSub = 1,
  kMul = 2,
  kDiv = 3,  // integers: towards 0; 0 where b is 0
  kMin = 4,
  kMax = 5,    // a NaN on either side wins
  kPow = 6,    // integers: wraps around; 0 where b < 0, but for 1 and -1
  kMod = 7,    // integers only: the sign of b; 0 where b is 0
  kFmod = 8,   // the sign of a; integers: 0 where b is 0
  kPRelu = 9,  // f32 only: a < 0: a * b; else a
  // The result is bool.
  kEqual = 10,
  kLess = 11,
  kLessOrEqual = 12,
  // Integers and bool only.
  kAnd = 13,
  kOr = 14,
  kXor = 15,
  kShiftLeft = 16,  // integers only: 0 where b is not in [0, bits)
  kShiftRight = 17,
};
inline constexpr auto kLastBinaryKind = BinaryKind::kShiftRight;

// Binary. NumPy broadcasting of a and b to y; then, if they are f32, the clamp; of other types
// there is none: its bounds are infinite.
struct BinaryAttributes {
  BinaryKind kind = BinaryKind::kAdd;
  Clamp clamp;
};

// Softmax over the innermost dimension. No attributes, or these. Copy: no attributes.
struct SoftmaxAttributes {
  std::uint32_t log = 0;  // 1: the logarithm of the softmax
};

// GlobalAveragePool: [N,H,W,C] -> [N,1,1,C]. No attributes.

// Transpose: y.dims[i] = x.dims[perm[i]]. perm has kMaxRank entries; those >= rank are 0.
struct TransposeAttributes {
  std::uint32_t perm[6] = {0, 0, 0, 0, 0, 0};
};

// Upsample: [N,H,W,C] -> [N,H*factor_h,W*factor_w,C], every pixel repeated.
struct UpsampleAttributes {
  std::uint32_t factor_h = 1, factor_w = 1;
};

// Number of words of an attribute struct.
template <typename Attributes>
inline constexpr std::uint32_t kAttributeWords = sizeof(Attributes) / sizeof(std::uint32_t);

// Reads an attribute struct; false if the number of words differs. Any bit pattern is accepted
// here: enumerations and ranges are the operator's `check`.
template <typename Attributes>
[[nodiscard]] bool read_attributes(std::span<const std::uint32_t> words, Attributes* attributes) {
  if (words.size() != kAttributeWords<Attributes>) return false;
  copy_bytes(attributes, words.data(), sizeof(Attributes));
  return true;
}

}  // namespace sz::ops
