// As ops/conv/indirection.h, for bytes: where the inputs of each output pixel lie. A segment is as
// packed (ops/quantized/pack.h), or, where taps fill quads, a row of taps. Kernels read whole
// quads: `padded` bytes from every pointer on may be read, and the weights of those beyond `length`
// are 0. Segments for which that is not so, and windows that are gathered, are copied into slots.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/quantized/qconv.h"

namespace sz::ops {

// Output pixels that share one table. A multiple of every kernel's tile height.
inline constexpr std::size_t kQuantBlockRows = 48;

struct QuantIndirection {
  bool pointwise = false;      // 1 x 1, stride 1: output pixel r reads input pixel r
  bool gathered = false;       // one segment: the window, copied
  bool merged = false;         // a segment is a row of taps
  bool contiguous = false;     // the taps of a row lie one after the other in memory
  std::size_t segments = 0;    // per output pixel
  std::size_t length = 0;      // bytes of a segment, of one group
  std::size_t padded = 0;      // rounded up to a multiple of 4
  std::size_t block_rows = 0;  // at most kQuantBlockRows
  // Worker scratch, in bytes: pointers [segments][block_rows] at 0, then the distances of the taps,
  // the sums of rows, one segment of padding, slots [segments][block_rows].
  std::size_t tap_offset = 0;
  std::size_t sum_offset = 0;
  std::size_t padding_offset = 0;
  std::size_t slot_offset = 0;
  std::uint64_t scratch_bytes = 0;

  explicit QuantIndirection(const QConv2d& conv);
};

// Prepares `scratch`: before build_table, once per chunk.
void prepare_table(const QConv2d& conv, const QuantIndirection& plan, std::byte* scratch);

// Fills the table for the output pixels [first, first + rows), rows <= plan.block_rows, reading
// the channels from `channel` on. Pixels are counted over [N, OH, OW]. Pointer of segment s and
// pixel r: table[s * block_rows + r].
const std::int8_t* const* build_table(const QConv2d& conv, const QuantIndirection& plan,
                                      std::size_t first, std::size_t rows, std::size_t channel,
                                      std::byte* scratch);

// Sums of the inputs of each pixel of a table, for weights with a zero point.
const std::int32_t* sum_rows(const QuantIndirection& plan, const std::int8_t* const* table,
                             std::size_t rows, std::byte* scratch);

}  // namespace sz::ops
