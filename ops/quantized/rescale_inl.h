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

// What the channels of one vector are rescaled with.
struct ChannelFactors {
  Int32V bias;
  Int32V factor;  // multipliers, or the bits of floats
  Int32V rest;    // the bits of floats, where factors are
  Shifts shifts;
  HWY_INLINE ChannelFactors() {}

  // From lists of biases and so on; `sums` are those of the weights.
  HWY_INLINE void load(const std::int32_t* biases, const std::int32_t* weight_sums,
                       const std::int32_t* factors, const std::int32_t* shift_list) {
    const Full32 d;
    bias = hn::LoadU(d, biases);
#if HWY_TARGET == HWY_AVX3
    bias = hn::Sub(bias, hn::ShiftLeft<7>(hn::LoadU(d, weight_sums)));
#else
    (void)weight_sums;
#endif
    factor = hn::LoadU(d, factors);
    rest = hn::LoadU(d, shift_list);
    shifts = Shifts(hn::Min(hn::Max(rest, hn::Set(d, -31)), hn::Set(d, 30)));
  }
};

// From lists whose shifts are in range.
HWY_INLINE void load_prepared(const std::int32_t* list, std::size_t step, ChannelFactors* factors) {
  const Full32 d;
  factors->bias = hn::LoadU(d, list);
  factors->factor = hn::LoadU(d, list + step);
  factors->rest = hn::LoadU(d, list + 2 * step);
  factors->shifts = Shifts(factors->rest);
}

// Ways of rescaling: floats, fixed point, and the latter with shifts to the right only.
enum class Way { kFloat, kFixed, kRight };

HWY_INLINE Way way_of(Rescaling mode, bool right_shifts) {
  if (mode == Rescaling::kFloat) return Way::kFloat;
  return right_shifts ? Way::kRight : Way::kFixed;
}

// The end of a quantised sum, in two steps: `rescaled` without bounds, and the bytes of several
// vectors at once.
struct Finish {
#if HWY_TARGET == HWY_NEON
  int16x8_t zero;
  int8x8_t low, high;
  HWY_INLINE explicit Finish(const QuantOutput& y)
      : zero(vdupq_n_s16(static_cast<std::int16_t>(y.zero))),
        low(vdup_n_s8(static_cast<std::int8_t>(y.low))),
        high(vdup_n_s8(static_cast<std::int8_t>(y.high))) {}
#else
  Bounds bounds;
  hn::Vec<Full> most;  // beyond it, a float is no i32
  HWY_INLINE explicit Finish(const QuantOutput& y)
      : bounds(y), most(hn::ConvertTo(Full(), bounds.high)) {}
#endif

  // A sum that has its bias.
  template <Way kWay>
  HWY_INLINE Int32V rescaled(Int32V sum, const ChannelFactors& factors) const {
    if constexpr (kWay == Way::kFixed) {
      return multiply_fixed_vector(sum, factors.factor, factors.shifts);
    }
    if constexpr (kWay == Way::kRight) {
      return multiply_fixed_right(sum, factors.factor, factors.shifts);
    }
    const Full d;
    const auto value = hn::MulAdd(hn::ConvertTo(d, sum), hn::BitCast(d, factors.factor),
                                  hn::BitCast(d, factors.rest));
#if HWY_TARGET == HWY_NEON
    return Int32V(vcvtnq_s32_f32(value.raw));  // saturates
#elif HWY_TARGET == HWY_AVX2
    return Int32V{_mm256_cvtps_epi32(hn::Min(value, most).raw)};
#else
    return Int32V{_mm512_cvtps_epi32(hn::Min(value, most).raw)};
#endif
  }

#if HWY_TARGET == HWY_NEON
  // 8 channels.
  HWY_INLINE int8x8_t bytes(Int32V first, Int32V second) const {
    const int16x8_t words = vqmovn_high_s32(vqmovn_s32(first.raw), second.raw);
    return vmax_s8(vmin_s8(vqmovn_s16(vqaddq_s16(words, zero)), high), low);
  }
  // 16 channels.
  HWY_INLINE int8x16_t bytes(const Int32V* q) const {
    const int16x8_t first = vqmovn_high_s32(vqmovn_s32(q[0].raw), q[1].raw);
    const int16x8_t second = vqmovn_high_s32(vqmovn_s32(q[2].raw), q[3].raw);
    const int8x16_t all =
        vqmovn_high_s16(vqmovn_s16(vqaddq_s16(first, zero)), vqaddq_s16(second, zero));
    return vmaxq_s8(vminq_s8(all, vcombine_s8(high, high)), vcombine_s8(low, low));
  }
#endif
};

// Channels that are stored at once, and their vectors.
inline constexpr std::size_t kStored = kLanes < 8 ? 8 : kLanes;
inline constexpr std::size_t kStoredVectors = kStored / kLanes;

HWY_INLINE void store_rescaled(const Int32V* rescaled, const Finish& finish, std::int8_t* to) {
#if HWY_TARGET == HWY_NEON
  vst1_s8(to, finish.bytes(rescaled[0], rescaled[1]));
#elif HWY_TARGET == HWY_AVX3
  const Int32V q = finish_fixed_vector(rescaled[0], finish.bounds);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(q.raw));
#else
  store_bytes(finish_fixed_vector(rescaled[0], finish.bounds), to);
#endif
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
