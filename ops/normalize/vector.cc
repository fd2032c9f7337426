#include "ops/normalize/normalize.h"
#include "ops/softmax/softmax.h"
#include "ops/split.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/normalize/vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/vector_inl.h"

#ifndef SZ_OPS_NORMALIZE_JOB
#define SZ_OPS_NORMALIZE_JOB
namespace sz::ops {
namespace {

struct NormalizeJob {
  const Normalize& normalize;
  RowSplit split;
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// The sum over a row, where add(d, x, sum) puts a vector of elements into its partial sums.
template <class Add>
HWY_INLINE float sum_row(const float* x, std::size_t count, Add add) {
  constexpr std::size_t kSums = kSumLanes / kLanes;
  const Full d;
  hn::Vec<Full> sums[kSums];
  HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) sums[j] = hn::Zero(d);
  std::size_t i = 0;
  for (; i + kSumLanes <= count; i += kSumLanes) {
    HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) {
      sums[j] = add(d, hn::LoadU(d, x + i + j * kLanes), sums[j]);
    }
  }
  HWY_ALIGN float lanes[kSumLanes];
  HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) hn::Store(sums[j], d, lanes + j * kLanes);
  const hn::CappedTag<float, 1> one;
  for (std::size_t j = 0; i < count; ++i, ++j) {
    hn::StoreU(add(one, hn::LoadU(one, x + i), hn::LoadU(one, lanes + j)), one, lanes + j);
  }
  return sum_of_lanes(lanes);
}

HWY_NOINLINE RowFactors factors_of(const Normalize& normalize, const float* x) {
  float mean = 0.0f;
  if (normalize.attributes.kind == NormalizeKind::kDeviation) {
    const float sum = sum_row(x, normalize.inner, [](auto, auto value, auto total) HWY_ATTR {
      return hn::Add(total, value);
    });
    mean = sum / static_cast<float>(normalize.inner);
  }
  float spread = 0.0f;
  if (normalize.attributes.kind == NormalizeKind::kNorm1) {
    spread = sum_row(x, normalize.inner, [](auto, auto value, auto total) HWY_ATTR {
      return hn::Add(total, hn::Abs(value));
    });
  } else {
    spread = sum_row(x, normalize.inner, [mean](auto d, auto value, auto total) HWY_ATTR {
      const auto rest = hn::Sub(value, hn::Set(d, mean));
      return hn::MulAdd(rest, rest, total);
    });
  }
  return row_factors(normalize, mean, spread);
}

// y = (x - mean) * factor, then times scale, plus bias.
template <bool kScale, bool kBias>
HWY_INLINE void write_row(const Normalize& normalize, const RowFactors& factors, const float* x,
                          float* y) {
  for_each_vector(normalize.inner, [&](auto d, std::size_t i) HWY_ATTR {
    const auto rest = hn::Sub(hn::LoadU(d, x + i), hn::Set(d, factors.mean));
    auto value = hn::Mul(rest, hn::Set(d, factors.factor));
    auto bias = hn::Zero(d);
    if constexpr (kBias) bias = hn::LoadU(d, normalize.bias + i);
    if constexpr (kScale) {
      value = hn::MulAdd(value, hn::LoadU(d, normalize.scale + i), bias);
    } else if constexpr (kBias) {
      value = hn::Add(value, bias);
    }
    hn::StoreU(canonical_vector(d, value), d, y + i);
  });
}

void normalize_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const NormalizeJob*>(context);
  const Normalize& normalize = job.normalize;
  const RowSplit::Part part = job.split.part(chunk);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    const float* x = normalize.x + r * normalize.x_pitch;
    float* y = normalize.y + r * normalize.y_pitch;
    const RowFactors factors = factors_of(normalize, x);
    if (normalize.attributes.result == NormalizeResult::kMean) {
      y[0] = canonical(factors.mean);
    } else if (normalize.attributes.result == NormalizeResult::kInverseDeviation) {
      y[0] = canonical(factors.factor);
    } else if (normalize.scale != nullptr && normalize.bias != nullptr) {
      write_row<true, true>(normalize, factors, x, y);
    } else if (normalize.scale != nullptr) {
      write_row<true, false>(normalize, factors, x, y);
    } else if (normalize.bias != nullptr) {
      write_row<false, true>(normalize, factors, x, y);
    } else {
      write_row<false, false>(normalize, factors, x, y);
    }
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

void normalize_vector(const Normalize& normalize, const RunContext& context) {
  NormalizeJob job{normalize,
                   RowSplit(normalize.rows, normalize.inner, false, context.wanted_chunks())};
  const ChunkFn chunk = SZ_VECTOR_SELECT(normalize_chunk);
  if (chunk == nullptr) {
    normalize_reference(normalize);
    return;
  }
  context.share(chunk, &job, job.split.chunks());
}

}  // namespace sz::ops
#endif  // HWY_ONCE
