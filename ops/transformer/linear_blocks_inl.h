// Products of quantised rows and packed blocks for each target: what
// ops/transformer/linear_vector.cc loops over (Highway's include idiom: no #pragma once).
//
// Sums of products of bytes are exact:
//   AVX-512 VNNI: weights unsigned, the surplus taken off by what the row's block says. The weights
//     of a block and two panels stay in registers while the rows pass.
//   AVX2: |w| unsigned times x with the sign of w (q8_0), or the nibble unsigned (q4_0). Two
//     products of q8_0 fit 16 bits: 2 * 128 * 127; sixteen of q4_0 do: 16 * 15 * 127.
//   NEON: the same sums in 16 bits; or dot products.
#if defined(SZ_OPS_LINEAR_BLOCKS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SZ_OPS_LINEAR_BLOCKS_INL_H
#undef SZ_OPS_LINEAR_BLOCKS_INL_H
#else
#define SZ_OPS_LINEAR_BLOCKS_INL_H
#endif

#include <hwy/highway.h>

#include "base/memory.h"
#include "ops/transformer/linear.h"
#include "ops/vector_inl.h"

#if HWY_TARGET == HWY_NEON
#include "ops/transformer/linear_neon_inl.h"
#endif

#if HWY_TARGET == HWY_AVX3
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
#else
HWY_BEFORE_NAMESPACE();
#endif
namespace sz::ops::HWY_NAMESPACE {

// Panels of weights times rows; row i of panel p to sums[i * kLinearPitch + p * 16].
struct BlocksTile {
  const std::byte* x;
  std::size_t x_pitch, rows;
  const std::byte* panel;
  std::size_t blocks, panels;
  float* sums;
};

inline constexpr std::size_t kScalesBytes = 2 * kPanelOutputs;
inline constexpr std::size_t kQuadBytes = 4 * kPanelOutputs;

template <BlockFormat kFormat>
inline constexpr std::size_t kQuads = kFormat == BlockFormat::kQ8_0 ? 8 : 4;  // in memory

#if HWY_TARGET == HWY_AVX3
HWY_INLINE int quad_of(const QuantizedBlock& block, std::size_t quad) {
  int value;
  copy_bytes(&value, block.bytes + 4 * quad, sizeof(value));
  return value;
}

// The unsigned weights of a block: 8 quads.
template <BlockFormat kFormat>
HWY_INLINE void load_block(const std::byte* from, __m512i* w) {
  if constexpr (kFormat == BlockFormat::kQ8_0) {
    HWY_UNROLL(8) for (std::size_t q = 0; q < 8; ++q) {
      w[q] = _mm512_xor_si512(_mm512_loadu_si512(from + q * kQuadBytes),
                              _mm512_set1_epi32(static_cast<int>(0x80808080u)));
    }
  } else {
    const __m512i low = _mm512_set1_epi32(0x0f0f0f0f);
    HWY_UNROLL(4) for (std::size_t q = 0; q < 4; ++q) {
      __m512i both = _mm512_loadu_si512(from + q * kQuadBytes);
      __asm__("" : "+v"(both));  // else the compiler loads it twice
      w[q] = _mm512_and_si512(both, low);
      w[4 + q] = _mm512_and_si512(_mm512_srli_epi16(both, 4), low);
    }
  }
}

HWY_INLINE __m512 load_scales(const std::byte* from) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

// totals[p] += the products of a row's block with panel p's.
template <std::size_t kPanels, BlockFormat kFormat>
HWY_INLINE void add_block(const QuantizedBlock& x, const __m512i (*w)[8], const __m512* scales,
                          __m512* totals) {
  const __m512i correction =
      _mm512_set1_epi32(kFormat == BlockFormat::kQ8_0 ? x.minus_128_sums : x.minus_8_sums);
  __m512i products[kPanels];
  HWY_UNROLL(2) for (std::size_t p = 0; p < kPanels; ++p) products[p] = correction;
  HWY_UNROLL(8) for (std::size_t q = 0; q < 8; ++q) {
    const __m512i quad = _mm512_set1_epi32(quad_of(x, q));
    HWY_UNROLL(2) for (std::size_t p = 0; p < kPanels; ++p) {
      products[p] = _mm512_dpbusd_epi32(products[p], w[p][q], quad);
    }
  }
  const __m512 scale = _mm512_set1_ps(x.scale);
  HWY_UNROLL(2) for (std::size_t p = 0; p < kPanels; ++p) {
    totals[p] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[p]), _mm512_mul_ps(scales[p], scale),
                                totals[p]);
  }
}

// One row: the sum stays in a register, weights are a stream.
template <BlockFormat kFormat>
HWY_NOINLINE void multiply_blocks_row(const BlocksTile& tile) {
  const std::byte* w = tile.panel;
  for (std::size_t panel = 0; panel < tile.panels; ++panel) {
    __m512 total = _mm512_setzero_ps();
    const auto* x = reinterpret_cast<const QuantizedBlock*>(tile.x);
    for (std::size_t b = 0; b < tile.blocks; ++b, ++x) {
      __m512i block[1][8];
      load_block<kFormat>(w + kScalesBytes, block[0]);
      const __m512 scales = load_scales(w);
      add_block<1, kFormat>(*x, block, &scales, &total);
      w += kScalesBytes + kQuads<kFormat> * kQuadBytes;
    }
    _mm512_storeu_ps(tile.sums + panel * kPanelOutputs, total);
  }
}

// kPanels panels from the tile's first on. The sums are in memory.
template <std::size_t kPanels, BlockFormat kFormat>
HWY_NOINLINE void multiply_blocks_rows(const BlocksTile& tile) {
  constexpr std::size_t kBlockBytes = kScalesBytes + kQuads<kFormat> * kQuadBytes;
  const std::size_t panel_step = tile.blocks * kBlockBytes;
  const std::size_t rows = tile.rows, x_pitch = tile.x_pitch;
  const std::byte* w = tile.panel;
  for (std::size_t i = 0; i < rows * kLinearPitch; i += kLinearPitch) {
    HWY_UNROLL(2) for (std::size_t p = 0; p < kPanels; ++p) {
      _mm512_storeu_ps(tile.sums + i + p * kPanelOutputs, _mm512_setzero_ps());
    }
  }
  for (std::size_t b = 0; b < tile.blocks; ++b, w += kBlockBytes) {
    __m512i block[kPanels][8];
    __m512 scales[kPanels];
    HWY_UNROLL(2) for (std::size_t p = 0; p < kPanels; ++p) {
      load_block<kFormat>(w + p * panel_step + kScalesBytes, block[p]);
      scales[p] = load_scales(w + p * panel_step);
    }
    const std::byte* x = tile.x + b * sizeof(QuantizedBlock);
    float* sums = tile.sums;
    for (std::size_t i = 0; i < rows; ++i, x += x_pitch, sums += kLinearPitch) {
      __m512 totals[kPanels];
      HWY_UNROLL(2) for (std::size_t p = 0; p < kPanels; ++p) {
        totals[p] = _mm512_loadu_ps(sums + p * kPanelOutputs);
      }
      add_block<kPanels, kFormat>(*reinterpret_cast<const QuantizedBlock*>(x), block, scales,
                                  totals);
      HWY_UNROLL(2) for (std::size_t p = 0; p < kPanels; ++p) {
        _mm512_storeu_ps(sums + p * kPanelOutputs, totals[p]);
      }
    }
  }
}

template <BlockFormat kFormat>
void multiply_blocks(const BlocksTile& tile) {
  if (tile.rows == 1) return multiply_blocks_row<kFormat>(tile);
  BlocksTile some = tile;
  const std::size_t step = tile.blocks * (kScalesBytes + kQuads<kFormat> * kQuadBytes);
  std::size_t panel = 0;
  for (; panel + 2 <= tile.panels; panel += 2) {
    multiply_blocks_rows<2, kFormat>(some);
    some.panel += 2 * step;
    some.sums += 2 * kPanelOutputs;
  }
  if (panel < tile.panels) multiply_blocks_rows<1, kFormat>(some);
}

#elif HWY_TARGET == HWY_AVX2

HWY_INLINE __m256i quad_of(const QuantizedBlock& block, std::size_t quad) {
  int value;
  copy_bytes(&value, block.bytes + 4 * quad, sizeof(value));
  return _mm256_set1_epi32(value);
}

// Keeps the compiler from adding in another order, and from keeping what it loaded for the other
// half of a panel: it would need more registers than there are.
HWY_INLINE void pin(__m256i& sum) { __asm__ volatile("" : "+x"(sum) : : "memory"); }

// Sums of products of a block with 8 outputs whose first quad lies at `w`.
template <std::size_t kRows, BlockFormat kFormat>
HWY_INLINE void half_products(const QuantizedBlock* const* x, const std::byte* w,
                              __m256i* products) {
  const __m256i ones = _mm256_set1_epi16(1);
  HWY_UNROLL(2) for (std::size_t i = 0; i < kRows; ++i) products[i] = _mm256_setzero_si256();
  HWY_UNROLL(8) for (std::size_t q = 0; q < kQuads<kFormat>; ++q) {
    const __m256i wv = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + q * kQuadBytes));
    if constexpr (kFormat == BlockFormat::kQ8_0) {
      const __m256i size = _mm256_abs_epi8(wv);
      HWY_UNROLL(2) for (std::size_t i = 0; i < kRows; ++i) {
        const __m256i pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(quad_of(*x[i], q), wv));
        products[i] = _mm256_add_epi32(products[i], _mm256_madd_epi16(pairs, ones));
        pin(products[i]);
      }
    } else {
      const __m256i mask = _mm256_set1_epi8(15);
      const __m256i low = _mm256_and_si256(wv, mask);
      const __m256i high = _mm256_and_si256(_mm256_srli_epi16(wv, 4), mask);
      HWY_UNROLL(2) for (std::size_t i = 0; i < kRows; ++i) {
        products[i] = _mm256_add_epi16(products[i], _mm256_maddubs_epi16(low, quad_of(*x[i], q)));
        products[i] =
            _mm256_add_epi16(products[i], _mm256_maddubs_epi16(high, quad_of(*x[i], 4 + q)));
        pin(products[i]);
      }
    }
  }
  if constexpr (kFormat == BlockFormat::kQ4_0) {
    HWY_UNROLL(2) for (std::size_t i = 0; i < kRows; ++i) {
      products[i] = _mm256_add_epi32(_mm256_madd_epi16(products[i], ones),
                                     _mm256_set1_epi32(x[i]->minus_8_sums));
    }
  }
}

// kRows rows from the tile's row `first` on times one panel.
template <std::size_t kRows, BlockFormat kFormat>
HWY_NOINLINE void multiply_blocks_rows(const BlocksTile& tile, std::size_t first,
                                       const std::byte* w, float* sums) {
  constexpr std::size_t kBlockBytes = kScalesBytes + kQuads<kFormat> * kQuadBytes;
  __m256 totals[2 * kRows];
  HWY_UNROLL(4) for (std::size_t i = 0; i < 2 * kRows; ++i) totals[i] = _mm256_setzero_ps();
  const QuantizedBlock* x[kRows];
  HWY_UNROLL(2) for (std::size_t i = 0; i < kRows; ++i) {
    x[i] = reinterpret_cast<const QuantizedBlock*>(tile.x + (first + i) * tile.x_pitch);
  }
  for (const std::byte* end = w + tile.blocks * kBlockBytes; w != end; w += kBlockBytes) {
    HWY_UNROLL(2) for (std::size_t half = 0; half < 2; ++half) {
      __m256i products[kRows];
      half_products<kRows, kFormat>(x, w + kScalesBytes + half * 32, products);
      const __m256 scales =
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w + half * 16)));
      HWY_UNROLL(2) for (std::size_t i = 0; i < kRows; ++i) {
        __m256& total = totals[2 * i + half];
        total = _mm256_fmadd_ps(_mm256_cvtepi32_ps(products[i]),
                                _mm256_mul_ps(scales, _mm256_set1_ps(x[i]->scale)), total);
      }
    }
    HWY_UNROLL(2) for (std::size_t i = 0; i < kRows; ++i)++ x[i];
  }
  sums += first * kLinearPitch;
  HWY_UNROLL(4) for (std::size_t i = 0; i < 2 * kRows; ++i) {
    _mm256_storeu_ps(sums + i / 2 * kLinearPitch + i % 2 * 8, totals[i]);
  }
}

#elif HWY_TARGET == HWY_NEON

// Adds the products of a block with 4 outputs, times their scales at `scales`, to their total.
HWY_INLINE float32x4_t add_block(float32x4_t total, int32x4_t products, float32x4_t scales,
                                 float row_scale) {
  return vfmaq_f32(total, vcvtq_f32_s32(products), vmulq_n_f32(scales, row_scale));
}

#if defined(__ARM_FEATURE_DOTPROD)

// kRows rows from the tile's row `first` on times one panel, by parts: as many outputs as there are
// registers for the sums.
template <std::size_t kRows, BlockFormat kFormat>
HWY_NOINLINE void multiply_blocks_rows(const BlocksTile& tile, std::size_t first,
                                       const std::byte* w, float* sums) {
  constexpr std::size_t kVectors = 4 / kRows;  // of 4 outputs, of a part
  constexpr std::size_t kBlockBytes = kScalesBytes + kQuads<kFormat> * kQuadBytes;
  float32x4_t totals[4 * kRows];
  HWY_UNROLL(8) for (std::size_t i = 0; i < 4 * kRows; ++i) totals[i] = vdupq_n_f32(0.0f);
  const QuantizedBlock* x[kRows];
  HWY_UNROLL(2) for (std::size_t i = 0; i < kRows; ++i) {
    x[i] = reinterpret_cast<const QuantizedBlock*>(tile.x + (first + i) * tile.x_pitch);
  }
  for (const std::byte* end = w + tile.blocks * kBlockBytes; w != end; w += kBlockBytes) {
    HWY_UNROLL(2) for (std::size_t part = 0; part < kRows; ++part) {
      NeonBlock<kRows, kVectors, kFormat> block(x);
      block.run(x, w + kScalesBytes + part * kVectors * 16);
      HWY_UNROLL(4) for (std::size_t j = 0; j < kVectors; ++j) {
        const std::size_t column = part * kVectors + j;
        const float32x4_t scales =
            vcvt_f32_f16(vld1_f16(reinterpret_cast<const __fp16*>(w) + 4 * column));
        HWY_UNROLL(2) for (std::size_t i = 0; i < kRows; ++i) {
          float32x4_t& total = totals[i * 4 + column];
          total = add_block(total, block.products[i * kVectors + j], scales, x[i]->scale);
        }
      }
    }
    HWY_UNROLL(2) for (std::size_t i = 0; i < kRows; ++i)++ x[i];
  }
  sums += first * kLinearPitch;
  HWY_UNROLL(8) for (std::size_t i = 0; i < 4 * kRows; ++i) {
    vst1q_f32(sums + i / 4 * kLinearPitch + i % 4 * 4, totals[i]);
  }
}

#else

// Row by row: the arithmetic takes so much longer than loading weights from the cache that nothing
// would be gained by several at a time.
template <std::size_t kRows, BlockFormat kFormat>
HWY_NOINLINE void multiply_blocks_rows(const BlocksTile& tile, std::size_t first,
                                       const std::byte* panel, float* sums) {
  constexpr std::size_t kBlockBytes = kScalesBytes + kQuads<kFormat> * kQuadBytes;
  const std::byte* end = panel + tile.blocks * kBlockBytes;
  for (std::size_t i = first; i < first + kRows; ++i) {
    float32x4_t totals[4];
    HWY_UNROLL(4) for (std::size_t j = 0; j < 4; ++j) totals[j] = vdupq_n_f32(0.0f);
    const std::byte* x = tile.x + i * tile.x_pitch;
    for (const std::byte* w = panel; w != end; w += kBlockBytes) {
      int32x4_t products[4];
      neon_products<kFormat>(x, w, products);
      const auto* halves = reinterpret_cast<const __fp16*>(w);
      const float16x8_t low = vld1q_f16(halves), high = vld1q_f16(halves + 8);
      const float32x4_t scales[4] = {vcvt_f32_f16(vget_low_f16(low)), vcvt_high_f32_f16(low),
                                     vcvt_f32_f16(vget_low_f16(high)), vcvt_high_f32_f16(high)};
      const auto row_scale = load_at<float>(x);
      HWY_UNROLL(4) for (std::size_t j = 0; j < 4; ++j) {
        totals[j] = add_block(totals[j], products[j], scales[j], row_scale);
      }
      x += sizeof(QuantizedBlock) - kBlock;
    }
    HWY_UNROLL(4) for (std::size_t j = 0; j < 4; ++j) {
      vst1q_f32(sums + i * kLinearPitch + 4 * j, totals[j]);
    }
  }
}
#endif

#endif

#if HWY_TARGET != HWY_AVX3
// Panel by panel: each stays in the cache while pairs of rows pass.
template <BlockFormat kFormat>
void multiply_blocks(const BlocksTile& tile) {
  const std::size_t step = tile.blocks * (kScalesBytes + kQuads<kFormat> * kQuadBytes);
  const std::byte* panel = tile.panel;
  for (std::size_t p = 0; p < tile.panels; ++p, panel += step) {
    float* sums = tile.sums + p * kPanelOutputs;
    std::size_t i = 0;
    for (; i + 2 <= tile.rows; i += 2) multiply_blocks_rows<2, kFormat>(tile, i, panel, sums);
    if (i < tile.rows) multiply_blocks_rows<1, kFormat>(tile, i, panel, sums);
  }
}
#endif

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
