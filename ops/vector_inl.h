// The rules of ops/rules.h in vector form, compiled once for each target (Highway's include
// idiom: no #pragma once).
#if defined(SZ_OPS_VECTOR_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SZ_OPS_VECTOR_INL_H
#undef SZ_OPS_VECTOR_INL_H
#else
#define SZ_OPS_VECTOR_INL_H
#endif

#include <hwy/highway.h>

#include <bit>
#include <cstddef>

#include "ops/attributes.h"
#include "ops/rules.h"

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Full vectors: 4 floats on NEON, 8 on AVX2, 16 on AVX-512.
using Full = hn::ScalableTag<float>;
inline constexpr std::size_t kLanes = HWY_LANES(float);

template <class D>
HWY_INLINE hn::Vec<D> canonical_vector(D d, hn::Vec<D> value) {
  return hn::IfThenElse(hn::Eq(value, value), value,
                        hn::Set(d, std::bit_cast<float>(kCanonicalNanBits)));
}

#if HWY_TARGET == HWY_NEON
// Highway's Min and Max are FMINNM and FMAXNM, which drop NaNs.
HWY_INLINE float32x4_t fmin_of(float32x4_t a, float32x4_t b) { return vminq_f32(a, b); }
HWY_INLINE float32x2_t fmin_of(float32x2_t a, float32x2_t b) { return vmin_f32(a, b); }
HWY_INLINE float32x4_t fmax_of(float32x4_t a, float32x4_t b) { return vmaxq_f32(a, b); }
HWY_INLINE float32x2_t fmax_of(float32x2_t a, float32x2_t b) { return vmax_f32(a, b); }
#endif

// finish() of ops/rules.h.
template <class D>
HWY_INLINE hn::Vec<D> finish_vector(D d, hn::Vec<D> value, hn::Vec<D> low, hn::Vec<D> high) {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  // MAXPS is "first > second ? first : second", MINPS likewise: just the comparisons of the rule.
  value = hn::Max(low, value);
  value = hn::Min(high, value);
#elif HWY_TARGET == HWY_NEON
  // FMIN passes NaNs on; of two zeroes it takes -0, which differs from the rule for a bound of -0
  // only: that becomes +0. FMAX would make +0 of max(-0, +0).
  value = hn::IfThenElse(hn::Lt(value, low), low, value);
  value = hn::Vec<D>(fmin_of(value.raw, hn::Add(high, hn::Zero(d)).raw));
#else
  value = hn::IfThenElse(hn::Lt(value, low), low, value);
  value = hn::IfThenElse(hn::Gt(value, high), high, value);
#endif
  return canonical_vector(d, value);
}

// leaky_relu() of ops/rules.h, but for the look of NaNs.
template <class D>
HWY_INLINE hn::Vec<D> leaky_vector(D d, hn::Vec<D> value, hn::Vec<D> slope) {
  return hn::IfThenElse(hn::Lt(value, hn::Zero(d)), hn::Mul(value, slope), value);
}

// maximum() of ops/rules.h.
template <class V>
HWY_INLINE V maximum_vector(V first, V second) {
#if HWY_TARGET == HWY_NEON
  // FMAX passes NaNs on, and differs from the rule for two zeroes only.
  return hn::IfThenElse(hn::Eq(first, second), first, V(fmax_of(first.raw, second.raw)));
#else
  const auto takes = hn::Or(hn::Gt(second, first), hn::IsNaN(second));
  return hn::IfThenElse(takes, second, first);
#endif
}

// minimum() of ops/rules.h.
template <class V>
HWY_INLINE V minimum_vector(V first, V second) {
  const auto takes = hn::Or(hn::Lt(second, first), hn::IsNaN(second));
  return hn::IfThenElse(takes, second, first);
}

// Calls body(d, i) so that the vectors [i, i + Lanes(d)) cover [0, count): full vectors first,
// then vectors of 4, then single elements. Never touches anything beyond.
template <class Body>
HWY_INLINE void for_each_vector(std::size_t count, Body body) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) body(Full(), i);
  if constexpr (kLanes > 4) {
    const hn::CappedTag<float, 4> four;
    for (; i + 4 <= count; i += 4) body(four, i);
  }
  const hn::CappedTag<float, 1> one;
  for (; i < count; ++i) body(one, i);
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
