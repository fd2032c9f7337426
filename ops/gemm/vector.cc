// Cuts a block into tiles: full height first, then what is left of the rows.
#include "ops/gemm/gemm.h"
#include "ops/gemm/pack.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/gemm/vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/gemm/tile_inl.h"

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

#if defined(SZ_TILE_RUN)

// All panels for the rows [begin, end), a multiple of kRows.
template <std::size_t kRows>
void compute_panels(const GemmBlock& block, std::size_t begin, std::size_t end) {
  const std::size_t panel_step = kPanelWidth * (block.segments * block.length + 1);
  const float* panel = block.panels;
  std::size_t channel = 0;
  for (; channel + kPanelWidth <= block.outputs; channel += kPanelWidth, panel += panel_step) {
    compute_rows<kRows, 4>(block, begin, end, panel, channel, kPanelWidth);
  }
  const std::size_t left = block.outputs - channel;
  if (left > 12) {
    compute_rows<kRows, 4>(block, begin, end, panel, channel, left);
  } else if (left > 8) {
    compute_rows<kRows, 3>(block, begin, end, panel, channel, left);
  } else if (left > 4) {
    compute_rows<kRows, 2>(block, begin, end, panel, channel, left);
  } else if (left > 0) {
    compute_rows<kRows, 1>(block, begin, end, panel, channel, left);
  }
}

// As many rows as tiles of full height can cover; returns how many that is.
std::size_t compute_full_tiles(const GemmBlock&) { return 0; }

#else

// A tile of R rows and P panels keeps R * P * 16 / kLanes sums in registers.
#if HWY_TARGET == HWY_AVX3
inline constexpr std::size_t kTileRows = 8;
constexpr std::size_t most_panels(std::size_t rows) { return rows == 8 ? 3 : 4; }
#elif HWY_TARGET == HWY_AVX2
inline constexpr std::size_t kTileRows = 6;
constexpr std::size_t most_panels(std::size_t rows) { return rows >= 4 ? 1 : rows == 2 ? 2 : 4; }
#else
inline constexpr std::size_t kTileRows = 4;
constexpr std::size_t most_panels(std::size_t rows) { return rows >= 4 ? 1 : 2; }
#endif

// All panels for the rows [begin, end), a multiple of kRows.
template <std::size_t kRows>
void compute_panels(const GemmBlock& block, std::size_t begin, std::size_t end) {
  constexpr std::size_t kMost = most_panels(kRows);
  const std::size_t panel_step = kPanelWidth * (block.segments * block.length + 1);
  const float* panel = block.panels;
  std::size_t channel = 0;
  while (channel < block.outputs) {
    const std::size_t left = block.outputs - channel;
    const std::size_t whole = left / kPanelWidth;
    std::size_t taken = 1;
    const auto wanted = [&](std::size_t panels) {
      return left < panels * kPanelWidth ? left : panels * kPanelWidth;
    };
    if (kMost > 2 && whole >= kMost && !(kMost == 3 && whole == 4)) {
      taken = kMost;
      compute_rows<kRows, kMost>(block, begin, end, panel, channel, wanted(taken));
    } else if (kMost >= 2 && whole >= 2) {
      taken = 2;
      compute_rows<kRows, kMost >= 2 ? 2 : 1>(block, begin, end, panel, channel, wanted(taken));
    } else {
      compute_rows<kRows, 1>(block, begin, end, panel, channel, wanted(taken));
    }
    panel += taken * panel_step;
    channel += taken * kPanelWidth;
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

#endif

void gemm_block(const GemmBlock& block) noexcept {
  std::size_t row = compute_full_tiles(block);
  const std::size_t fours = row + (block.rows - row) / 4 * 4;
  if (fours > row) compute_panels<4>(block, row, fours);
  row = fours;
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
