// How weights lie in the package, so that the kernels can stream them.
//
// The blob of a convolution or a fully connected layer is a rank-1 f32 tensor. It is the same for
// every instruction set: one package runs everywhere.
//
// Panels (FullyConnected, Conv2d with and without groups). The M output channels are cut into
// panels of kPanelWidth = 16; only the last panel may be narrower, its width rounded up to a
// multiple of 4 and filled with zeroes. A panel of width w is
//     w bias values, then K rows of w weights, row k for input k.
// K counts the inputs of one output in the order (ky, kx, c). Panel p starts at element
// p * 16 * (K + 1). Groups follow each other, each with panels of its own (M / groups outputs,
// K = kernel_h * kernel_w * C / groups). The blob ends with kPackPadding zeroes, so that a load
// of 16 elements in a narrow last panel stays inside.
//
// Depthwise (groups = C = M > 1). With S = C rounded up to a multiple of 16:
//     S bias values, then kernel_h * kernel_w rows (ky, kx) of S weights; the surplus is zero.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace sz::ops {

inline constexpr std::uint32_t kPanelWidth = 16;
inline constexpr std::uint32_t kPackPadding = 16;

// Shape of a convolution's weights, ONNX order [outputs, inputs / groups, kernel_h, kernel_w].
struct ConvWeightShape {
  std::uint32_t inputs = 1;   // C, over all groups
  std::uint32_t outputs = 1;  // M, over all groups
  std::uint32_t groups = 1;
  std::uint32_t kernel_h = 1, kernel_w = 1;

  // True where the depthwise packing (and kernel) is used.
  constexpr bool depthwise() const { return groups > 1 && groups == inputs && groups == outputs; }
};

// Elements of the blob of a fully connected layer of `outputs` x `inputs`; nothing if they do
// not fit 64 bits.
std::optional<std::uint64_t> packed_elements(std::uint64_t outputs, std::uint64_t inputs);

// Elements of the blob of a convolution. Nothing if a size is 0, if `groups` does not divide the
// channels, or if they do not fit 64 bits.
std::optional<std::uint64_t> packed_conv2d_elements(const ConvWeightShape& shape);

// Packs weights [outputs, inputs] (row-major) and bias [outputs] (empty: zeroes) into `packed`,
// which must have exactly packed_elements. False, with nothing written, if a size does not fit.
[[nodiscard]] bool pack_fully_connected(std::span<const float> weights, std::span<const float> bias,
                                        std::uint32_t outputs, std::uint32_t inputs,
                                        std::span<float> packed);

// Packs weights OIHW, as in `shape`, and bias [outputs] (empty: zeroes) into `packed`, which must
// have exactly packed_conv2d_elements. False, with nothing written, if a size does not fit.
[[nodiscard]] bool pack_conv2d(std::span<const float> weights, std::span<const float> bias,
                               const ConvWeightShape& shape, std::span<float> packed);

// First element of panel `panel` of a group that has K = `inputs`.
constexpr std::uint64_t panel_offset(std::uint64_t panel, std::uint64_t inputs) {
  return panel * kPanelWidth * (inputs + 1);
}

// Width of panel `panel` of `outputs` channels: 16, or what is left, rounded up to 4.
constexpr std::uint32_t panel_width(std::uint64_t panel, std::uint64_t outputs) {
  const std::uint64_t left = outputs - panel * kPanelWidth;
  return left >= kPanelWidth ? kPanelWidth : static_cast<std::uint32_t>((left + 3) / 4 * 4);
}

// Elements of one group's panels, without the padding at the blob's end.
constexpr std::uint64_t group_elements(std::uint64_t outputs, std::uint64_t inputs) {
  return (outputs + 3) / 4 * 4 * (inputs + 1);
}

// Row length of the depthwise packing.
constexpr std::uint64_t depthwise_row(std::uint64_t channels) {
  return (channels + kPanelWidth - 1) / kPanelWidth * kPanelWidth;
}

}  // namespace sz::ops
