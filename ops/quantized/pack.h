// How the parameters of a quantised convolution or fully connected layer lie in the package. The
// blob is one rank-1 i8 tensor, the same for every instruction set. With P = the sum over all
// groups of their outputs, each rounded up to a multiple of 16 (depthwise: C rounded up so):
//
//     64 bytes        header: word 0 has kNarrowWeights and kRightShifts where that is so; the rest
//                     is 0
//     4 * P bytes     i32 bias' = bias - x_zero * sum over k of (w[k] - weight_zero)
//     4 * P bytes     i32 sum over k of w[k]
//     4 * P bytes     i32 multiplier, or f32 scale
//     4 * P bytes     i32 shift, or f32 rest of the bias
//     weights, then kQuantPadding bytes of 0
//
// each part beginning at a multiple of 64 bytes. Surplus channels are 0 throughout.
//
// Weights, in panels: the outputs of a group are cut into panels of 16. The inputs of an output, in
// the order (ky, kx, c), are cut into segments: a tap each (length C / groups), but where there is
// one group of C <= kGatherChannels channels, C no multiple of 4, all are one segment. Each segment
// is filled up with zeroes to a multiple of 4 (that makes `quads` of 4 inputs). A panel is, for
// each quad, 16 times the 4 weights of one output: 64 bytes. Groups follow each other. A fully
// connected layer is one group with one segment.
//
// Weights, depthwise (groups = C = M > 1): for each tap (ky, kx) a row of P weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "ops/gemm/pack.h"
#include "ops/quantized/attributes.h"

namespace sz::ops {

// No weight is -128: two products fit 16 bits.
inline constexpr std::uint32_t kNarrowWeights = 1;
// Every shift is below 0.
inline constexpr std::uint32_t kRightShifts = 2;

inline constexpr std::uint32_t kQuantPadding = 64;
inline constexpr std::uint32_t kGatherChannels = 16;

// Inputs of one output: sums of this many products of 8-bit values stay within 31 bits.
inline constexpr std::uint64_t kMaxQuantInputs = 65792;  // * 128 * 255 < 2^31

// What goes into a blob. Spans of factors have one element for each output, or one for all.
struct QuantParameters {
  std::span<const std::int8_t>
      weights;                         // as in ONNX: [outputs, inputs / groups, kernel_h, kernel_w]
  std::span<const std::int32_t> bias;  // [outputs]; empty: zeroes
  std::int32_t x_zero = 0;             // in [-128, 127]
  std::int32_t weight_zero = 0;        // in [-128, 127]
  Rescaling mode = Rescaling::kFixedPoint;
  std::span<const std::int32_t> multipliers;  // kFixedPoint; 0 or more
  std::span<const std::int32_t> shifts;       // kFixedPoint; in [-31, 30]
  std::span<const float> scales;              // kFloat; 0 or more, finite
  // kFloat: what rounding took off each bias, times its scale; finite. Empty: nothing.
  std::span<const float> rests;
};

// Size of a blob in bytes. Nothing if a size is 0, if `groups` does not divide the channels, if an
// output has more than kMaxQuantInputs inputs, or if the size does not fit 32 bits.
std::optional<std::uint64_t> packed_qconv2d_bytes(const ConvWeightShape& shape);
std::optional<std::uint64_t> packed_qfully_connected_bytes(std::uint64_t outputs,
                                                           std::uint64_t inputs);

// Packs into `packed`, which must have exactly the size above. False, with `packed` in no
// particular state, if a size does not fit, a value is out of its range, or a bias' is not an i32.
[[nodiscard]] bool pack_qconv2d(const QuantParameters& parameters, const ConvWeightShape& shape,
                                std::span<std::byte> packed);
[[nodiscard]] bool pack_qfully_connected(const QuantParameters& parameters, std::uint32_t outputs,
                                         std::uint32_t inputs, std::span<std::byte> packed);

// Where the parts of a blob lie, in bytes; and how its weights are cut.
struct QuantLayout {
  std::uint64_t channels = 0;  // P
  std::uint64_t bias = 0, sums = 0, factors = 0, shifts = 0, weights = 0, bytes = 0;
  std::uint64_t segments = 0;        // of one output
  std::uint64_t length = 0;          // inputs in a segment
  std::uint64_t quads = 0;           // in a segment
  std::uint64_t group_channels = 0;  // outputs of a group, rounded up
  bool depthwise = false;
  bool gathered = false;  // one segment for the whole window

  std::uint64_t quads_of_output() const { return segments * quads; }
  // First byte of panel `panel` of group `group`.
  std::uint64_t panel(std::uint64_t group, std::uint64_t panel) const {
    return weights + 4 * quads_of_output() * (group * group_channels + panel * kPanelWidth);
  }
};
std::optional<QuantLayout> quant_layout(const ConvWeightShape& shape);

// The shape under which a fully connected layer is packed: a convolution of 1 x 1.
constexpr ConvWeightShape fully_connected_shape(std::uint32_t outputs, std::uint32_t inputs) {
  return {inputs, outputs, 1, 1, 1};
}

}  // namespace sz::ops
