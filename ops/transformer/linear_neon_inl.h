// The NEON part of ops/transformer/linear_blocks_inl.h, which includes it (no run-time dispatch on
// Arm: one target).
#pragma once

#include <hwy/highway.h>

#include "ops/transformer/linear.h"
#include "ops/transformer/panel.h"

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

#if defined(__ARM_FEATURE_DOTPROD)

// The sums of products of a block: kRows rows x 4 kVectors outputs, whose first weights lie at `w`.
template <std::size_t kRows, std::size_t kVectors, BlockFormat kFormat>
struct NeonBlock {
  int8x16_t low[kRows], high[kRows];  // the rows' bytes
  int32x4_t products[kRows * kVectors];

  HWY_INLINE explicit NeonBlock(const QuantizedBlock* const* x) {
    HWY_UNROLL(4) for (std::size_t i = 0; i < kRows; ++i) {
      low[i] = vld1q_s8(x[i]->bytes);
      high[i] = vld1q_s8(x[i]->bytes + 16);
    }
  }

  template <int kQuad>
  HWY_INLINE void add(std::size_t column, int8x16_t w) {
    HWY_UNROLL(4) for (std::size_t i = 0; i < kRows; ++i) {
      int32x4_t& sum = products[i * kVectors + column];
      sum = vdotq_laneq_s32(sum, w, kQuad < 4 ? low[i] : high[i], kQuad % 4);
      __asm__ volatile("" : "+w"(sum) : : "memory");  // else it loads so far ahead that sums spill
    }
  }
  template <int kQuad>
  HWY_INLINE void take(const std::byte* w) {
    const auto* from = reinterpret_cast<const std::int8_t*>(w) + kQuad * (4 * kPanelOutputs);
    HWY_UNROLL(4) for (std::size_t j = 0; j < kVectors; ++j) {
      const int8x16_t wv = vld1q_s8(from + 16 * j);
      if constexpr (kFormat == BlockFormat::kQ8_0) {
        add<kQuad>(j, wv);
      } else {
        add<kQuad>(j, vandq_s8(wv, vdupq_n_s8(15)));
        add<kQuad + 4>(j, vreinterpretq_s8_u8(vshrq_n_u8(vreinterpretq_u8_s8(wv), 4)));
      }
    }
  }
  HWY_INLINE void run(const QuantizedBlock* const* x, const std::byte* w) {
    HWY_UNROLL(16) for (std::size_t i = 0; i < kRows * kVectors; ++i) {
      products[i] = vdupq_n_s32(kFormat == BlockFormat::kQ4_0 ? x[i / kVectors]->minus_8_sums : 0);
    }
    take<0>(w);
    take<1>(w);
    take<2>(w);
    take<3>(w);
    if constexpr (kFormat == BlockFormat::kQ8_0) {
      take<4>(w);
      take<5>(w);
      take<6>(w);
      take<7>(w);
    }
  }
};

#else

// One row times one panel. In assembly, as the compiler (GCC 12) spends half as many instructions
// again. The quads of the row are in v0 .. v7, each in all lanes; sums of 4 outputs each in two
// operands: 2 outputs x 2 partial sums, or, of 16 bits, x 4.

// Weights of outputs 0 .. 7 (8 .. 15) of two quads, to v8, v9 and v12, v13 (v10, v11 and v14, v15).
#define SZ_LOAD_FIRST(at) "ldp q8, q9, [%[w], " #at "]\n\tldp q12, q13, [%[w], " #at " + 64]\n\t"
#define SZ_LOAD_SECOND(at) \
  "ldp q10, q11, [%[w], " #at " + 32]\n\tldp q14, q15, [%[w], " #at " + 96]\n\t"

// Two quads of 8 outputs: two products are added up in 16 bits, then in 32 (`add`: SADDLP at first,
// then SADALP).
#define SZ_MULTIPLY_TWO(add, x0, x1, w0, w1, next0, next1, s0, s1, s2, s3)                   \
  "smull v28.8h, v" #x0 ".8b, v" #w0 ".8b\n\tsmull2 v29.8h, v" #x0 ".16b, v" #w0             \
  ".16b\n\t"                                                                                 \
  "smull v30.8h, v" #x0 ".8b, v" #w1 ".8b\n\tsmull2 v31.8h, v" #x0 ".16b, v" #w1             \
  ".16b\n\t"                                                                                 \
  "smlal v28.8h, v" #x1 ".8b, v" #next0 ".8b\n\tsmlal2 v29.8h, v" #x1 ".16b, v" #next0       \
  ".16b\n\t"                                                                                 \
  "smlal v30.8h, v" #x1 ".8b, v" #next1 ".8b\n\tsmlal2 v31.8h, v" #x1 ".16b, v" #next1       \
  ".16b\n\t" add " %[" #s0 "].4s, v28.8h\n\t" add " %[" #s1 "].4s, v29.8h\n\t" add " %[" #s2 \
  "].4s, v30.8h\n\t" add " %[" #s3 "].4s, v31.8h\n\t"

#define SZ_TWO_QUADS(add, x0, x1, next_first, next_second)   \
  SZ_MULTIPLY_TWO(add, x0, x1, 8, 9, 12, 13, a0, a1, b0, b1) \
  next_first SZ_MULTIPLY_TWO(add, x0, x1, 10, 11, 14, 15, c0, c1, d0, d1) next_second

// Nibbles of 4 outputs in v<w>: low ones times quad x0, high ones times x1 (`multiply`: SMULL at
// first, then SMLAL).
#define SZ_MULTIPLY_NIBBLES(multiply, x0, x1, w, s0, s1)                                      \
  "and v12.16b, v" #w ".16b, v15.16b\n\tushr v13.16b, v" #w ".16b, #4\n\t" multiply " %[" #s0 \
  "].8h, v" #x0 ".8b, v12.8b\n\t" multiply "2 %[" #s1 "].8h, v" #x0                           \
  ".16b, v12.16b\n\t"                                                                         \
  "smlal %[" #s0 "].8h, v" #x1 ".8b, v13.8b\n\tsmlal2 %[" #s1 "].8h, v" #x1 ".16b, v13.16b\n\t"

#define SZ_NIBBLE_QUAD(multiply, x0, x1, at)                    \
  "ldp q8, q9, [%[w], " #at "]\n\tldp q10, q11, [%[w], " #at    \
  " + 32]\n\t" SZ_MULTIPLY_NIBBLES(multiply, x0, x1, 8, a0, a1) \
      SZ_MULTIPLY_NIBBLES(multiply, x0, x1, 9, b0, b1)          \
          SZ_MULTIPLY_NIBBLES(multiply, x0, x1, 10, c0, c1)     \
              SZ_MULTIPLY_NIBBLES(multiply, x0, x1, 11, d0, d1)

#define SZ_QUADS_OF_ROW                                \
  "ld4r {v0.4s, v1.4s, v2.4s, v3.4s}, [%[x]], #16\n\t" \
  "ld4r {v4.4s, v5.4s, v6.4s, v7.4s}, [%[x]], #16\n\t"
#define SZ_CLOBBERED                                                                         \
  "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", \
      "v13", "v14", "v15", "v28", "v29", "v30", "v31"

// The sums of products of a row's block with 16 outputs, whose weights lie 32 bytes behind `w`.
// Takes `x` from the block's beginning to its scale.
template <BlockFormat kFormat>
HWY_INLINE void neon_products(const std::byte*& x, const std::byte* w, int32x4_t* products) {
  int32x4_t a0, a1, b0, b1, c0, c1, d0, d1;
  if constexpr (kFormat == BlockFormat::kQ8_0) {
    __asm__ volatile(SZ_LOAD_FIRST(32) SZ_QUADS_OF_ROW SZ_LOAD_SECOND(32) SZ_TWO_QUADS(
                         "saddlp", 0, 1, SZ_LOAD_FIRST(160), SZ_LOAD_SECOND(160))
                         SZ_TWO_QUADS("sadalp", 2, 3, SZ_LOAD_FIRST(288), SZ_LOAD_SECOND(288))
                             SZ_TWO_QUADS("sadalp", 4, 5, SZ_LOAD_FIRST(416), SZ_LOAD_SECOND(416))
                                 SZ_TWO_QUADS("sadalp", 6, 7, "", "")
                     : [a0] "=&w"(a0), [a1] "=&w"(a1), [b0] "=&w"(b0), [b1] "=&w"(b1),
                       [c0] "=&w"(c0), [c1] "=&w"(c1), [d0] "=&w"(d0), [d1] "=&w"(d1), [x] "+r"(x)
                     : [w] "r"(w)
                     : SZ_CLOBBERED);
  } else {
    __asm__ volatile(
        SZ_QUADS_OF_ROW "movi v15.16b, #15\n\t"
        SZ_NIBBLE_QUAD("smull", 0, 4, 32) SZ_NIBBLE_QUAD("smlal", 1, 5, 96)
        SZ_NIBBLE_QUAD("smlal", 2, 6, 160) SZ_NIBBLE_QUAD("smlal", 3, 7, 224)
        "saddlp %[a0].4s, %[a0].8h\n\tsaddlp %[a1].4s, %[a1].8h\n\t"
        "saddlp %[b0].4s, %[b0].8h\n\tsaddlp %[b1].4s, %[b1].8h\n\t"
        "saddlp %[c0].4s, %[c0].8h\n\tsaddlp %[c1].4s, %[c1].8h\n\t"
        "saddlp %[d0].4s, %[d0].8h\n\tsaddlp %[d1].4s, %[d1].8h\n\t"
        : [a0] "=&w"(a0), [a1] "=&w"(a1), [b0] "=&w"(b0), [b1] "=&w"(b1), [c0] "=&w"(c0),
          [c1] "=&w"(c1), [d0] "=&w"(d0), [d1] "=&w"(d1), [x] "+r"(x)
        : [w] "r"(w)
        : SZ_CLOBBERED);
  }
  products[0] = vpaddq_s32(a0, a1);
  products[1] = vpaddq_s32(b0, b1);
  products[2] = vpaddq_s32(c0, c1);
  products[3] = vpaddq_s32(d0, d1);
  if constexpr (kFormat == BlockFormat::kQ4_0) {
    constexpr std::size_t kFromScale =
        offsetof(QuantizedBlock, minus_8_sums) - offsetof(QuantizedBlock, scale);
    const int32x4_t correction = vdupq_n_s32(load_at<std::int32_t>(x + kFromScale));
    HWY_UNROLL(4) for (std::size_t j = 0; j < 4; ++j) {
      products[j] = vaddq_s32(products[j], correction);
    }
  }
}

#endif

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
