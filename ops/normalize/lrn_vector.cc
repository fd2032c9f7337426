#include "ops/normalize/lrn.h"
#include "ops/split.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/normalize/lrn_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/vector_inl.h"

#ifndef SZ_OPS_LRN_JOB
#define SZ_OPS_LRN_JOB
namespace sz::ops {
namespace {

struct LrnJob {
  const Lrn& lrn;
  const RunContext& context;
  RowSplit split;
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

template <class D>
HWY_INLINE hn::Vec<D> power(D d, hn::Vec<D> s, float beta) {
  if (beta == 0.75f) return hn::Mul(hn::Sqrt(s), hn::Sqrt(hn::Sqrt(s)));
  if (beta == 0.5f) return hn::Sqrt(s);
  if (beta == 1.0f) return s;
  HWY_ALIGN float lanes[kLanes];
  hn::Store(s, d, lanes);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = lrn_power(lanes[i], beta);
  return hn::Load(d, lanes);
}

void lrn_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  const auto& job = *static_cast<const LrnJob*>(context);
  const Lrn& lrn = job.lrn;
  auto* padded = reinterpret_cast<float*>(job.context.scratch_of(worker));
  float* squares = padded + lrn.before();
  for (std::size_t i = 0; i < lrn.before(); ++i) padded[i] = 0.0f;
  for (std::size_t i = 0; i < lrn.after(); ++i) squares[lrn.inner + i] = 0.0f;
  const RowSplit::Part part = job.split.part(chunk);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    const float* x = lrn.x + r * lrn.x_pitch;
    float* y = lrn.y + r * lrn.y_pitch;
    for_each_vector(lrn.inner, [&](auto d, std::size_t i) HWY_ATTR {
      const auto value = hn::LoadU(d, x + i);
      hn::StoreU(hn::Mul(value, value), d, squares + i);
    });
    for_each_vector(lrn.inner, [&](auto d, std::size_t i) HWY_ATTR {
      auto sum = hn::Zero(d);
      for (std::size_t k = 0; k < lrn.attributes.size; ++k) {
        sum = hn::Add(sum, hn::LoadU(d, padded + i + k));
      }
      const auto s = hn::MulAdd(hn::Set(d, lrn.factor()), sum, hn::Set(d, lrn.attributes.bias));
      const auto value = hn::Div(hn::LoadU(d, x + i), power(d, s, lrn.attributes.beta));
      hn::StoreU(canonical_vector(d, value), d, y + i);
    });
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

void lrn_vector(const Lrn& lrn, const RunContext& context) {
  LrnJob job{lrn, context, RowSplit(lrn.rows, lrn.inner, false, context.wanted_chunks())};
  const ChunkFn chunk = SZ_VECTOR_SELECT(lrn_chunk);
  if (chunk == nullptr) {
    lrn_reference(lrn);
    return;
  }
  context.share(chunk, &job, job.split.chunks());
}

}  // namespace sz::ops
#endif  // HWY_ONCE
