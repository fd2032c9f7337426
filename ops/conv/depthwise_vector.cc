#include "ops/conv/depthwise.h"
#include "ops/gemm/pack.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv/depthwise_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/vector_inl.h"

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// kPixels output pixels from `pixel` on, kVectors vectors of channels from `c` on.
template <std::size_t kPixels, std::size_t kVectors, class D>
HWY_INLINE void compute_pixels(D d, const DepthwiseRun& run, std::size_t pixel, std::size_t c) {
  using V = hn::Vec<D>;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t weight_row = depthwise_row(run.channels);
  V sums[kPixels * kVectors];
  const float* w = run.weights + c;
  HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
    const V bias = hn::LoadU(d, w + j * lanes);
    HWY_UNROLL(8) for (std::size_t i = 0; i < kPixels; ++i) sums[i * kVectors + j] = bias;
  }
  for (std::size_t t = 0; t < run.taps; ++t) {
    w += weight_row;
    V wv[kVectors];
    HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) wv[j] = hn::LoadU(d, w + j * lanes);
    const std::size_t step = run.steps[t];
    const float* x = run.first[t] + pixel * step + c;
    HWY_UNROLL(8) for (std::size_t i = 0; i < kPixels; ++i, x += step) {
      HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
        sums[i * kVectors + j] =
            hn::MulAdd(hn::LoadU(d, x + j * lanes), wv[j], sums[i * kVectors + j]);
      }
    }
  }
  if (run.residual != nullptr) {
    const float* residual = run.residual + pixel * run.residual_pitch + c;
    HWY_UNROLL(8) for (std::size_t i = 0; i < kPixels; ++i, residual += run.residual_pitch) {
      HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
        V& sum = sums[i * kVectors + j];
        sum = hn::Add(sum, hn::LoadU(d, residual + j * lanes));
      }
    }
  }
  if (run.activation.slope != 1.0f) {
    const V slope = hn::Set(d, run.activation.slope);
    HWY_UNROLL(8) for (V& sum : sums) sum = leaky_vector(d, sum, slope);
  }
  const V low = hn::Set(d, run.activation.clamp.low);
  const V high = hn::Set(d, run.activation.clamp.high);
  float* y = run.y + pixel * run.y_pitch + c;
  HWY_UNROLL(8) for (std::size_t i = 0; i < kPixels; ++i, y += run.y_pitch) {
    HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
      hn::StoreU(finish_vector(d, sums[i * kVectors + j], low, high), d, y + j * lanes);
    }
  }
}

// All channels of kPixels output pixels.
template <std::size_t kPixels>
HWY_NOINLINE void compute_channels(const DepthwiseRun& run, std::size_t pixel) {
  const std::size_t channels = run.channels;
  std::size_t c = 0;
  for (; c + 2 * kLanes <= channels; c += 2 * kLanes) {
    compute_pixels<kPixels, 2>(Full(), run, pixel, c);
  }
  for (; c + kLanes <= channels; c += kLanes) compute_pixels<kPixels, 1>(Full(), run, pixel, c);
  if constexpr (kLanes > 4) {
    const hn::CappedTag<float, 4> four;
    for (; c + 4 <= channels; c += 4) compute_pixels<kPixels, 1>(four, run, pixel, c);
  }
  const hn::CappedTag<float, 1> one;
  for (; c < channels; ++c) compute_pixels<kPixels, 1>(one, run, pixel, c);
}

void depthwise_run(const DepthwiseRun& run) noexcept {
  std::size_t pixel = 0;
  for (; pixel + 4 <= run.pixels; pixel += 4) compute_channels<4>(run, pixel);
  for (; pixel < run.pixels; ++pixel) compute_channels<1>(run, pixel);
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

DepthwiseRunFn depthwise_run_kernel() { return SZ_VECTOR_SELECT(depthwise_run); }

}  // namespace sz::ops
#endif  // HWY_ONCE
