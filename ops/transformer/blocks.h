// How the matrices, rows and caches of language models lie in memory. The compiler packs, the
// operators read; the formats are part of the plan.
//
// Block formats are those of GGUF: q8_0 is 32 signed bytes with one scale (f16), q4_0 is 32
// numbers of 4 bits, q - 8, with one scale (f16). Blocks run along the inputs (k) of a matrix; the
// last block of a row is filled up with zeroes.
//
// A packed matrix [N outputs, K inputs] is ceil(N / 16) panels, one behind the other, each of 16
// outputs (outputs past N are zero) and K' = K (f32, f16) or K rounded up to 32 (q8_0, q4_0):
//   f32   16 zeroes (where ops/gemm/pack.h has biases), then for each k: 16 floats
//   f16   for each k: 16 halves
//   q8_0  for each block: 16 scales (f16), then for each group of four k: 16 outputs x 4 bytes
//   q4_0  for each block: 16 scales (f16), then for g = 0..3: 16 outputs x 4 bytes; byte j of group
//         g holds k = 4 g + j in its low nibble and k = 16 + 4 g + j in its high nibble, as q (0..15)
//
// A quantised row of K numbers (an activation) is ceil(K / 32) QuantizedBlocks. x = scale * byte;
// scale = max |x| / 127; byte = x * (127 / max |x|), rounded to nearest even. Bytes past K are zero.
// A block whose max |x| is below 2^-100 has scale 0 and bytes 0; one with NaN or infinity has scale
// NaN (0x7fc00000) and bytes 0.
//
// A cache of one layer has, for each of H key-value heads of D numbers, `context` positions,
// rounded up to 16 (P). D is a multiple of 4. In format f32 or f16, one head is P * D numbers:
//   keys    for each group of 16 positions, for each d: 16 numbers
//   values  for each position: D numbers
// In q8_0, D is a multiple of 8 and blocks are of min(32, D) numbers, the last may be shorter:
//   keys    for each group of 16 positions: for each block of d: 16 scales (f16), then for each d of
//           the block: 16 signed bytes
//   values  for each position: D bytes, then a scale (f16) for each block, rounded up to 4 bytes
#pragma once

#include <cstdint>

namespace sz::ops {

enum class BlockFormat : std::uint32_t { kF32 = 0, kF16 = 1, kQ8_0 = 2, kQ4_0 = 3 };

inline constexpr std::uint64_t kBlock = 32;         // numbers of a block
inline constexpr std::uint64_t kPanelOutputs = 16;  // of a packed matrix
inline constexpr std::uint64_t kCachePositions = 16;

// 32 numbers of a quantised row, and what their sum corrects where the kernels take weights for
// unsigned: q8_0 with the top bit flipped (w + 128), q4_0 as stored (w + 8).
struct QuantizedBlock {
  std::int8_t bytes[kBlock];
  float scale;
  std::int32_t minus_8_sums;    // -8 * sum of bytes
  std::int32_t minus_128_sums;  // -128 * sum of bytes
  std::uint32_t zero;
};
static_assert(sizeof(QuantizedBlock) == 48);

constexpr bool is_block_format(BlockFormat format) { return format <= BlockFormat::kQ4_0; }
constexpr std::uint64_t blocks_of(std::uint64_t numbers) { return (numbers + kBlock - 1) / kBlock; }

// Bytes of one panel with K inputs, K <= kMostInputs. A multiple of 32.
inline constexpr std::uint64_t kMostInputs = std::uint64_t{1} << 24;
constexpr std::uint64_t panel_bytes(BlockFormat format, std::uint64_t inputs) {
  switch (format) {
    case BlockFormat::kF32: return (inputs + 1) * kPanelOutputs * 4;
    case BlockFormat::kF16: return inputs * kPanelOutputs * 2;
    case BlockFormat::kQ8_0: return blocks_of(inputs) * kPanelOutputs * (2 + 32);
    case BlockFormat::kQ4_0: return blocks_of(inputs) * kPanelOutputs * (2 + 16);
  }
  return 0;
}

constexpr std::uint64_t panels_of(std::uint64_t outputs) {
  return (outputs + kPanelOutputs - 1) / kPanelOutputs;
}

constexpr std::uint64_t packed_bytes(BlockFormat format, std::uint64_t outputs,
                                     std::uint64_t inputs) {
  return panels_of(outputs) * panel_bytes(format, inputs);
}

// Bytes of a quantised row of `numbers`.
constexpr std::uint64_t quantized_row_bytes(std::uint64_t numbers) {
  return blocks_of(numbers) * sizeof(QuantizedBlock);
}

// Bytes of the keys (or values) of one head; `format` is not q4_0.
constexpr std::uint64_t cache_head_bytes(BlockFormat format, bool keys, std::uint64_t context,
                                         std::uint64_t head) {
  const std::uint64_t positions = (context + kCachePositions - 1) / kCachePositions * kCachePositions;
  switch (format) {
    case BlockFormat::kF32: return positions * head * 4;
    case BlockFormat::kF16: return positions * head * 2;
    case BlockFormat::kQ8_0: {
      const std::uint64_t scales = blocks_of(head) * 2;
      return positions * (keys ? head + scales : (head + scales + 3) / 4 * 4);
    }
    case BlockFormat::kQ4_0: break;
  }
  return 0;
}

}  // namespace sz::ops
