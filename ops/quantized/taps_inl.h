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

#if HWY_TARGET == HWY_AVX3
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
#else
HWY_BEFORE_NAMESPACE();
#endif
namespace sz::ops::HWY_NAMESPACE {

// A block's channels: `count` of them exist.
struct Edge {
  std::size_t count;
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

// Writes the weights of one group of taps in the order of add(); `rows` are the taps' weights of
// the block, nullptr where there is no tap.
template <bool kBytes>
HWY_INLINE void put_weights(const std::int8_t* const* rows, std::int32_t, const Edge& edge,
                            std::byte* to) {
  Sum w[kTaps];
  HWY_UNROLL(4) for (std::size_t t = 0; t < kTaps; ++t) {
    w[t] = rows[t] == nullptr ? zero_sum() : _mm512_maskz_loadu_epi8(edge.mask, rows[t]);
  }
  const Sum low01 = _mm512_unpacklo_epi8(w[0], w[1]);
  const Sum high01 = _mm512_unpackhi_epi8(w[0], w[1]);
  const Sum low23 = _mm512_unpacklo_epi8(w[2], w[3]);
  const Sum high23 = _mm512_unpackhi_epi8(w[2], w[3]);
  _mm512_storeu_si512(to, _mm512_unpacklo_epi16(low01, low23));
  _mm512_storeu_si512(to + 64, _mm512_unpackhi_epi16(low01, low23));
  _mm512_storeu_si512(to + 128, _mm512_unpacklo_epi16(high01, high23));
  _mm512_storeu_si512(to + 192, _mm512_unpackhi_epi16(high01, high23));
}

// The inputs of one tap, and on to the next pixel.
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

template <bool kBytes>
HWY_INLINE void put_weights(const std::int8_t* const* rows, std::int32_t zero, const Edge&,
                            std::byte* to) {
  const __m256i zeroes = _mm256_set1_epi16(static_cast<std::int16_t>(zero));
  Sum w[kTaps];
  HWY_UNROLL(2) for (std::size_t t = 0; t < kTaps; ++t) {
    w[t] = rows[t] == nullptr ? zero_sum() : _mm256_sub_epi16(widen_sixteen(rows[t]), zeroes);
  }
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_unpacklo_epi16(w[0], w[1]));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 32), _mm256_unpackhi_epi16(w[0], w[1]));
}

HWY_INLINE Input take_input(const std::int8_t*& x, std::size_t step, const Edge&) {
  const Input input = widen_sixteen(x);
  x += step;
  return input;
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

HWY_INLINE void store_block(const Int32V* rescaled, const QuantOutput& t, std::byte* y,
                            const Edge& edge) {
  const __m256i words = _mm256_adds_epi16(_mm256_packs_epi32(rescaled[0].raw, rescaled[1].raw),
                                          _mm256_set1_epi16(static_cast<std::int16_t>(t.zero)));
  __m128i bytes =
      _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  bytes = _mm_max_epi8(bytes, _mm_set1_epi8(static_cast<char>(t.low)));
  bytes = _mm_min_epi8(bytes, _mm_set1_epi8(static_cast<char>(t.high)));
  const bool whole = edge.count == kBlock;
  HWY_ALIGN std::byte copy[kBlock];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(whole ? y : copy), bytes);
  if (!whole) copy_bytes(y, copy, edge.count);
}

#else
inline constexpr std::size_t kBlock = 16, kSums = 4, kTaps = 2;

constexpr std::size_t channel_in_block(std::size_t j, std::size_t at) { return 4 * j + at; }

template <bool kBytes>
HWY_INLINE void put_weights(const std::int8_t* const* rows, std::int32_t zero, const Edge&,
                            std::byte* to) {
  HWY_UNROLL(2) for (std::size_t t = 0; t < kTaps; ++t) {
    const int8x16_t w = rows[t] == nullptr ? vdupq_n_s8(0) : vld1q_s8(rows[t]);
    if constexpr (kBytes) {
      vst1q_s8(reinterpret_cast<std::int8_t*>(to) + t * kBlock, w);
    } else {
      auto* words = reinterpret_cast<std::int16_t*>(to) + t * kBlock;
      const int16x8_t zeroes =
          vdupq_n_s16(static_cast<std::int16_t>(rows[t] == nullptr ? 0 : zero));
      vst1q_s16(words, vsubq_s16(vmovl_s8(vget_low_s8(w)), zeroes));
      vst1q_s16(words + 8, vsubq_s16(vmovl_high_s8(w), zeroes));
    }
  }
}

HWY_INLINE Input take_input(const std::int8_t*& x, std::size_t step, const Edge&) {
  Input input;  // one instruction for both
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

HWY_INLINE void store_block(const Int32V* rescaled, const QuantOutput& t, std::byte* y,
                            const Edge& edge) {
  const Finish finish(t);
  const int8x16_t bytes = finish.bytes(rescaled);
  const bool whole = edge.count == kBlock;
  std::int8_t copy[kBlock];
  vst1q_s8(whole ? reinterpret_cast<std::int8_t*>(y) : copy, bytes);
  if (!whole) copy_bytes(y, copy, edge.count);
}
#endif

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
