#include "ops/softmax/softmax.h"
#include "ops/split.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/softmax/vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "math/elementary.h"
#include "math/exp_inl.h"
#include "ops/vector_inl.h"

#ifndef SZ_OPS_SOFTMAX_JOB
#define SZ_OPS_SOFTMAX_JOB
namespace sz::ops {
namespace {

struct SoftmaxJob {
  const Softmax& softmax;
  const RunContext& context;
  RowSplit split;
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// The largest of `count` elements; NaN if there is one. (The sign of a zero does not matter here.)
float largest(const float* x, std::size_t count) {
  const Full d;
  auto lanes = hn::Set(d, -__builtin_inff());
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) lanes = maximum_vector(lanes, hn::LoadU(d, x + i));
  HWY_ALIGN float values[kLanes];
  hn::Store(lanes, d, values);
  float max = -__builtin_inff();
  for (const float value : values) max = maximum(max, value);
  for (; i < count; ++i) max = maximum(max, x[i]);
  return max;
}

// row = exp(x - max); returns the sum.
float exponentials(const float* x, float max, std::size_t count, float* row) {
  constexpr std::size_t kSums = kSumLanes / kLanes;
  const Full d;
  const auto subtrahend = hn::Set(d, max);
  hn::Vec<Full> sums[kSums];
  HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) sums[j] = hn::Zero(d);
  std::size_t i = 0;
  for (; i + kSumLanes <= count; i += kSumLanes) {
    HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) {
      const std::size_t at = i + j * kLanes;
      const auto e = math::HWY_NAMESPACE::exp_vector(d, hn::Sub(hn::LoadU(d, x + at), subtrahend));
      hn::StoreU(e, d, row + at);
      sums[j] = hn::Add(sums[j], e);
    }
  }
  HWY_ALIGN float lanes[kSumLanes];
  HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) hn::Store(sums[j], d, lanes + j * kLanes);
  const hn::CappedTag<float, 1> one;
  for (std::size_t j = 0; i < count; ++i, ++j) {
    const auto shifted = hn::Sub(hn::LoadU(one, x + i), hn::Set(one, max));
    hn::StoreU(math::HWY_NAMESPACE::exp_vector(one, shifted), one, row + i);
    lanes[j] += row[i];
  }
  return sum_of_lanes(lanes);
}

void softmax_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  const auto& job = *static_cast<const SoftmaxJob*>(context);
  const Softmax& softmax = job.softmax;
  auto* row = reinterpret_cast<float*>(job.context.scratch_of(worker));
  const RowSplit::Part part = job.split.part(chunk);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    const float* x = softmax.x + r * softmax.x_pitch;
    float* y = softmax.y + r * softmax.y_pitch;
    const float max = largest(x, softmax.inner);
    const float sum = exponentials(x, max, softmax.inner, row);
    if (softmax.log) {
      const float log_sum = math::log<math::Scalar>(sum);
      for_each_vector(softmax.inner, [&](auto d, std::size_t i) HWY_ATTR {
        const auto shifted = hn::Sub(hn::LoadU(d, x + i), hn::Set(d, max));
        const auto result = hn::Sub(shifted, hn::Set(d, log_sum));
        hn::StoreU(canonical_vector(d, result), d, y + i);
      });
      continue;
    }
    for_each_vector(softmax.inner, [&](auto d, std::size_t i) HWY_ATTR {
      const auto quotient = hn::Div(hn::LoadU(d, row + i), hn::Set(d, sum));
      hn::StoreU(canonical_vector(d, quotient), d, y + i);
    });
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

void softmax_vector(const Softmax& softmax, const RunContext& context) {
  SoftmaxJob job{softmax, context,
                 RowSplit(softmax.rows, softmax.inner, false, context.wanted_chunks())};
  const ChunkFn chunk = SZ_VECTOR_SELECT(softmax_chunk);
  if (chunk == nullptr) {
    softmax_reference(softmax, reinterpret_cast<float*>(context.scratch_of(0)));
    return;
  }
  if (softmax.x == softmax.y) {
    // A chunk that overwrites its own input must not run twice, so it is not handed out.
    for (std::uint32_t i = 0; i < job.split.chunks(); ++i) chunk(&job, i, 0);
    return;
  }
  context.share(chunk, &job, job.split.chunks());
}

}  // namespace sz::ops
#endif  // HWY_ONCE
