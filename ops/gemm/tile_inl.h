// One tile of the matrix product, kRows rows x kPanels panels, with all its sums in registers.
// Compiled once for each target (Highway's include idiom: no #pragma once).
#if defined(SZ_OPS_GEMM_TILE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SZ_OPS_GEMM_TILE_INL_H
#undef SZ_OPS_GEMM_TILE_INL_H
#else
#define SZ_OPS_GEMM_TILE_INL_H
#endif

#include <hwy/highway.h>

#include "base/memory.h"
#include "ops/gemm/gemm.h"
#include "ops/gemm/pack.h"
#include "ops/vector_inl.h"

#if HWY_TARGET == HWY_NEON && defined(__GNUC__) && !defined(__clang__)
#include "ops/gemm/neon_inl.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

using V = hn::Vec<Full>;

// Where a tile lies in its block: rows from `row` on, channels from `channel` on, of which
// `outputs` exist.
struct TilePlace {
  std::size_t row, channel, outputs;
};

// The end of a tile, on kRows x kColumns sums: residual, activation, writing. The arrays have
// constant indices, so that the compiler keeps them in registers.
template <std::size_t kRows, std::size_t kColumns>
struct TileEnd {
  static HWY_INLINE void add_residual(const GemmBlock& block, const TilePlace& at, V* sums) {
    const Full d;
    const float* from = block.residual + at.row * block.residual_pitch + at.channel;
    HWY_ALIGN float part[kColumns * kLanes] = {};
    const bool whole = at.outputs >= kColumns * kLanes;
    HWY_UNROLL(16) for (std::size_t i = 0; i < kRows; ++i, from += block.residual_pitch) {
      if (!whole) copy_bytes(part, from, at.outputs * sizeof(float));
      HWY_UNROLL(16) for (std::size_t j = 0; j < kColumns; ++j) {
        V& sum = sums[i * kColumns + j];
        sum = hn::Add(sum, hn::LoadU(d, (whole ? from : part) + j * kLanes));
      }
    }
  }

  static HWY_INLINE void leak(float factor, V* sums) {
    const V slope = hn::Set(Full(), factor);
    HWY_UNROLL(16) for (std::size_t i = 0; i < kRows * kColumns; ++i) {
      sums[i] = leaky_vector(Full(), sums[i], slope);
    }
  }

  static HWY_INLINE void clamp(const Clamp& bounds, V* sums) {
    const Full d;
    const V low = hn::Set(d, bounds.low);
    const V high = hn::Set(d, bounds.high);
    HWY_UNROLL(16) for (std::size_t i = 0; i < kRows * kColumns; ++i) {
      sums[i] = finish_vector(d, sums[i], low, high);
    }
  }

  static HWY_INLINE void store(const GemmBlock& block, const TilePlace& at, const V* sums) {
    const Full d;
    float* y = block.y + at.row * block.y_pitch + at.channel;
    if (at.outputs >= kColumns * kLanes) {
      HWY_UNROLL(16) for (std::size_t i = 0; i < kRows; ++i, y += block.y_pitch) {
        HWY_UNROLL(16) for (std::size_t j = 0; j < kColumns; ++j) {
          hn::StoreU(sums[i * kColumns + j], d, y + j * kLanes);
        }
      }
      return;
    }
    HWY_ALIGN float part[kColumns * kLanes];
    HWY_UNROLL(16) for (std::size_t i = 0; i < kRows; ++i, y += block.y_pitch) {
      HWY_UNROLL(16) for (std::size_t j = 0; j < kColumns; ++j) {
        hn::Store(sums[i * kColumns + j], d, part + j * kLanes);
      }
      copy_bytes(y, part, at.outputs * sizeof(float));
    }
  }

  static HWY_INLINE void run(const GemmBlock& block, const TilePlace& at, V* sums) {
    if (!block.raw) {
      if (block.residual != nullptr) add_residual(block, at, sums);
      if (block.activation.slope != 1.0f) leak(block.activation.slope, sums);
      clamp(block.activation.clamp, sums);
    }
    store(block, at, sums);
  }
};

#if defined(SZ_TILE_RUN)  // AArch64, inner loop in assembly

// The rows [begin, end), a multiple of kRows, times one panel of 4 kColumns channels.
template <std::size_t kRows, std::size_t kColumns>
HWY_NOINLINE void compute_rows(const GemmBlock& block, std::size_t begin, std::size_t end,
                               const float* panel, std::size_t channel, std::size_t outputs) {
  const std::size_t stride = block.table_stride * sizeof(const float*);
  for (std::size_t row = begin; row < end; row += kRows) {
    float32x4x4_t row0, row1, row2, row3;
    const float* w = panel;
    const float* const* table = block.table + row;
    std::size_t segments = block.segments;
    const float* x[4];
    std::size_t count;
    if constexpr (kRows == 4 && kColumns == 4) {
      SZ_TILE_RUN(4, 4);
    } else if constexpr (kRows == 4 && kColumns == 3) {
      SZ_TILE_RUN(4, 3);
    } else if constexpr (kRows == 4 && kColumns == 2) {
      SZ_TILE_RUN(4, 2);
    } else if constexpr (kRows == 4) {
      SZ_TILE_RUN(4, 1);
    } else if constexpr (kRows == 2 && kColumns == 4) {
      SZ_TILE_RUN(2, 4);
    } else if constexpr (kRows == 2 && kColumns == 3) {
      SZ_TILE_RUN(2, 3);
    } else if constexpr (kRows == 2 && kColumns == 2) {
      SZ_TILE_RUN(2, 2);
    } else if constexpr (kRows == 2) {
      SZ_TILE_RUN(2, 1);
    } else if constexpr (kColumns == 4) {
      SZ_TILE_RUN(1, 4);
    } else if constexpr (kColumns == 3) {
      SZ_TILE_RUN(1, 3);
    } else if constexpr (kColumns == 2) {
      SZ_TILE_RUN(1, 2);
    } else {
      SZ_TILE_RUN(1, 1);
    }
    if (kColumns == 4 && block.raw && outputs == kPanelWidth) {
      float* y = block.y + row * block.y_pitch + channel;
      vst1q_f32_x4(y, row0);
      if constexpr (kRows >= 2) vst1q_f32_x4(y + block.y_pitch, row1);
      if constexpr (kRows == 4) vst1q_f32_x4(y + 2 * block.y_pitch, row2);
      if constexpr (kRows == 4) vst1q_f32_x4(y + 3 * block.y_pitch, row3);
      continue;
    }
    V sums[16];
    HWY_UNROLL(4) for (std::size_t j = 0; j < kColumns; ++j) {
      sums[j] = V(row0.val[j]);
      sums[kColumns + j] = V(row1.val[j]);
      sums[2 * kColumns + j] = V(row2.val[j]);
      sums[3 * kColumns + j] = V(row3.val[j]);
    }
    TileEnd<kRows, kColumns>::run(block, {row, channel, outputs}, sums);
  }
}

#else

// The rows [begin, end), a multiple of kRows, times kPanels panels.
template <std::size_t kRows, std::size_t kPanels>
HWY_NOINLINE void compute_rows(const GemmBlock& block, std::size_t begin, std::size_t end,
                               const float* panel, std::size_t channel, std::size_t outputs) {
  const Full d;
  constexpr std::size_t kVectors = kPanelWidth / kLanes;
  constexpr std::size_t kColumns = kPanels * kVectors;
  const std::size_t width = outputs >= kPanelWidth ? kPanelWidth : (outputs + 3) / 4 * 4;
  const std::size_t panel_step = kPanelWidth * (block.segments * block.length + 1);
  // Vector `column` of the weights (or biases) at `w`.
  const auto weights = [&](const float* w, std::size_t column) HWY_ATTR {
    return hn::LoadU(d, w + column / kVectors * panel_step + column % kVectors * kLanes);
  };
  for (std::size_t row = begin; row < end; row += kRows) {
    V sums[kRows * kColumns];
    HWY_UNROLL(16) for (std::size_t j = 0; j < kColumns; ++j) {
      const V bias = weights(panel, j);
      HWY_UNROLL(16) for (std::size_t i = 0; i < kRows; ++i) sums[i * kColumns + j] = bias;
    }
    const float* w = panel + width;
    const float* const* table = block.table + row;
    for (std::size_t s = 0; s < block.segments; ++s, table += block.table_stride) {
      const float* x[kRows];
      HWY_UNROLL(16) for (std::size_t i = 0; i < kRows; ++i) x[i] = table[i];
      for (std::size_t k = 0; k < block.length; ++k, w += width) {
        V wv[kColumns];
        HWY_UNROLL(16) for (std::size_t j = 0; j < kColumns; ++j) wv[j] = weights(w, j);
        HWY_UNROLL(16) for (std::size_t i = 0; i < kRows; ++i) {
          const V xv = hn::Set(d, x[i][k]);
          HWY_UNROLL(16) for (std::size_t j = 0; j < kColumns; ++j) {
            sums[i * kColumns + j] = hn::MulAdd(xv, wv[j], sums[i * kColumns + j]);
          }
        }
      }
    }
    TileEnd<kRows, kColumns>::run(block, {row, channel, outputs}, sums);
  }
}

#endif

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
