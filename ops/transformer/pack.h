// Makes packed matrices of plain ones, and blocks of floats. Done by the compiler, before anything
// is trusted; layouts: ops/transformer/blocks.h.
//
// A plain matrix has `outputs` rows, one behind the other, each of `inputs` numbers: floats (f32),
// halves (f16), or GGUF's blocks: q8_0 an f16 scale and 32 bytes, q4_0 an f16 scale and 16 bytes
// (number j in the low nibble of byte j, number j + 16 in the high one).
#pragma once

#include <cstdint>
#include <span>

#include "base/memory.h"
#include "ops/transformer/blocks.h"

namespace sz::ops {

// Bytes of a row of a plain matrix.
constexpr std::uint64_t plain_row_bytes(BlockFormat format, std::uint64_t inputs) {
  switch (format) {
    case BlockFormat::kF32:
      return inputs * 4;
    case BlockFormat::kF16:
      return inputs * 2;
    case BlockFormat::kQ8_0:
      return blocks_of(inputs) * (2 + 32);
    case BlockFormat::kQ4_0:
      return blocks_of(inputs) * (2 + 16);
  }
  return 0;
}

// Packs a plain matrix; `packed` has packed_bytes(format, outputs, inputs). False, with nothing
// written, if a size does not fit.
[[nodiscard]] bool pack_matrix(BlockFormat format, ByteSpan plain, std::uint32_t outputs,
                               std::uint32_t inputs, MutableByteSpan packed);

// Packs two matrices of the same size for LinearEpilogue::kSwiglu, panels of `gate` and `up`
// alternating; `packed` has twice the bytes of one.
[[nodiscard]] bool pack_gate_and_up(BlockFormat format, ByteSpan gate, ByteSpan up,
                                    std::uint32_t outputs, std::uint32_t inputs,
                                    MutableByteSpan packed);

// Converts a row of floats to a plain row of another format, or back; `row` has plain_row_bytes.
// f16: rounded to nearest even. q8_0: scale = max |x| / 127. q4_0: the scale, of several around the
// one that just covers the largest number, with the least squared error. False if a size does not
// fit, or if a number is not finite or too large for the format.
[[nodiscard]] bool quantize_row(BlockFormat format, std::span<const float> numbers,
                                MutableByteSpan row);
[[nodiscard]] bool dequantize_row(BlockFormat format, ByteSpan row, std::span<float> numbers);

}  // namespace sz::ops
