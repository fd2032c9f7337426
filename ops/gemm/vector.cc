#include "ops/gemm/gemm.h"
#include "ops/gemm/pack.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/gemm/vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/vector_inl.h"

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

using V = hn::Vec<Full>;

// Tile sizes. A tile of R rows and P panels keeps R * P * 16 / kLanes sums in registers; the table
// of tile heights below ends with 1, so that every number of rows is covered.
#if HWY_TARGET == HWY_AVX3
inline constexpr std::size_t kTileRows = 8;
inline constexpr std::size_t kHalves = 1;  // parts of a panel that are computed one after the other
constexpr std::size_t most_panels(std::size_t rows) { return rows == 8 ? 3 : 4; }
#elif HWY_TARGET == HWY_AVX2
inline constexpr std::size_t kTileRows = 6;
inline constexpr std::size_t kHalves = 1;
constexpr std::size_t most_panels(std::size_t rows) { return rows >= 4 ? 1 : rows == 2 ? 2 : 4; }
#else
inline constexpr std::size_t kTileRows = 8;
inline constexpr std::size_t kHalves = 2;
constexpr std::size_t most_panels(std::size_t rows) { return rows >= 4 ? 1 : 2; }
#endif

// Sums of one tile. Plain arrays with constant indices, which the compiler keeps in registers.
template <std::size_t kRows, std::size_t kPanels, std::size_t kVectors>
struct Tile {
  static constexpr std::size_t kColumns = kPanels * kVectors;
  V sums[kRows * kColumns];

  HWY_INLINE Tile() {}  // implicit constructors do not get the target's attributes

  // Weights of one k: vector v of panel p.
  static HWY_INLINE V weights(const float* w, std::size_t panel_step, std::size_t column) {
    const std::size_t p = column / kVectors;
    const std::size_t v = column % kVectors;
    return hn::LoadU(Full(), w + p * panel_step + v * kLanes);
  }

  HWY_INLINE void start(const float* bias, std::size_t panel_step) {
    HWY_UNROLL(16) for (std::size_t j = 0; j < kColumns; ++j) {
      const V b = weights(bias, panel_step, j);
      HWY_UNROLL(16) for (std::size_t i = 0; i < kRows; ++i) sums[i * kColumns + j] = b;
    }
  }

  // One k.
  HWY_INLINE void step(const float* const* x, std::size_t k, const float* w,
                       std::size_t panel_step) {
    V wv[kColumns];
    HWY_UNROLL(16) for (std::size_t j = 0; j < kColumns; ++j) wv[j] = weights(w, panel_step, j);
    HWY_UNROLL(16) for (std::size_t i = 0; i < kRows; ++i) {
      const V xv = hn::Set(Full(), x[i][k]);
      HWY_UNROLL(16) for (std::size_t j = 0; j < kColumns; ++j) {
        sums[i * kColumns + j] = hn::MulAdd(xv, wv[j], sums[i * kColumns + j]);
      }
    }
  }

#if HWY_TARGET == HWY_NEON
  // Fixes an instruction's place among the others that are fixed. Left alone, the compiler puts
  // loads in a heap and multiply-adds of one sum close together; an in-order core (Cortex-A53) then
  // waits half of the time.
  static HWY_INLINE void pin(V& v) { __asm__ volatile("" : "+w"(v.raw)); }

  // The inputs and the first weights of four k.
  struct Operands {
    V x[kRows];
    V even[kColumns], odd[kColumns];
    HWY_INLINE Operands() {}
  };

  static HWY_INLINE void load_weights(const float* w, std::size_t panel_step, V* wv) {
    HWY_UNROLL(16) for (std::size_t j = 0; j < kColumns; ++j) {
      wv[j] = weights(w, panel_step, j);
      pin(wv[j]);
    }
  }

  static HWY_INLINE void load_first(const float* const* x, const float* w, std::size_t panel_step,
                                    Operands& on) {
    HWY_UNROLL(16) for (std::size_t i = 0; i < kRows; ++i) on.x[i] = hn::LoadU(Full(), x[i]);
    load_weights(w, panel_step, on.even);
  }

  // One k, in lane kLane of the inputs. Between the multiply-adds it loads the weights of the next
  // k, from `next_w`, and the next inputs, from x[i] + next_k (nullptr: none), some at a time.
  template <int kLane>
  HWY_INLINE void lane_step(V* xv, const V* wv, V* next_wv, const float* next_w,
                            std::size_t panel_step, const float* const* next_x,
                            std::size_t next_k) {
    HWY_UNROLL(16) for (std::size_t i = 0; i < kRows; ++i) {
      HWY_UNROLL(16) for (std::size_t j = 0; j < kColumns; ++j) {
        V& sum = sums[i * kColumns + j];
        pin(xv[i]);  // a new value each time: the lane is part of the instruction, no extra copy
        sum = hn::MulAdd(wv[j], hn::Broadcast<kLane>(xv[i]), sum);
        pin(sum);
      }
      if (i == 0 && next_w != nullptr) load_weights(next_w, panel_step, next_wv);
      constexpr std::size_t kGroup = kRows < 4 ? kRows : 4;
      if (i % kGroup == kGroup - 1 && next_x != nullptr) {
        HWY_UNROLL(16) for (std::size_t r = i + 1 - kGroup; r <= i; ++r) {
          xv[r] = hn::LoadU(Full(), next_x[r] + next_k);
          pin(xv[r]);
        }
      }
    }
  }

  // Four k from `k` on. If kMore, there are four more, whose operands are loaded meanwhile.
  template <bool kMore>
  HWY_INLINE void four_steps(Operands& on, const float* const* x, std::size_t k, const float* w,
                             std::size_t width, std::size_t panel_step) {
    const float* w4 = kMore ? w + 4 * width : nullptr;
    lane_step<0>(on.x, on.even, on.odd, w + width, panel_step, nullptr, 0);
    lane_step<1>(on.x, on.odd, on.even, w + 2 * width, panel_step, nullptr, 0);
    lane_step<2>(on.x, on.even, on.odd, w + 3 * width, panel_step, nullptr, 0);
    lane_step<3>(on.x, on.odd, on.even, w4, panel_step, kMore ? x : nullptr, k + 4);
  }
#endif

  // Writes the first `outputs` channels of all rows.
  HWY_INLINE void finish(float* y, std::size_t y_pitch, std::size_t outputs, const Clamp& clamp) {
    const Full d;
    const V low = hn::Set(d, clamp.low);
    const V high = hn::Set(d, clamp.high);
    if (outputs >= kColumns * kLanes) {
      HWY_UNROLL(16) for (std::size_t i = 0; i < kRows; ++i, y += y_pitch) {
        HWY_UNROLL(16) for (std::size_t j = 0; j < kColumns; ++j) {
          hn::StoreU(finish_vector(d, sums[i * kColumns + j], low, high), d, y + j * kLanes);
        }
      }
      return;
    }
    HWY_ALIGN float row[kColumns * kLanes];
    HWY_UNROLL(16) for (std::size_t i = 0; i < kRows; ++i, y += y_pitch) {
      HWY_UNROLL(16) for (std::size_t j = 0; j < kColumns; ++j) {
        hn::Store(finish_vector(d, sums[i * kColumns + j], low, high), d, row + j * kLanes);
      }
      copy_bytes(y, row, outputs * sizeof(float));
    }
  }
};

// Rows [row, row + kRows), kPanels panels from `panel` on (of each, kVectors vectors), `outputs`
// channels of which exist.
template <std::size_t kRows, std::size_t kPanels, std::size_t kVectors>
HWY_NOINLINE void compute_tile(const GemmBlock& block, std::size_t row, const float* panel,
                               std::size_t width, std::size_t outputs, float* y) {
  const std::size_t panel_step = kPanelWidth * (block.segments * block.length + 1);
  const std::size_t length = block.length;
  Tile<kRows, kPanels, kVectors> tile;
  tile.start(panel, panel_step);
  const float* w = panel + width;
  const float* const* table = block.table + row;
  for (std::size_t s = 0; s < block.segments; ++s, table += block.table_stride) {
    const float* x[kRows];
    HWY_UNROLL(16) for (std::size_t i = 0; i < kRows; ++i) x[i] = table[i];
    std::size_t k = 0;
#if HWY_TARGET == HWY_NEON
    if (kRows >= 4 && length >= 4) {  // with fewer rows, loads of weights dominate in any order
      typename Tile<kRows, kPanels, kVectors>::Operands on;
      tile.load_first(x, w, panel_step, on);
      for (; k + 8 <= length; k += 4, w += 4 * width) {
        tile.template four_steps<true>(on, x, k, w, width, panel_step);
      }
      tile.template four_steps<false>(on, x, k, w, width, panel_step);
      k += 4;
      w += 4 * width;
    }
#endif
    for (; k < length; ++k, w += width) tile.step(x, k, w, panel_step);
  }
  tile.finish(y + row * block.y_pitch, block.y_pitch, outputs, block.clamp);
}

// Rows [begin, end), a multiple of kRows, times kPanels panels. `left` channels exist.
template <std::size_t kRows, std::size_t kPanels>
void compute_rows(const GemmBlock& block, std::size_t begin, std::size_t end, const float* panel,
                  std::size_t left, float* y) {
  constexpr std::size_t kParts = kRows >= 8 ? kHalves : 1;
  constexpr std::size_t kPart = kPanelWidth / kParts;  // channels computed at once
  const std::size_t width = left >= kPanelWidth ? kPanelWidth : (left + 3) / 4 * 4;
  for (std::size_t part = 0; part < kParts && part * kPart < left; ++part) {
    const std::size_t done = part * kPart;
    const std::size_t wanted = left - done < kPanels * kPart ? left - done : kPanels * kPart;
    for (std::size_t row = begin; row < end; row += kRows) {
      compute_tile<kRows, kPanels, kPart / kLanes>(block, row, panel + done, width, wanted,
                                                   y + done);
    }
  }
}

// All panels for the rows [begin, end).
template <std::size_t kRows>
void compute_panels(const GemmBlock& block, std::size_t begin, std::size_t end) {
  constexpr std::size_t kMost = most_panels(kRows);
  const std::size_t panel_step = kPanelWidth * (block.segments * block.length + 1);
  const float* panel = block.panels;
  float* y = block.y;
  std::size_t left = block.outputs;
  while (left > 0) {
    const std::size_t whole = left / kPanelWidth;
    std::size_t taken = 1;
    if (kMost > 2 && whole >= kMost && !(kMost == 3 && whole == 4)) {
      taken = kMost;
      compute_rows<kRows, kMost>(block, begin, end, panel, left, y);
    } else if (kMost >= 2 && whole >= 2) {
      taken = 2;
      compute_rows<kRows, kMost >= 2 ? 2 : 1>(block, begin, end, panel, left, y);
    } else {
      compute_rows<kRows, 1>(block, begin, end, panel, left, y);
    }
    panel += taken * panel_step;
    y += taken * kPanelWidth;
    left = left > taken * kPanelWidth ? left - taken * kPanelWidth : 0;
  }
}

// As many rows as tiles of full height can cover; returns how many that is.
std::size_t compute_full_tiles(const GemmBlock& block) {
#if HWY_TARGET == HWY_AVX3
  // Both tile shapes keep 24 sums; take the one that divides the panels.
  const std::size_t whole = block.outputs / kPanelWidth;
  if (whole % 4 == 0 && whole % 3 != 0) {
    const std::size_t rows = block.rows / 6 * 6;
    if (rows > 0) compute_panels<6>(block, 0, rows);
    return rows;
  }
#endif
  const std::size_t rows = block.rows / kTileRows * kTileRows;
  if (rows > 0) compute_panels<kTileRows>(block, 0, rows);
  return rows;
}

void gemm_block(const GemmBlock& block) noexcept {
  std::size_t row = compute_full_tiles(block);
  if (row + 4 <= block.rows) {
    compute_panels<4>(block, row, row + 4);
    row += 4;
  }
  if (row + 2 <= block.rows) {
    compute_panels<2>(block, row, row + 2);
    row += 2;
  }
  if (row < block.rows) compute_panels<1>(block, row, row + 1);
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

GemmBlockFn gemm_block_kernel() { return SZ_VECTOR_SELECT(gemm_block); }

PanelSplit::PanelSplit(std::size_t outputs, std::size_t row_blocks, std::size_t chunks)
    : panels((outputs + kPanelWidth - 1) / kPanelWidth) {
  const std::size_t wanted = (chunks + row_blocks - 1) / row_blocks;
  const std::size_t cuts = wanted < panels ? wanted : panels;
  panels_per_part = (panels + cuts - 1) / cuts;
  parts = (panels + panels_per_part - 1) / panels_per_part;
}

}  // namespace sz::ops
#endif  // HWY_ONCE
