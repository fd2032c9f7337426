// GridSample and RoiAlign: images read at places that the network computes.
//
// GridSample: x [N, (D,) H, W, C], grid [N, (OD,) OH, OW, S], y [N, (OD,) OH, OW, C]; f32, dense; S
// is 2 or 3 and counts the dimensions between N and C, which are at most kMaxSampled. A point of
// the grid names a place in x, its last dimension first, in units where x reaches from -1 to 1. y
// is the pixel there or weighted from its neighbours (linear: 2, cubic: 4 with a = -0.75, of two
// dimensions only); outside x there are zeroes, or the edge goes on, or x is reflected. A NaN in
// the grid gives NaN. Products and sums are rounded one by one, taps in order of memory.
//
// RoiAlign: x [N, H, W, C], regions [R, 4] (x1, y1, x2, y2), images i64 [R], y [R, OH, OW, C]; f32,
// dense. A bin of y is the mean (or the largest) of linearly weighted samples in a regular grid. An
// image number outside [0, N) ends the run with kIndexOutOfRange before anything is written; a
// region that is not finite, or of more than kMaxSamples samples a bin and side, gives NaN.
#pragma once

#include <cstdint>

#include "ops/movement/attributes.h"
#include "ops/operator.h"

namespace sz::ops {

inline constexpr std::uint32_t kMaxSampled = 1u << 20;
inline constexpr std::uint32_t kMaxSamples = 4096;

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_grid_sample(const Step& step);
Status check_roi_align(const Step& step);

std::uint64_t grid_sample_cost(const Step& step);
std::uint64_t roi_align_cost(const Step& step);

Status run_grid_sample(const Step& step, const RunContext& context) noexcept;
// Error: kIndexOutOfRange.
Status run_roi_align(const Step& step, const RunContext& context) noexcept;

}  // namespace sz::ops
