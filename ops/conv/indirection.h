// Indirect convolution: instead of copying the input into a matrix, a table of pointers says
// where the inputs of each output pixel lie. A segment is a run of contiguous inputs: the C
// channels of one tap, or, where C is small, a whole row of taps (kernel_w * C). Segments that lie
// in the padding point to a row of zeroes; segments that lie partly in it are copied into slots.
// Either way the order of the inputs is (ky, kx, c).
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/conv/conv.h"

namespace sz::ops {

// Output pixels that share one table. A multiple of every kernel's tile height.
inline constexpr std::size_t kBlockRows = 48;

// How a convolution cuts its inputs into segments, and what that takes.
struct IndirectionPlan {
  bool pointwise = false;      // 1 x 1, stride 1: output pixel r reads input pixel r
  bool merged = false;         // a segment is a row of taps
  std::size_t segments = 0;    // per output pixel
  std::size_t length = 0;      // elements of a segment, of one group
  std::size_t block_rows = 0;  // at most kBlockRows
  // Worker scratch, in bytes: pointers [segments][block_rows] at 0, then the output columns whose
  // taps are inside the image, zeroes, slots.
  std::size_t range_offset = 0;
  std::size_t zero_offset = 0;
  std::size_t slot_offset = 0;
  std::uint64_t scratch_bytes = 0;
};

IndirectionPlan plan_indirection(const Conv2d& conv);

// Fills what the blocks share. Before build_indirection, once per chunk.
void prepare_indirection(const Conv2d& conv, const IndirectionPlan& plan, std::byte* scratch);

// Fills the table for the output pixels [first, first + rows), rows <= plan.block_rows, reading
// the channels from `channel` on. Pixels are counted over [N, OH, OW]. Pointer of segment s and
// pixel r: table[s * block_rows + r].
const float* const* build_indirection(const Conv2d& conv, const IndirectionPlan& plan,
                                      std::size_t first, std::size_t rows, std::size_t channel,
                                      std::byte* scratch);

}  // namespace sz::ops
