// The weights of ConvWinograd: U = G g G^T for each pair of input and output channel, with
//   G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1].
// The blob is a rank-1 f32 tensor: for each of the 16 positions (row, column) of U the panels of a
// matrix of M outputs and C inputs (ops/gemm/pack.h), then kPackPadding zeroes. The bias stands in
// the panels of position (1, 1), from which it reaches each output of a tile once; it is 0
// elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace sz::ops {

inline constexpr std::uint32_t kWinogradPositions = 16;
inline constexpr std::uint32_t kWinogradBiasPosition = 5;

// Elements of the blob. Nothing if a size is 0 or they do not fit 64 bits.
std::optional<std::uint64_t> packed_winograd_elements(std::uint64_t outputs, std::uint64_t inputs);

// Packs weights OIHW (3 x 3) and bias [outputs] (empty: zeroes) into `packed`, which must have
// exactly packed_winograd_elements. In double, rounded once. False, with nothing written, if a size
// does not fit.
[[nodiscard]] bool pack_winograd(std::span<const float> weights, std::span<const float> bias,
                                 std::uint32_t outputs, std::uint32_t inputs,
                                 std::span<float> packed);

}  // namespace sz::ops
