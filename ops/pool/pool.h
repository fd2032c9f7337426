// Pool2d and GlobalAveragePool.
//
// x [N,H,W,C], y [N,OH,OW,C]; f32 (a maximum: i8 and u8 too, ops/quantized/qpool.h), x and y of any
// pitch. y must not overlap x. Taps in the padding take no part.
//   max:      the largest tap; a NaN among the taps makes the result NaN; of +0 and -0 the first
//             in the order (ky, kx) stays.
//   average:  the taps added in the order (ky, kx), divided by their number. With count_include_pad
//             the divisor counts the taps within the padded input as well (but not what ceil mode
//             reaches beyond it).
//   global:   for each image row the sum over W, then the sum of those over H, divided by H * W.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/attributes.h"
#include "ops/operator.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_pool2d(const Step& step);
Status check_global_average_pool(const Step& step);

// What a pooling demands of its window and of the shapes of x and y.
Status check_pool_window(const Window2d& window, const TensorView& x, const TensorView& y);

// Taps.
std::uint64_t pool2d_cost(const Step& step);
std::uint64_t global_average_pool_cost(const Step& step);

Status run_pool2d(const Step& step, const RunContext& context) noexcept;
Status run_global_average_pool(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Pointers are borrowed from the step.
struct Pool2d {
  const float* x = nullptr;
  float* y = nullptr;
  std::size_t x_pitch = 0, y_pitch = 0;  // elements from pixel to pixel
  std::size_t batch = 0;
  std::size_t in_h = 0, in_w = 0, channels = 0;
  std::size_t out_h = 0, out_w = 0;
  Pool2dAttributes attributes;
};

// The taps of one output along one axis: position(k) = begin + k * dilation.
struct TapRange {
  std::ptrdiff_t begin = 0;  // of tap 0; may lie in the padding
  std::size_t dilation = 1;
  std::size_t first = 0;  // taps [first, last) lie inside the input
  std::size_t last = 0;
  std::size_t counted = 0;  // taps within the padded input
  std::size_t position(std::size_t tap) const {
    return static_cast<std::size_t>(begin + static_cast<std::ptrdiff_t>(tap * dilation));
  }
};

// The taps of output row `oy` (column `ox`). first < last on a checked step.
TapRange vertical_taps(const Pool2d& pool, std::size_t oy);
TapRange horizontal_taps(const Pool2d& pool, std::size_t ox);

// What an average over these taps is divided by.
float average_divisor(const Pool2d& pool, const TapRange& rows, const TapRange& columns);

void pool2d_reference(const Pool2d& pool);
void pool2d_vector(const Pool2d& pool, const RunContext& context);
void global_average_pool_reference(const Pool2d& pool);
void global_average_pool_vector(const Pool2d& pool, const RunContext& context);

}  // namespace sz::ops
