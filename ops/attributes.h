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
enum class UnaryKind : std::uint32_t { kClamp = 0, kLeakyRelu = 1 };

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

enum class BinaryKind : std::uint32_t { kAdd = 0, kSub = 1, kMul = 2, kDiv = 3 };

// Binary. NumPy broadcasting of a and b to y; then the clamp.
struct BinaryAttributes {
  BinaryKind kind = BinaryKind::kAdd;
  Clamp clamp;
};

// Softmax over the innermost dimension. No attributes. Copy: no attributes.
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
