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

// finish() of ops/rules.h.
template <class D>
HWY_INLINE hn::Vec<D> finish_vector(D d, hn::Vec<D> value, hn::Vec<D> low, hn::Vec<D> high) {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  // MAXPS is "first > second ? first : second", MINPS likewise: just the comparisons of the rule.
  value = hn::Max(low, value);
  value = hn::Min(high, value);
#else
  value = hn::IfThenElse(hn::Lt(value, low), low, value);
  value = hn::IfThenElse(hn::Gt(value, high), high, value);
#endif
  return canonical_vector(d, value);
}

// maximum() of ops/rules.h.
template <class V>
HWY_INLINE V maximum_vector(V first, V second) {
  const auto takes = hn::Or(hn::Gt(second, first), hn::IsNaN(second));
  return hn::IfThenElse(takes, second, first);
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
