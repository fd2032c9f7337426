#include "ops/conv/depthwise.h"
#include "ops/gemm/pack.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv/depthwise_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/vector_inl.h"

#if HWY_TARGET == HWY_NEON && defined(__GNUC__) && !defined(__clang__)
#include "ops/conv/depthwise_neon_inl.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

using V = hn::Vec<Full>;

// Residual, activation and writing of the sums of compute_pixels.
template <std::size_t kPixels, std::size_t kVectors, class D>
HWY_INLINE void finish_pixels(D d, const DepthwiseRun& run, std::size_t pixel, std::size_t c,
                              hn::Vec<D>* sums) {
  using Vector = hn::Vec<D>;
  const std::size_t lanes = hn::Lanes(d);
  if (run.residual != nullptr) {
    const float* residual = run.residual + pixel * run.residual_pitch + c;
    HWY_UNROLL(8) for (std::size_t i = 0; i < kPixels; ++i, residual += run.residual_pitch) {
      HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
        Vector& sum = sums[i * kVectors + j];
        sum = hn::Add(sum, hn::LoadU(d, residual + j * lanes));
      }
    }
  }
  if (run.activation.slope != 1.0f) {
    const Vector slope = hn::Set(d, run.activation.slope);
    HWY_UNROLL(8) for (std::size_t i = 0; i < kPixels * kVectors; ++i) {
      sums[i] = leaky_vector(d, sums[i], slope);
    }
  }
  const Vector low = hn::Set(d, run.activation.clamp.low);
  const Vector high = hn::Set(d, run.activation.clamp.high);
  float* y = run.y + pixel * run.y_pitch + c;
  HWY_UNROLL(8) for (std::size_t i = 0; i < kPixels; ++i, y += run.y_pitch) {
    HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
      hn::StoreU(finish_vector(d, sums[i * kVectors + j], low, high), d, y + j * lanes);
    }
  }
}

// kPixels output pixels from `pixel` on, kVectors vectors of channels from `c` on.
template <std::size_t kPixels, std::size_t kVectors, class D>
HWY_INLINE void compute_pixels(D d, const DepthwiseRun& run, std::size_t pixel, std::size_t c) {
  using Vector = hn::Vec<D>;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t weight_row = depthwise_row(run.channels);
  Vector sums[kPixels * kVectors];
  const float* w = run.weights + c;
  HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
    const Vector bias = hn::LoadU(d, w + j * lanes);
    HWY_UNROLL(8) for (std::size_t i = 0; i < kPixels; ++i) sums[i * kVectors + j] = bias;
  }
  for (std::size_t t = 0; t < run.taps; ++t) {
    w += weight_row;
    Vector wv[kVectors];
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
  finish_pixels<kPixels, kVectors>(d, run, pixel, c, sums);
}

// The channels from `c` on of kPixels output pixels.
template <std::size_t kPixels>
HWY_NOINLINE void compute_channels(const DepthwiseRun& run, std::size_t pixel, std::size_t c) {
  const std::size_t channels = run.channels;
  if constexpr (kPixels == 1) {  // as many chains of sums as two pixels have
    for (; c + 4 * kLanes <= channels; c += 4 * kLanes) {
      compute_pixels<kPixels, 4>(Full(), run, pixel, c);
    }
  }
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

#if defined(SZ_DW_PAIR_RUN)

constexpr std::size_t kPanel = 16;  // channels that the assembly computes at once

HWY_INLINE void copy_sums(const float32x4x4_t& from, V* to) {
  HWY_UNROLL(4) for (std::size_t j = 0; j < 4; ++j) to[j] = V(from.val[j]);
}

// Whole panels of channels of two neighbouring pixels; returns how many channels that is.
template <std::size_t kStride>
HWY_NOINLINE std::size_t compute_pair(const DepthwiseRun& run, std::size_t pixel) {
  const std::size_t w_step = depthwise_row(run.channels) * sizeof(float);
  const std::size_t p0 = run.steps[0] / kStride * sizeof(float);  // 0 in the padding
  const std::size_t p1 = run.steps[3] / kStride * sizeof(float);
  const std::size_t p2 = run.steps[6] / kStride * sizeof(float);
  std::size_t c = 0;
  for (; c + kPanel <= run.channels; c += kPanel) {
    const float* w = run.weights + c;
    const float* x0 = run.first[0] + pixel * run.steps[0] + c;
    const float* x1 = run.first[3] + pixel * run.steps[3] + c;
    const float* x2 = run.first[6] + pixel * run.steps[6] + c;
    float32x4x4_t y0, y1;
    if constexpr (kStride == 1) {
      SZ_DW_PAIR_RUN(SZ_DW_ROW_STRIDE1);
    } else {
      SZ_DW_PAIR_RUN(SZ_DW_ROW_STRIDE2);
    }
    V sums[8];
    copy_sums(y0, sums);
    copy_sums(y1, sums + 4);
    finish_pixels<2, 4>(Full(), run, pixel, c, sums);
  }
  return c;
}

// Whole panels of channels of pixel 0; returns how many channels that is.
HWY_NOINLINE std::size_t compute_single(const DepthwiseRun& run) {
  const std::size_t w_step = depthwise_row(run.channels) * sizeof(float);
  std::size_t c = 0;
  for (; c + kPanel <= run.channels; c += kPanel) {
    const float* w = run.weights + c;
    const float* const* table = run.first;
    const float* x;
    const std::size_t channel = c * sizeof(float);
    std::size_t taps = run.taps;
    float32x4x4_t y0;
    SZ_DW_SINGLE_RUN();
    V sums[4];
    copy_sums(y0, sums);
    finish_pixels<1, 4>(Full(), run, 0, c, sums);
  }
  return c;
}

void depthwise_run(const DepthwiseRun& run) noexcept {
  std::size_t pixel = 0;
  if (run.pixels == 1) {
    compute_channels<1>(run, 0, compute_single(run));
    return;
  }
  for (; run.column_stride == 1 && pixel + 2 <= run.pixels; pixel += 2) {
    compute_channels<2>(run, pixel, compute_pair<1>(run, pixel));
  }
  for (; run.column_stride == 2 && pixel + 2 <= run.pixels; pixel += 2) {
    compute_channels<2>(run, pixel, compute_pair<2>(run, pixel));
  }
  for (; pixel + 4 <= run.pixels; pixel += 4) compute_channels<4>(run, pixel, 0);
  for (; pixel < run.pixels; ++pixel) compute_channels<1>(run, pixel, 0);
}

#else

void depthwise_run(const DepthwiseRun& run) noexcept {
  std::size_t pixel = 0;
  for (; pixel + 4 <= run.pixels; pixel += 4) compute_channels<4>(run, pixel, 0);
  switch (run.pixels - pixel) {
    case 3:
      return compute_channels<3>(run, pixel, 0);
    case 2:
      return compute_channels<2>(run, pixel, 0);
    case 1:
      return compute_channels<1>(run, pixel, 0);
    default:
      return;
  }
}

#endif

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

DepthwiseRunFn depthwise_run_kernel() { return SZ_VECTOR_SELECT(depthwise_run); }

}  // namespace sz::ops
#endif  // HWY_ONCE
