// The exponential function of math/exp.h in vector form, compiled once for each Highway target
// (Highway's include idiom: no #pragma once). Same operations in the same order: same bits.
#if defined(SZ_MATH_EXP_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SZ_MATH_EXP_INL_H
#undef SZ_MATH_EXP_INL_H
#else
#define SZ_MATH_EXP_INL_H
#endif

#include <hwy/highway.h>

#include "math/exp.h"

HWY_BEFORE_NAMESPACE();
namespace sz::math::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 2^n for n in [-126, 127].
template <class D, class VI>
HWY_INLINE hn::Vec<D> power_of_two_vector(D d, VI n) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127))));
}

// e^x for each lane; range and error as exp().
template <class D>
HWY_INLINE hn::Vec<D> exp_vector(D d, hn::Vec<D> x) {
  using K = ExpConstants;
  const hn::RebindToSigned<D> di;
  const auto low = hn::Set(d, K::kLow);
  const auto high = hn::Set(d, K::kHigh);
  const auto rounder = hn::Set(d, K::kRounder);
  x = hn::IfThenElse(hn::Lt(x, low), low, x);
  x = hn::IfThenElse(hn::Gt(x, high), high, x);
  const auto shifted = hn::MulAdd(x, hn::Set(d, K::kLog2E), rounder);
  const auto n = hn::Sub(shifted, rounder);
  auto r = hn::MulAdd(n, hn::Set(d, -K::kLn2High), x);
  r = hn::MulAdd(n, hn::Set(d, -K::kLn2Low), r);
  auto p = hn::Set(d, K::kSeries[0]);
  HWY_UNROLL(8) for (int i = 1; i < 8; ++i) p = hn::MulAdd(p, r, hn::Set(d, K::kSeries[i]));
  const auto whole = hn::Sub(hn::BitCast(di, shifted), hn::BitCast(di, rounder));
  const auto half = hn::ShiftRight<1>(whole);
  const auto rest = hn::Sub(whole, half);
  return hn::Mul(hn::Mul(p, power_of_two_vector(d, half)), power_of_two_vector(d, rest));
}

// exp_weight() for each lane.
template <class D>
HWY_INLINE hn::Vec<D> exp_weight_vector(D d, hn::Vec<D> x) {
  using K = ExpConstants;
  const hn::RebindToSigned<D> di;
  const auto rounder = hn::Set(d, K::kRounder);
  const auto shifted = hn::MulAdd(x, hn::Set(d, K::kLog2E), rounder);
  const auto n = hn::Sub(shifted, rounder);
  auto r = hn::MulAdd(n, hn::Set(d, -K::kLn2High), x);
  r = hn::MulAdd(n, hn::Set(d, -K::kLn2Low), r);
  auto p = hn::Set(d, K::kSeries[0]);
  HWY_UNROLL(8) for (int i = 1; i < 8; ++i) p = hn::MulAdd(p, r, hn::Set(d, K::kSeries[i]));
  // The rounder has zeroes where the shift leaves anything.
  static_assert(std::bit_cast<std::uint32_t>(K::kRounder) << 23 == 0);
  const auto power = hn::ShiftLeft<23>(hn::Add(hn::BitCast(di, shifted), hn::Set(di, 127)));
  const auto result = hn::Mul(p, hn::BitCast(d, power));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, kLeastWeight)), result);
}

}  // namespace sz::math::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
