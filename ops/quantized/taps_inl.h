// Sums of taps channel by channel for each target: what ops/quantized/qdepthwise_vector.cc is made
// of (Highway's include idiom: no #pragma once).
//
// Channels are done in blocks of kBlock, with kSums vectors of sums, taps in groups of kTaps.
//   AVX-512 VNNI: 4 taps of a channel side by side make the quads of the instruction. x has its top
//     bit flipped, see ops/quantized/tile_inl.h.
//   AVX2: 2 taps side by side, in 16 bits.
//   NEON: tap by tap. kBytes: weights are bytes, none of them -128, and two products are added up
//   in
//     16 bits; else weights of 16 bits.
#if defined(SZ_OPS_QUANTIZED_TAPS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SZ_OPS_QUANTIZED_TAPS_INL_H
#undef SZ_OPS_QUANTIZED_TAPS_INL_H
#else
#define SZ_OPS_QUANTIZED_TAPS_INL_H
#endif

#include <hwy/highway.h>

#include "ops/quantized/tile_inl.h"

HWY_BEFORE_NAMESPACE();
#if HWY_TARGET == HWY_AVX3
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
#endif
namespace sz::ops::HWY_NAMESPACE {

// How a block's inputs are read and its outputs written: `count` of the channels exist.
struct Edge {
  std::size_t count;
  const std::int8_t* x_end;
#if HWY_TARGET == HWY_AVX3
  __mmask64 mask;
#endif
};

#if HWY_TARGET == HWY_NEON
using Input = int8x16_t;
#else
using Input = Sum;
#endif

#if HWY_TARGET == HWY_AVX3
inline constexpr std::size_t kBlock = 64, kSums = 4, kTaps = 4;

// Channel of lane `at` of vector j of a block: bytes are interleaved within 128 bits.
constexpr std::size_t channel_in_block(std::size_t j, std::size_t at) {
  return at / 4 * 16 + 4 * j + at % 4;
}

// The inputs of one tap, and on to the next pixel.
template <bool kWhole>
HWY_INLINE Input take_input(const std::int8_t*& x, std::size_t step, const Edge& edge) {
  const Sum input = _mm512_maskz_loadu_epi8(edge.mask, x);
  x += step;
  return input;
}

// The weights of one group of taps.
template <bool kBytes>
struct TapWeights {
  Sum w[kSums];
  HWY_INLINE explicit TapWeights(const std::byte* from) {
    HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) w[j] = _mm512_load_si512(from + 64 * j);
  }
  HWY_INLINE void add(Sum* sums, const Input* x) const {
    const Sum flip = _mm512_set1_epi32(static_cast<int>(0x80808080u));
    const Sum low01 = _mm512_xor_si512(_mm512_unpacklo_epi8(x[0], x[1]), flip);
    const Sum high01 = _mm512_xor_si512(_mm512_unpackhi_epi8(x[0], x[1]), flip);
    const Sum low23 = _mm512_xor_si512(_mm512_unpacklo_epi8(x[2], x[3]), flip);
    const Sum high23 = _mm512_xor_si512(_mm512_unpackhi_epi8(x[2], x[3]), flip);
    sums[0] = add_products(sums[0], _mm512_unpacklo_epi16(low01, low23), w[0]);
    sums[1] = add_products(sums[1], _mm512_unpackhi_epi16(low01, low23), w[1]);
    sums[2] = add_products(sums[2], _mm512_unpacklo_epi16(high01, high23), w[2]);
    sums[3] = add_products(sums[3], _mm512_unpackhi_epi16(high01, high23), w[3]);
  }
};

template <bool kWhole>
HWY_INLINE void store_block(const Int32V* rescaled, const QuantOutput& t, std::byte* y,
                            const Edge& edge) {
  const Sum zero = _mm512_set1_epi16(static_cast<std::int16_t>(t.zero));
  const Sum low = _mm512_adds_epi16(_mm512_packs_epi32(rescaled[0].raw, rescaled[1].raw), zero);
  const Sum high = _mm512_adds_epi16(_mm512_packs_epi32(rescaled[2].raw, rescaled[3].raw), zero);
  Sum bytes = _mm512_packs_epi16(low, high);
  bytes = _mm512_max_epi8(bytes, _mm512_set1_epi8(static_cast<char>(t.low)));
  bytes = _mm512_min_epi8(bytes, _mm512_set1_epi8(static_cast<char>(t.high)));
  _mm512_mask_storeu_epi8(y, edge.mask, bytes);
}

#elif HWY_TARGET == HWY_AVX2
inline constexpr std::size_t kBlock = 16, kSums = 2, kTaps = 2;

constexpr std::size_t channel_in_block(std::size_t j, std::size_t at) {
  return at / 4 * 8 + 4 * j + at % 4;
}

HWY_INLINE __m256i widen_sixteen(const std::int8_t* x) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
}

template <bool kWhole>
HWY_INLINE Input take_input(const std::int8_t*& x, std::size_t step, const Edge& edge) {
  const std::int8_t* at = x;
  x += step;
  if (kWhole || static_cast<std::size_t>(edge.x_end - at) >= kBlock) return widen_sixteen(at);
  HWY_ALIGN std::int8_t copy[kBlock] = {};
  copy_bytes(copy, at, edge.count);
  return widen_sixteen(copy);
}

template <bool kBytes>
struct TapWeights {
  Sum w[kSums];
  HWY_INLINE explicit TapWeights(const std::byte* from) {
    HWY_UNROLL(2) for (std::size_t j = 0; j < kSums; ++j) {
      w[j] = _mm256_load_si256(reinterpret_cast<const __m256i*>(from + 32 * j));
    }
  }
  HWY_INLINE void add(Sum* sums, const Input* x) const {
    sums[0] = add_products(sums[0], _mm256_unpacklo_epi16(x[0], x[1]), w[0]);
    sums[1] = add_products(sums[1], _mm256_unpackhi_epi16(x[0], x[1]), w[1]);
  }
};

template <bool kWhole>
HWY_INLINE void store_block(const Int32V* rescaled, const QuantOutput& t, std::byte* y,
                            const Edge& edge) {
  const __m256i words = _mm256_adds_epi16(_mm256_packs_epi32(rescaled[0].raw, rescaled[1].raw),
                                          _mm256_set1_epi16(static_cast<std::int16_t>(t.zero)));
  __m128i bytes =
      _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  bytes = _mm_max_epi8(bytes, _mm_set1_epi8(static_cast<char>(t.low)));
  bytes = _mm_min_epi8(bytes, _mm_set1_epi8(static_cast<char>(t.high)));
  HWY_ALIGN std::byte copy[kBlock];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(kWhole ? y : copy), bytes);
  if (!kWhole) copy_bytes(y, copy, edge.count);
}

#else
inline constexpr std::size_t kBlock = 16, kSums = 4, kTaps = 2;

constexpr std::size_t channel_in_block(std::size_t j, std::size_t at) { return 4 * j + at; }

template <bool kWhole>
HWY_INLINE Input take_input(const std::int8_t*& x, std::size_t step, const Edge& edge) {
  if (!kWhole && static_cast<std::size_t>(edge.x_end - x) < kBlock) {
    std::int8_t copy[kBlock] = {};
    copy_bytes(copy, x, edge.count);
    x += step;
    return vld1q_s8(copy);
  }
  int8x16_t input;  // one instruction for both
  __asm__ volatile("ld1 {%0.16b}, [%1], %2" : "=w"(input), "+r"(x) : "r"(step) : "memory");
  return input;
}

template <bool kBytes>
struct TapWeights {
  int16x8_t w[2 * kTaps];
  HWY_INLINE explicit TapWeights(const std::byte* from) {
    const auto* words = reinterpret_cast<const std::int16_t*>(from);
    HWY_UNROLL(4) for (std::size_t j = 0; j < 2 * kTaps; ++j) w[j] = vld1q_s16(words + 8 * j);
  }
  HWY_INLINE void add(Sum* sums, const Input* x) const {
    HWY_UNROLL(2) for (std::size_t t = 0; t < kTaps; ++t) {
      const int16x8_t low = vmovl_s8(vget_low_s8(x[t]));
      const int16x8_t high = vmovl_high_s8(x[t]);
      sums[0] = vmlal_s16(sums[0], vget_low_s16(low), vget_low_s16(w[2 * t]));
      sums[1] = vmlal_high_s16(sums[1], low, w[2 * t]);
      sums[2] = vmlal_s16(sums[2], vget_low_s16(high), vget_low_s16(w[2 * t + 1]));
      sums[3] = vmlal_high_s16(sums[3], high, w[2 * t + 1]);
    }
  }
};

template <>
struct TapWeights<true> {
  int8x16_t w[kTaps];
  HWY_INLINE explicit TapWeights(const std::byte* from) {
    w[0] = vld1q_s8(reinterpret_cast<const std::int8_t*>(from));
    w[1] = vld1q_s8(reinterpret_cast<const std::int8_t*>(from) + kBlock);
  }
  HWY_INLINE void add(Sum* sums, const Input* x) const {
    int16x8_t low = vmull_s8(vget_low_s8(x[0]), vget_low_s8(w[0]));
    int16x8_t high = vmull_high_s8(x[0], w[0]);
    low = vmlal_s8(low, vget_low_s8(x[1]), vget_low_s8(w[1]));
    high = vmlal_high_s8(high, x[1], w[1]);
    sums[0] = vaddw_s16(sums[0], vget_low_s16(low));
    sums[1] = vaddw_high_s16(sums[1], low);
    sums[2] = vaddw_s16(sums[2], vget_low_s16(high));
    sums[3] = vaddw_high_s16(sums[3], high);
    HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) pin(sums[j]);
  }
};

template <bool kWhole>
HWY_INLINE void store_block(const Int32V* rescaled, const QuantOutput& t, std::byte* y,
                            const Edge& edge) {
  const Finish finish(t);
  const int8x16_t bytes =
      vcombine_s8(finish.bytes(rescaled[0], rescaled[1]), finish.bytes(rescaled[2], rescaled[3]));
  std::int8_t copy[kBlock];
  vst1q_s8(kWhole ? reinterpret_cast<std::int8_t*>(y) : copy, bytes);
  if (!kWhole) copy_bytes(y, copy, edge.count);
}
#endif

}  // namespace sz::ops::HWY_NAMESPACE
#if HWY_TARGET == HWY_AVX3
HWY_POP_ATTRIBUTES
#endif
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
