// Tiles of sums of products of bytes for each target: what ops/quantized/qgemm_vector.cc loops
// over (Highway's include idiom: no #pragma once).
//
// A panel is 16 channels; for each quad (4 inputs) it holds 16 times 4 weights. A tile keeps the
// sums of kRows rows and kPanels panels (NEON: or half a panel) in registers:
//   AVX-512 VNNI: a vector for each panel. The instruction wants unsigned bytes on one side: x has
//     its top bit flipped, which adds 128 to it, and 128 times the sum of the weights is taken off
//     the bias.
//   AVX2: four vectors for each panel, of 4 channels x 2 partial sums, of products of 16 bits.
//   NEON: two for each 4 channels, of 2 channels x 2 partial sums. Where no weight is -128, two
//     products are added up in 16 bits. With dot products: one for each 4 channels.
#if defined(SZ_OPS_QUANTIZED_TILE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SZ_OPS_QUANTIZED_TILE_INL_H
#undef SZ_OPS_QUANTIZED_TILE_INL_H
#else
#define SZ_OPS_QUANTIZED_TILE_INL_H
#endif

#include <hwy/highway.h>

#include "base/memory.h"
#include "ops/gemm/pack.h"
#include "ops/quantized/rescale_inl.h"

#if HWY_TARGET == HWY_AVX3
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
#else
HWY_BEFORE_NAMESPACE();
#endif
namespace sz::ops::HWY_NAMESPACE {

inline constexpr std::size_t kQuadBytes = 4 * kPanelWidth;  // of a panel

HWY_INLINE std::int32_t load_quad(const std::int8_t* from) {
  std::int32_t quad;
  copy_bytes(&quad, from, sizeof(quad));
  return quad;
}

#if HWY_TARGET == HWY_AVX3
using Sum = __m512i;
inline constexpr std::size_t kSumChannels = 16;  // channels of a vector of sums

HWY_INLINE Sum zero_sum() { return _mm512_setzero_si512(); }
HWY_INLINE Sum load_x(const std::int8_t* x) {
  return _mm512_xor_si512(_mm512_set1_epi32(load_quad(x)),
                          _mm512_set1_epi32(static_cast<int>(0x80808080u)));
}
HWY_INLINE Sum load_w(const std::int8_t* w) { return _mm512_loadu_si512(w); }
HWY_INLINE Sum add_products(Sum sum, Sum x, Sum w) { return _mm512_dpbusd_epi32(sum, x, w); }
HWY_INLINE Int32V channels_of(const Sum* sums) { return Int32V{sums[0]}; }

#elif HWY_TARGET == HWY_AVX2
using Sum = __m256i;
inline constexpr std::size_t kSumChannels = 4;

HWY_INLINE Sum zero_sum() { return _mm256_setzero_si256(); }
HWY_INLINE Sum load_x(const std::int8_t* x) {
  return _mm256_cvtepi8_epi16(_mm_set1_epi32(load_quad(x)));
}
HWY_INLINE Sum load_w(const std::int8_t* w) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w)));
}
HWY_INLINE Sum add_products(Sum sum, Sum x, Sum w) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w));
}
// 8 channels of two vectors.
HWY_INLINE Int32V channels_of(const Sum* sums) {
  return Int32V{_mm256_permute4x64_epi64(_mm256_hadd_epi32(sums[0], sums[1]), 0xd8)};
}

#elif HWY_TARGET == HWY_NEON
using Sum = int32x4_t;

HWY_INLINE Sum zero_sum() { return vdupq_n_s32(0); }
HWY_INLINE int8x16_t load_w(const std::int8_t* w) { return vld1q_s8(w); }

#if defined(__ARM_FEATURE_DOTPROD)
inline constexpr std::size_t kSumChannels = 4;
HWY_INLINE Int32V channels_of(const Sum* sums) { return Int32V(sums[0]); }
#else
inline constexpr std::size_t kSumChannels = 2;
HWY_INLINE Int32V channels_of(const Sum* sums) { return Int32V(vpaddq_s32(sums[0], sums[1])); }

// 4 channels of one quad.
HWY_INLINE void add_products(Sum* sums, int8x16_t x, int8x16_t w) {
  sums[0] = vpadalq_s16(sums[0], vmull_s8(vget_low_s8(x), vget_low_s8(w)));
  sums[1] = vpadalq_s16(sums[1], vmull_high_s8(x, w));
}

// Fixes an instruction's place among the others that are fixed. Left alone, the compiler moves
// products and loads so far ahead that sums leave the registers.
template <class T>
HWY_INLINE void pin(T& v) {
  __asm__ volatile("" : "+w"(v));
}

// The next quad of a row, in all lanes.
HWY_INLINE int8x16_t take_quad(const std::int8_t*& x) {
  int8x16_t quad;
  __asm__ volatile("ld1r {%0.4s}, [%1], #4" : "=w"(quad), "+r"(x) : : "memory");
  return quad;
}
#endif
#endif

// kRows rows x kChannels channels; weights of panel p lie p * panel_step after those of the first.
template <std::size_t kRows, std::size_t kChannels>
struct QuantTile {
  static constexpr std::size_t kColumns = kChannels / kSumChannels;  // vectors of a row
  static constexpr std::size_t kInPanel = kPanelWidth / kSumChannels;
  Sum sums[kRows * kColumns];

  HWY_INLINE QuantTile() {  // implicit constructors do not get the target's attributes
    HWY_UNROLL(64) for (std::size_t i = 0; i < kRows * kColumns; ++i) sums[i] = zero_sum();
  }

  // Where the weights of a column's channels lie.
  static HWY_INLINE const std::int8_t* weights(const std::int8_t* w, std::size_t panel_step,
                                               std::size_t column) {
    return w + column / kInPanel * panel_step + column % kInPanel * (4 * kSumChannels);
  }

#if HWY_TARGET == HWY_NEON
  static constexpr std::size_t kFours = kChannels / 4;  // vectors of weights
  static constexpr std::size_t kEach = 4 / kSumChannels;

  template <int kLane>
  static HWY_INLINE int8x16_t quad(int8x16_t x) {
    return vreinterpretq_s8_s32(vdupq_laneq_s32(vreinterpretq_s32_s8(x), kLane));
  }

#if defined(__ARM_FEATURE_DOTPROD)
  template <int kLane>
  HWY_INLINE void lane_step(const int8x16_t* x, const std::int8_t* w) {
    HWY_UNROLL(8) for (std::size_t j = 0; j < kFours; ++j) {
      const int8x16_t wv = load_w(w + 16 * j);
      HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i) {
        sums[i * kColumns + j] = vdotq_laneq_s32(sums[i * kColumns + j], wv, x[i], kLane);
      }
    }
  }
  HWY_INLINE void four_quads(const std::int8_t* const* x, std::size_t k, const std::int8_t* w) {
    int8x16_t xv[kRows];
    HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i) xv[i] = vld1q_s8(x[i] + k);
    lane_step<0>(xv, w);
    lane_step<1>(xv, w + kQuadBytes);
    lane_step<2>(xv, w + 2 * kQuadBytes);
    lane_step<3>(xv, w + 3 * kQuadBytes);
  }
#else
  // Two quads of kPair rows from `row` on, `now` and `next`, times two quads of weights; two
  // products are added up in 16 bits. Meanwhile the quads of the following rows (x) are loaded into
  // their place: an in-order core would wait for them.
  template <std::size_t kPair>
  HWY_INLINE void two_quads(std::size_t row, int8x16_t* now, int8x16_t* next, const int8x16_t* w,
                            const int8x16_t* next_w, const std::int8_t** x) {
    HWY_UNROLL(8) for (std::size_t j = 0; j < kFours; ++j) {
      const bool last = j + 1 == kFours;
      int16x8_t low[kPair], high[kPair];
      HWY_UNROLL(2) for (std::size_t i = 0; i < kPair; ++i) {
        low[i] = vmull_s8(vget_low_s8(now[i]), vget_low_s8(w[j]));
        high[i] = vmull_high_s8(now[i], w[j]);
        pin(low[i]);
        pin(high[i]);
        if (last) now[i] = take_quad(x[i]);
      }
      HWY_UNROLL(2) for (std::size_t i = 0; i < kPair; ++i) {
        low[i] = vmlal_s8(low[i], vget_low_s8(next[i]), vget_low_s8(next_w[j]));
        high[i] = vmlal_high_s8(high[i], next[i], next_w[j]);
        pin(low[i]);
        pin(high[i]);
        if (last) next[i] = take_quad(x[i]);
      }
      HWY_UNROLL(2) for (std::size_t i = 0; i < kPair; ++i) {
        Sum* to = sums + (row + i) * kColumns + j * kEach;
        to[0] = vpadalq_s16(to[0], low[i]);
        to[1] = vpadalq_s16(to[1], high[i]);
        pin(to[0]);
        pin(to[1]);
      }
    }
  }
#endif

  HWY_INLINE void one_quad(const std::int8_t* const* x, std::size_t k, const std::int8_t* w) {
    int8x16_t xv[kRows];
    HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i) {
      xv[i] = vreinterpretq_s8_s32(vdupq_n_s32(load_quad(x[i] + k)));
    }
    HWY_UNROLL(8) for (std::size_t j = 0; j < kFours; ++j) {
      const int8x16_t wv = load_w(w + 16 * j);
      HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i) {
#if defined(__ARM_FEATURE_DOTPROD)
        sums[i * kColumns + j] = vdotq_s32(sums[i * kColumns + j], wv, xv[i]);
#else
        Sum* to = sums + i * kColumns + j * kEach;
        add_products(to, xv[i], wv);
        pin(to[0]);
        pin(to[1]);
#endif
      }
    }
  }

#if defined(__ARM_FEATURE_DOTPROD)
  HWY_INLINE void segment(const std::int8_t* const* x, const std::int8_t* w, std::size_t quads,
                          std::size_t, bool) {
    std::size_t k = 0;
    const std::size_t end = 4 * quads;
    for (; k + 16 <= end; k += 16, w += 4 * kQuadBytes) four_quads(x, k, w);
    for (; k < end; k += 4, w += kQuadBytes) one_quad(x, k, w);
  }
#else
  HWY_INLINE void segment(const std::int8_t* const* rows, const std::int8_t* w, std::size_t quads,
                          std::size_t, bool narrow) {
    constexpr std::size_t kPair = kRows < 2 ? kRows : 2;
    std::size_t k = 0;
    const std::size_t pairs = narrow ? quads / 2 : 0;
    if (pairs > 0) {
      const std::int8_t* x[kRows];
      HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i) x[i] = rows[i];
      int8x16_t now[kPair], next[kPair];
      HWY_UNROLL(2) for (std::size_t i = 0; i < kPair; ++i) {
        now[i] = take_quad(x[i]);
        next[i] = take_quad(x[i]);
      }
      for (std::size_t pair = 0; pair < pairs; ++pair, w += 2 * kQuadBytes) {
        int8x16_t w0[kFours], w1[kFours];
        HWY_UNROLL(8) for (std::size_t j = 0; j < kFours; ++j) {
          w0[j] = load_w(w + 16 * j);
          w1[j] = load_w(w + kQuadBytes + 16 * j);
        }
        if (pair + 1 == pairs) {  // nothing follows: something to read
          HWY_UNROLL(2) for (std::size_t i = 0; i < kPair; ++i) x[i] = w;
        }
        HWY_UNROLL(4) for (std::size_t i = 0; i < kRows; i += kPair) {
          two_quads<kPair>(i, now, next, w0, w1, x + (i + kPair) % kRows);
        }
      }
      k = 8 * pairs;
    }
    for (; k < 4 * quads; k += 4, w += kQuadBytes) one_quad(rows, k, w);
  }
#endif
#else
  HWY_INLINE void segment(const std::int8_t* const* x, const std::int8_t* w, std::size_t quads,
                          std::size_t panel_step, bool) {
    const std::size_t end = 4 * quads;
    for (std::size_t k = 0; k < end; k += 4, w += kQuadBytes) {
#if HWY_TARGET == HWY_AVX3
      // Few weights, many rows: the weights stay in registers.
      Sum wv[kColumns];
      HWY_UNROLL(8) for (std::size_t j = 0; j < kColumns; ++j) {
        wv[j] = load_w(weights(w, panel_step, j));
      }
      HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i) {
        const Sum xv = load_x(x[i] + k);
        HWY_UNROLL(8) for (std::size_t j = 0; j < kColumns; ++j) {
          sums[i * kColumns + j] = add_products(sums[i * kColumns + j], xv, wv[j]);
        }
      }
#else
      Sum xv[kRows];
      HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i) xv[i] = load_x(x[i] + k);
      HWY_UNROLL(8) for (std::size_t j = 0; j < kColumns; ++j) {
        const Sum wv = load_w(weights(w, panel_step, j));
        HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i) {
          sums[i * kColumns + j] = add_products(sums[i * kColumns + j], xv[i], wv);
        }
      }
#endif
    }
  }
#endif

  // Writes the sums to `to`: [kRows][kChannels].
  HWY_INLINE void store(std::int32_t* to) const {
    HWY_UNROLL(64) for (std::size_t v = 0; v < kRows * kChannels / kLanes; ++v) {
      hn::Store(channels_of(sums + v * (kLanes / kSumChannels)), Full32(), to + v * kLanes);
    }
  }
};

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
