#include "ops/conv/depthwise.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv/depthwise_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/vector_inl.h"

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// kRows output pixels from `row` on, kVectors vectors of channels from `c` on.
template <std::size_t kRows, std::size_t kVectors, class D>
HWY_INLINE void compute_pixels(D d, const DepthwiseBlock& block, std::size_t row, std::size_t c) {
  using V = hn::Vec<D>;
  const std::size_t lanes = hn::Lanes(d);
  V sums[kRows * kVectors];
  const float* w = block.weights + c;
  HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
    const V bias = hn::LoadU(d, w + j * lanes);
    HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i) sums[i * kVectors + j] = bias;
  }
  const float* const* table = block.table + row;
  for (std::size_t t = 0; t < block.taps; ++t, table += block.table_stride) {
    w += block.weight_row;
    V wv[kVectors];
    HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) wv[j] = hn::LoadU(d, w + j * lanes);
    HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i) {
      const float* x = table[i] + c;
      HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
        sums[i * kVectors + j] =
            hn::MulAdd(hn::LoadU(d, x + j * lanes), wv[j], sums[i * kVectors + j]);
      }
    }
  }
  const V low = hn::Set(d, block.clamp.low);
  const V high = hn::Set(d, block.clamp.high);
  float* y = block.y + row * block.y_pitch + c;
  HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i, y += block.y_pitch) {
    HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
      hn::StoreU(finish_vector(d, sums[i * kVectors + j], low, high), d, y + j * lanes);
    }
  }
}

// All channels of kRows output pixels.
template <std::size_t kRows>
HWY_NOINLINE void compute_channels(const DepthwiseBlock& block, std::size_t row) {
  const std::size_t channels = block.channels;
  std::size_t c = 0;
  for (; c + 2 * kLanes <= channels; c += 2 * kLanes) {
    compute_pixels<kRows, 2>(Full(), block, row, c);
  }
  for (; c + kLanes <= channels; c += kLanes) compute_pixels<kRows, 1>(Full(), block, row, c);
  if constexpr (kLanes > 4) {
    const hn::CappedTag<float, 4> four;
    for (; c + 4 <= channels; c += 4) compute_pixels<kRows, 1>(four, block, row, c);
  }
  const hn::CappedTag<float, 1> one;
  for (; c < channels; ++c) compute_pixels<kRows, 1>(one, block, row, c);
}

void depthwise_block(const DepthwiseBlock& block) noexcept {
  std::size_t row = 0;
  for (; row + 4 <= block.rows; row += 4) compute_channels<4>(block, row);
  for (; row < block.rows; ++row) compute_channels<1>(block, row);
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

DepthwiseBlockFn depthwise_block_kernel() { return SZ_VECTOR_SELECT(depthwise_block); }

}  // namespace sz::ops
#endif  // HWY_ONCE
