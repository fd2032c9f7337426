#include "ops/elementwise/elementwise.h"
#include "ops/elementwise/functions.h"
#include "ops/split.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/elementwise/vector_unary.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "math/elementary_inl.h"
#include "ops/vector_inl.h"

#ifndef SZ_OPS_UNARY_JOB
#define SZ_OPS_UNARY_JOB
namespace sz::ops {
namespace {

struct UnaryJob {
  const Unary& unary;
  RowSplit split;
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

namespace em = sz::math::HWY_NAMESPACE;

#define SZ_OPS_INLINE HWY_INLINE
#include "ops/elementwise/functions.inc"
#undef SZ_OPS_INLINE

// y[i] = f(d, x[i]) in full vectors; what is left at the end goes through a full vector too, so
// that f, which may be long, is there once.
template <class Function>
HWY_INLINE void map_run(const float* x, float* y, std::size_t count, Function f) {
  const Full d;
  HWY_ALIGN float rest[kLanes] = {};
  for (std::size_t i = 0; i < count; i += kLanes) {
    const std::size_t left = count - i;
    if (left < kLanes) {
      for (std::size_t k = 0; k < left; ++k) rest[k] = x[i + k];
    }
    const float* from = left < kLanes ? rest : x + i;
    float* to = left < kLanes ? rest : y + i;
    hn::StoreU(canonical_vector(d, f(d, hn::LoadU(d, from))), d, to);
    if (left < kLanes) {
      for (std::size_t k = 0; k < left; ++k) y[i + k] = rest[k];
    }
  }
}

// The same for an f that is short and deals with NaN: no test in the loop, and several copies of f.
template <class Function>
HWY_INLINE void map_short_run(const float* x, float* y, std::size_t count, Function f) {
  for_each_vector(count, [&](auto d, std::size_t i)
                             HWY_ATTR { hn::StoreU(f(d, hn::LoadU(d, x + i)), d, y + i); });
}

template <bool short_function, class Function>
HWY_INLINE void map_part(const Unary& unary, const RowSplit::Part& part, Function f) {
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    const float* x = unary.x + r * unary.x_pitch + part.column_begin;
    float* y = unary.y + r * unary.y_pitch + part.column_begin;
    if constexpr (short_function) {
      map_short_run(x, y, part.columns(), f);
    } else {
      map_run(x, y, part.columns(), f);
    }
  }
}

template <UnaryKind kind>
HWY_NOINLINE void activation_part(const Unary& unary, const RowSplit::Part& part) {
  const ActivationAttributes a = unary.activation;  // a copy: stores to y cannot change it
  map_part<false>(unary, part, [&](auto d, auto x) HWY_ATTR {
    using A = em::Lanes<decltype(d)>;
    return unary_function<kind, A>(x, hn::Set(d, a.alpha), hn::Set(d, a.beta));
  });
}

HWY_NOINLINE void clamp_part(const Unary& unary, const RowSplit::Part& part) {
  const Clamp clamp = unary.clamp;
  map_part<true>(unary, part, [&](auto d, auto x) HWY_ATTR {
    return finish_vector(d, x, hn::Set(d, clamp.low), hn::Set(d, clamp.high));
  });
}

HWY_NOINLINE void leaky_relu_part(const Unary& unary, const RowSplit::Part& part) {
  const float slope = unary.slope;
  map_part<true>(unary, part, [&](auto d, auto x) HWY_ATTR {
    const auto scaled = hn::Mul(x, hn::Set(d, slope));
    return canonical_vector(d, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), scaled, x));
  });
}

void unary_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const UnaryJob*>(context);
  const RowSplit::Part part = job.split.part(chunk);
  switch (job.unary.kind) {
    case UnaryKind::kClamp:
      return clamp_part(job.unary, part);
    case UnaryKind::kLeakyRelu:
      return leaky_relu_part(job.unary, part);
#define SZ_OPS_CASE(kind) \
  case UnaryKind::kind:   \
    return activation_part<UnaryKind::kind>(job.unary, part);
      SZ_OPS_ACTIVATIONS(SZ_OPS_CASE)
#undef SZ_OPS_CASE
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

void unary_vector(const Unary& unary, const RunContext& context) {
  Unary flat = unary;
  if (unary.x_pitch == unary.inner && unary.y_pitch == unary.inner) {
    flat.inner = unary.rows * unary.inner;
    flat.rows = 1;
  }
  UnaryJob job{flat, RowSplit(flat.rows, flat.inner, true, context.wanted_chunks())};
  const ChunkFn chunk = SZ_VECTOR_SELECT(unary_chunk);
  if (chunk == nullptr) {
    unary_reference(unary);
    return;
  }
  if (unary.kind != UnaryKind::kClamp && unary.in_place) {
    // Twice would apply the function twice, so it is not handed out. A clamp is: to clamp an
    // element twice is to clamp it once.
    for (std::uint32_t i = 0; i < job.split.chunks(); ++i) chunk(&job, i, 0);
    return;
  }
  context.share(chunk, &job, job.split.chunks());
}

}  // namespace sz::ops
#endif  // HWY_ONCE
