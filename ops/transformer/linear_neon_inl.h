// The NEON part of ops/transformer/linear_blocks_inl.h, which includes it (no run-time dispatch on
// Arm: one target).
#pragma once

#include <hwy/highway.h>

#include "ops/transformer/linear.h"

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// The sums of products of a block: kRows rows x 4 kVectors outputs, whose first weights lie at `w`
// (quads of four k, kNeonQuad bytes apart).
template <std::size_t kRows, std::size_t kVectors, BlockFormat kFormat>
struct NeonBlock {
  static constexpr std::size_t kNeonQuad = 4 * kPanelOutputs;

  int8x16_t low[kRows], high[kRows];  // the rows' bytes
  int32x4_t products[kRows * kVectors];

  template <int kQuad>
  HWY_INLINE int8x16_t quad(std::size_t row) const {
    const int8x16_t x = kQuad < 4 ? low[row] : high[row];
    return vreinterpretq_s8_s32(vdupq_laneq_s32(vreinterpretq_s32_s8(x), kQuad % 4));
  }
  static HWY_INLINE int8x16_t load(const std::byte* w) {
    return vld1q_s8(reinterpret_cast<const std::int8_t*>(w));
  }
  static HWY_INLINE int8x16_t low_nibbles(int8x16_t w) { return vandq_s8(w, vdupq_n_s8(15)); }
  static HWY_INLINE int8x16_t high_nibbles(int8x16_t w) {
    return vreinterpretq_s8_u8(vshrq_n_u8(vreinterpretq_u8_s8(w), 4));
  }

  HWY_INLINE explicit NeonBlock(const QuantizedBlock* x) {
    HWY_UNROLL(4) for (std::size_t i = 0; i < kRows; ++i) {
      low[i] = vld1q_s8(x[i].bytes);
      high[i] = vld1q_s8(x[i].bytes + 16);
    }
  }

#if defined(__ARM_FEATURE_DOTPROD)
  template <int kQuad>
  HWY_INLINE void add(std::size_t column, int8x16_t w) {
    HWY_UNROLL(4) for (std::size_t i = 0; i < kRows; ++i) {
      int32x4_t& sum = products[i * kVectors + column];
      sum = vdotq_laneq_s32(sum, w, kQuad < 4 ? low[i] : high[i], kQuad % 4);
    }
  }
  template <int kQuad>
  HWY_INLINE void take(const std::byte* w) {
    HWY_UNROLL(4) for (std::size_t j = 0; j < kVectors; ++j) {
      const int8x16_t wv = load(w + kQuad * kNeonQuad + 16 * j);
      if constexpr (kFormat == BlockFormat::kQ8_0) {
        add<kQuad>(j, wv);
      } else {
        add<kQuad>(j, low_nibbles(wv));
        add<kQuad + 4>(j, high_nibbles(wv));
      }
    }
  }
  HWY_INLINE void run(const QuantizedBlock* x, const std::byte* w) {
    HWY_UNROLL(16) for (std::size_t i = 0; i < kRows * kVectors; ++i) {
      products[i] = vdupq_n_s32(kFormat == BlockFormat::kQ4_0 ? x[i / kVectors].minus_8_sums : 0);
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
#else
  // q8_0: two products of 16 bits added up, twice 2 outputs x 2 partial sums; then in 32 bits.
  int32x4_t partial[2 * kRows * kVectors];

  template <int kPair>
  HWY_INLINE void take_pair(const std::byte* w) {
    int8x16_t now[kRows], next[kRows];
    HWY_UNROLL(4) for (std::size_t i = 0; i < kRows; ++i) {
      now[i] = quad<2 * kPair>(i);
      next[i] = quad<2 * kPair + 1>(i);
    }
    HWY_UNROLL(4) for (std::size_t j = 0; j < kVectors; ++j) {
      const int8x16_t w0 = load(w + 2 * kPair * kNeonQuad + 16 * j);
      const int8x16_t w1 = load(w + (2 * kPair + 1) * kNeonQuad + 16 * j);
      HWY_UNROLL(4) for (std::size_t i = 0; i < kRows; ++i) {
        int16x8_t first = vmull_s8(vget_low_s8(now[i]), vget_low_s8(w0));
        int16x8_t second = vmull_high_s8(now[i], w0);
        first = vmlal_s8(first, vget_low_s8(next[i]), vget_low_s8(w1));
        second = vmlal_high_s8(second, next[i], w1);
        int32x4_t* to = partial + 2 * (i * kVectors + j);
        to[0] = kPair == 0 ? vpaddlq_s16(first) : vpadalq_s16(to[0], first);
        to[1] = kPair == 0 ? vpaddlq_s16(second) : vpadalq_s16(to[1], second);
      }
    }
  }

  // q4_0: all products of a block added up in 16 bits.
  int16x8_t narrow[2 * kRows * kVectors];

  template <int kQuad>
  HWY_INLINE void take_nibbles(const std::byte* w) {
    int8x16_t first[kRows], second[kRows];
    HWY_UNROLL(4) for (std::size_t i = 0; i < kRows; ++i) {
      first[i] = quad<kQuad>(i);
      second[i] = quad<kQuad + 4>(i);
    }
    HWY_UNROLL(4) for (std::size_t j = 0; j < kVectors; ++j) {
      const int8x16_t both = load(w + kQuad * kNeonQuad + 16 * j);
      const int8x16_t w0 = low_nibbles(both), w1 = high_nibbles(both);
      HWY_UNROLL(4) for (std::size_t i = 0; i < kRows; ++i) {
        int16x8_t* to = narrow + 2 * (i * kVectors + j);
        if constexpr (kQuad == 0) {
          to[0] = vmull_s8(vget_low_s8(first[i]), vget_low_s8(w0));
          to[1] = vmull_high_s8(first[i], w0);
        } else {
          to[0] = vmlal_s8(to[0], vget_low_s8(first[i]), vget_low_s8(w0));
          to[1] = vmlal_high_s8(to[1], first[i], w0);
        }
        to[0] = vmlal_s8(to[0], vget_low_s8(second[i]), vget_low_s8(w1));
        to[1] = vmlal_high_s8(to[1], second[i], w1);
      }
    }
  }

  HWY_INLINE void run(const QuantizedBlock* x, const std::byte* w) {
    if constexpr (kFormat == BlockFormat::kQ8_0) {
      take_pair<0>(w);
      take_pair<1>(w);
      take_pair<2>(w);
      take_pair<3>(w);
      HWY_UNROLL(16) for (std::size_t i = 0; i < kRows * kVectors; ++i) {
        products[i] = vpaddq_s32(partial[2 * i], partial[2 * i + 1]);
      }
    } else {
      take_nibbles<0>(w);
      take_nibbles<1>(w);
      take_nibbles<2>(w);
      take_nibbles<3>(w);
      HWY_UNROLL(16) for (std::size_t i = 0; i < kRows * kVectors; ++i) {
        const int32x4_t sums = vpaddq_s32(vpaddlq_s16(narrow[2 * i]), vpaddlq_s16(narrow[2 * i + 1]));
        products[i] = vaddq_s32(sums, vdupq_n_s32(x[i / kVectors].minus_8_sums));
      }
    }
  }
#endif
};

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
