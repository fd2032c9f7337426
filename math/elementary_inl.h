// The functions of math/elementary.h in vector form, compiled once for each Highway target
// (Highway's include idiom: no #pragma once). Same operations in the same order: same bits.
#if defined(SZ_MATH_ELEMENTARY_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SZ_MATH_ELEMENTARY_INL_H
#undef SZ_MATH_ELEMENTARY_INL_H
#else
#define SZ_MATH_ELEMENTARY_INL_H
#endif

#include <hwy/highway.h>

#include "math/elementary.h"
#include "math/exp_inl.h"

HWY_BEFORE_NAMESPACE();
namespace sz::math::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The arithmetic of the vectors of tag D.
template <class D>
struct Lanes {
  using DI = hn::RebindToSigned<D>;
  using F = hn::Vec<D>;
  using I = hn::Vec<DI>;
  using M = hn::Mask<D>;

  static HWY_INLINE F set(float x) { return hn::Set(D(), x); }
  static HWY_INLINE I seti(std::int32_t x) { return hn::Set(DI(), x); }
  static HWY_INLINE F add(F a, F b) { return hn::Add(a, b); }
  static HWY_INLINE F sub(F a, F b) { return hn::Sub(a, b); }
  static HWY_INLINE F mul(F a, F b) { return hn::Mul(a, b); }
  static HWY_INLINE F div(F a, F b) { return hn::Div(a, b); }
  static HWY_INLINE F fma(F a, F b, F c) { return hn::MulAdd(a, b, c); }
  static HWY_INLINE F sqrt(F x) { return hn::Sqrt(x); }
  static HWY_INLINE F exp(F x) { return exp_vector(D(), x); }
  static HWY_INLINE F abs(F x) { return hn::Abs(x); }
  static HWY_INLINE F copy_sign(F size, F sign) { return hn::CopySign(size, sign); }
  static HWY_INLINE M less(F a, F b) { return hn::Lt(a, b); }
  static HWY_INLINE M equal(F a, F b) { return hn::Eq(a, b); }
  static HWY_INLINE M is_nan(F x) { return hn::IsNaN(x); }
  static HWY_INLINE F choose(M which, F yes, F no) { return hn::IfThenElse(which, yes, no); }
  static HWY_INLINE I bits(F x) { return hn::BitCast(DI(), x); }
  static HWY_INLINE F from_bits(I x) { return hn::BitCast(D(), x); }
  static HWY_INLINE I iadd(I a, I b) { return hn::Add(a, b); }
  static HWY_INLINE I isub(I a, I b) { return hn::Sub(a, b); }
  static HWY_INLINE I iand(I a, I b) { return hn::And(a, b); }
  static HWY_INLINE I ixor(I a, I b) { return hn::Xor(a, b); }
  template <int count>
  static HWY_INLINE I shift_left(I x) {
    return hn::ShiftLeft<count>(x);
  }
  template <int count>
  static HWY_INLINE I shift_right(I x) {
    return hn::ShiftRight<count>(x);
  }
  static HWY_INLINE M is_odd(I x) { return hn::RebindMask(D(), hn::TestBit(x, hn::Set(DI(), 1))); }
  static HWY_INLINE F power_of_two(I n) { return power_of_two_vector(D(), n); }

  // Rare: one lane after the other.
  static HWY_INLINE void large_quarters(F x, F& r, I& n) {
    const auto large = hn::Gt(hn::Abs(x), hn::Set(D(), kLargeAngle));
    if (hn::AllFalse(D(), large)) return;
    constexpr std::size_t kLanes = hn::MaxLanes(D());
    HWY_ALIGN float angles[kLanes];
    HWY_ALIGN float rests[kLanes];
    HWY_ALIGN std::int32_t quarters[kLanes];
    hn::Store(x, D(), angles);
    hn::Store(r, D(), rests);
    hn::Store(n, DI(), quarters);
    for (std::size_t i = 0; i < kLanes; ++i) {
      if (is_large_angle(angles[i])) quarters[i] = reduce_large_angle(angles[i], &rests[i]);
    }
    r = hn::Load(D(), rests);
    n = hn::Load(DI(), quarters);
  }
};

#define SZ_MATH_INLINE HWY_INLINE
#include "math/elementary.inc"
#undef SZ_MATH_INLINE

}  // namespace sz::math::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
