// The arithmetic of ops/quantized/rescale.h in vector form, compiled once for each target
// (Highway's include idiom: no #pragma once).
#if defined(SZ_OPS_QUANTIZED_RESCALE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SZ_OPS_QUANTIZED_RESCALE_INL_H
#undef SZ_OPS_QUANTIZED_RESCALE_INL_H
#else
#define SZ_OPS_QUANTIZED_RESCALE_INL_H
#endif

#include <hwy/highway.h>

#include "ops/quantized/rescale.h"
#include "ops/vector_inl.h"

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// Vectors of as many i32 as a vector has floats.
using Full32 = hn::RebindToSigned<Full>;
using Int32V = hn::Vec<Full32>;

// doubling_high_multiply().
HWY_INLINE Int32V doubling_high_multiply_vector(Int32V a, Int32V b) {
#if HWY_TARGET == HWY_NEON
  return Int32V(vqrdmulhq_s32(a.raw, b.raw));
#else
  const Full32 d;
  const hn::RepartitionToWide<Full32> wide;
  const hn::RebindToUnsigned<decltype(wide)> bits;
  const auto half = hn::Set(wide, std::int64_t{1} << 30);
  const auto even = hn::Add(hn::MulEven(a, b), half);
  const auto odd_a = hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(bits, a)));
  const auto odd_b = hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(bits, b)));
  const auto odd = hn::Add(hn::MulEven(odd_a, odd_b), half);
  // Bits 31 to 62 of both: to the low half of an even lane's place, the high half of an odd one's.
  return hn::OddEven(hn::BitCast(d, hn::ShiftLeft<1>(odd)),
                     hn::BitCast(d, hn::ShiftRight<31>(hn::BitCast(bits, even))));
#endif
}

// A shift for each lane, in the form in which the shifts below want it.
struct Shifts {
  Int32V left;
  Int32V right;  // NEON: negative
  Int32V half;   // 2^right / 2; not on NEON
  HWY_INLINE Shifts() {}

  // `shift` in [-31, 30].
  HWY_INLINE explicit Shifts(Int32V shift) {
    const Full32 d;
    left = hn::Max(shift, hn::Zero(d));
    right = hn::Min(shift, hn::Zero(d));
#if HWY_TARGET != HWY_NEON
    right = hn::Neg(right);
    half = hn::ShiftRight<1>(hn::Shl(hn::Set(d, 1), hn::Min(right, hn::Set(d, 30))));
    // 2^31 is no i32.
    half = hn::Add(half, hn::IfThenElseZero(hn::Eq(right, hn::Set(d, 31)), hn::Set(d, 1 << 29)));
#endif
  }
};

// rounding_shift_right().
HWY_INLINE Int32V rounding_shift_right_vector(Int32V x, const Shifts& shifts) {
#if HWY_TARGET == HWY_NEON
  // The instruction rounds ties upwards: 1 less where x is negative and there is a shift.
  const int32x4_t fix = vshrq_n_s32(vandq_s32(x.raw, shifts.right.raw), 31);
  return Int32V(vrshlq_s32(vqaddq_s32(x.raw, fix), shifts.right.raw));
#else
  const Full32 d;
  const hn::RebindToUnsigned<Full32> bits;
  const auto magnitude = hn::BitCast(bits, hn::Add(hn::Abs(x), shifts.half));  // below 2^32
  const auto rounded = hn::BitCast(d, hn::Shr(magnitude, hn::BitCast(bits, shifts.right)));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Neg(rounded), rounded);
#endif
}

// multiply_fixed().
HWY_INLINE Int32V multiply_fixed_vector(Int32V x, Int32V multiplier, const Shifts& shifts) {
  const Int32V shifted = hn::Shl(x, shifts.left);
  return rounding_shift_right_vector(doubling_high_multiply_vector(shifted, multiplier), shifts);
}

// The same where every shift is below 0 and no multiplier is -2^31.
HWY_INLINE Int32V multiply_fixed_right(Int32V x, Int32V multiplier, const Shifts& shifts) {
  const Int32V product = doubling_high_multiply_vector(x, multiplier);
#if HWY_TARGET == HWY_NEON
  return Int32V(vrshlq_s32(vsraq_n_s32(product.raw, product.raw, 31), shifts.right.raw));
#else
  return rounding_shift_right_vector(product, shifts);
#endif
}

// What finish_fixed() and finish_float() need, in every lane.
struct Bounds {
  Int32V zero, low, high;  // low and high without the zero point
  HWY_INLINE explicit Bounds(const QuantOutput& y) {
    const Full32 d;
    zero = hn::Set(d, y.zero);
    low = hn::Set(d, y.low - y.zero);
    high = hn::Set(d, y.high - y.zero);
  }
};

HWY_INLINE Int32V finish_fixed_vector(Int32V rescaled, const Bounds& bounds) {
  return hn::Add(bounds.zero, hn::Min(hn::Max(rescaled, bounds.low), bounds.high));
}

// finish_float(): `value` is no NaN.
HWY_INLINE Int32V finish_float_vector(hn::Vec<Full> value, const Bounds& bounds) {
  const Full d;
  value = hn::Max(value, hn::ConvertTo(d, bounds.low));
  value = hn::Min(value, hn::ConvertTo(d, bounds.high));
  return hn::Add(bounds.zero, hn::NearestInt(value));
}

// The bytes from `from` on as i32, and back. `values` are in [-128, 127].
HWY_INLINE Int32V load_bytes(const std::int8_t* from) {
  return hn::PromoteTo(Full32(), hn::LoadU(hn::Rebind<std::int8_t, Full32>(), from));
}
HWY_INLINE void store_bytes(Int32V values, std::int8_t* to) {
  const hn::Rebind<std::int8_t, Full32> d;
  hn::StoreU(hn::DemoteTo(d, values), d, to);
}

// body(i, lanes) with full vectors only: a last one that would reach beyond `count` begins earlier
// and does some elements again; with fewer than a vector's, `rest(i)` does each. Not in place.
template <class Body, class Rest>
HWY_INLINE void for_each_full_vector(std::size_t count, Body body, Rest rest) {
  if (count < kLanes) {
    for (std::size_t i = 0; i < count; ++i) rest(i);
    return;
  }
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) body(i);
  if (i < count) body(count - kLanes);
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
