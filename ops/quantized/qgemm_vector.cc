#include "ops/quantized/qgemm.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/quantized/qgemm_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/quantized/tile_inl.h"

#if HWY_TARGET == HWY_AVX3
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
#else
HWY_BEFORE_NAMESPACE();
#endif
namespace sz::ops::HWY_NAMESPACE {

// Tile sizes: the largest number of rows, and for each number of rows the most channels whose sums
// fit the registers. Heights 4, 2 and 1 follow the largest.
#if HWY_TARGET == HWY_AVX3
inline constexpr std::size_t kTileRows = 8;
constexpr std::size_t most_channels(std::size_t rows) { return rows == 8 ? 48 : 64; }
#elif HWY_TARGET == HWY_AVX2
inline constexpr std::size_t kTileRows = 2;
constexpr std::size_t most_channels(std::size_t) { return 16; }
#else
#if defined(__ARM_FEATURE_DOTPROD)
inline constexpr std::size_t kTileRows = 8;
constexpr std::size_t most_channels(std::size_t rows) { return rows == 8 ? 8 : 16; }
#else
inline constexpr std::size_t kTileRows = 4;
constexpr std::size_t most_channels(std::size_t rows) { return rows == 4 ? 8 : 16; }
#endif
#endif

// Sums of a tile, [rows][kChannels] from (row, channel) on, of which `outputs` channels exist; and
// what they are rescaled with.
struct Sums {
  const std::int32_t* values;
  std::size_t row, channel, outputs;
  const ChannelFactors* factors;
};

// What a zero point of the weights takes off the sums of a row.
HWY_INLINE Int32V row_correction(const QGemmBlock& block, std::size_t row) {
  return hn::Set(Full32(), wrapping_mul(block.row_sums[row], block.weight_zero));
}

template <std::size_t kRows>
HWY_NOINLINE void finish_raw(const QGemmBlock& block, const Sums& sums, std::size_t stride) {
  const Full32 d;
  for (std::size_t c = 0; c < sums.outputs; c += kLanes) {
    const Int32V bias = sums.factors[c / kLanes].bias;
    const std::size_t left = sums.outputs - c;
    for (std::size_t i = 0; i < kRows; ++i) {
      Int32V sum = hn::Add(hn::Load(d, sums.values + i * stride + c), bias);
      if (block.row_sums != nullptr) sum = hn::Sub(sum, row_correction(block, sums.row + i));
      HWY_ALIGN std::int32_t lanes[kLanes];
      hn::Store(sum, d, lanes);
      copy_bytes(reinterpret_cast<std::int32_t*>(block.y) + (sums.row + i) * block.y_pitch +
                     sums.channel + c,
                 lanes, (left < kLanes ? left : kLanes) * sizeof(std::int32_t));
    }
  }
}

// kStored channels of all rows.
template <std::size_t kRows, std::size_t kChannels, Way kWay>
HWY_INLINE void finish_columns(const QGemmBlock& block, const Sums& sums, const Finish& finish,
                               const std::int32_t* values, const ChannelFactors* list,
                               std::int8_t* y, std::size_t y_pitch) {
  const Full32 d;
  ChannelFactors factors[kStoredVectors];  // stores of bytes may be to anywhere, but not to these
  HWY_UNROLL(2) for (std::size_t v = 0; v < kStoredVectors; ++v) factors[v] = list[v];
  const bool corrected = block.row_sums != nullptr;
  HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i, y += y_pitch) {
    Int32V rescaled[kStoredVectors];
    HWY_UNROLL(2) for (std::size_t v = 0; v < kStoredVectors; ++v) {
      const Int32V value = hn::Load(d, values + i * kChannels + v * kLanes);
      Int32V sum = hn::Add(value, factors[v].bias);
      if (corrected) sum = hn::Sub(sum, row_correction(block, sums.row + i));
      rescaled[v] = finish.template rescaled<kWay>(sum, factors[v]);
    }
    store_rescaled(rescaled, finish, y);
  }
}

template <std::size_t kRows, std::size_t kChannels, Way kWay>
HWY_NOINLINE void finish_rescaled(const QGemmBlock& block, const Sums& sums) {
  const Finish finish(block.y_output);
  const std::size_t y_pitch = block.y_pitch;
  auto* y = reinterpret_cast<std::int8_t*>(block.y) + sums.row * y_pitch + sums.channel;
  for (std::size_t c = 0; c < kChannels; c += kStored, y += kStored) {
    const ChannelFactors* factors = sums.factors + c / kLanes;
    if (c + kStored <= sums.outputs) {
      finish_columns<kRows, kChannels, kWay>(block, sums, finish, sums.values + c, factors, y,
                                             y_pitch);
      continue;
    }
    if (c >= sums.outputs) return;
    HWY_ALIGN std::int8_t bytes[kRows * kStored];
    finish_columns<kRows, kChannels, kWay>(block, sums, finish, sums.values + c, factors, bytes,
                                           kStored);
    for (std::size_t i = 0; i < kRows; ++i) {
      copy_bytes(y + i * y_pitch, bytes + i * kStored, sums.outputs - c);
    }
  }
}

template <std::size_t kRows, std::size_t kChannels>
HWY_INLINE void finish_sums(const QGemmBlock& block, const Sums& sums, Way way) {
  if (block.mode == Rescaling::kNone) return finish_raw<kRows>(block, sums, kChannels);
  switch (way) {
    case Way::kFloat:
      return finish_rescaled<kRows, kChannels, Way::kFloat>(block, sums);
    case Way::kFixed:
      return finish_rescaled<kRows, kChannels, Way::kFixed>(block, sums);
    case Way::kRight:
      return finish_rescaled<kRows, kChannels, Way::kRight>(block, sums);
  }
}

// Rows [begin, end), a multiple of kRows; kChannels channels from `channel` on.
template <std::size_t kRows, std::size_t kChannels>
HWY_NOINLINE void compute_rows(const QGemmBlock& block, std::size_t begin, std::size_t end,
                               std::size_t channel) {
  const std::size_t left = block.outputs - channel;
  const std::size_t panel_step = block.segments * block.quads * kQuadBytes;
  const std::int8_t* panel =
      block.panels + channel / kPanelWidth * panel_step + channel % kPanelWidth * 4;
  ChannelFactors factors[kChannels / kLanes];
  for (std::size_t v = 0; v < kChannels / kLanes; ++v) {
    const std::size_t at = channel + v * kLanes;
    factors[v].load(block.bias + at, block.sums + at, block.factors + at, block.shifts + at);
  }
  HWY_ALIGN std::int32_t values[kRows * kChannels];
  Sums sums{values, begin, channel, left < kChannels ? left : kChannels, factors};
  const Way way = way_of(block.mode, block.right_shifts);
  for (; sums.row < end; sums.row += kRows) {
    const std::int8_t* w = panel;
    const std::int8_t* const* table = block.table + sums.row;
    QuantTile<kRows, kChannels> tile;
    for (std::size_t s = 0; s < block.segments; ++s, table += block.table_stride) {
      const std::int8_t* x[kRows];
      HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i) x[i] = table[i];
      tile.segment(x, w, block.quads, panel_step, block.narrow);
      w += block.quads * kQuadBytes;
    }
    tile.store(values);
    finish_sums<kRows, kChannels>(block, sums, way);
  }
}

// All channels of the rows [begin, end).
template <std::size_t kRows>
void compute_channels(const QGemmBlock& block, std::size_t begin, std::size_t end) {
  constexpr std::size_t kMost = most_channels(kRows);
  std::size_t channel = 0;
  while (channel < block.outputs) {
    const std::size_t left = block.outputs - channel;
    if (kMost == 64 && left > 48) {
      compute_rows<kRows, kMost>(block, begin, end, channel);
      channel += kMost;
    } else if (kMost >= 48 && left > 32 && !(kMost == 48 && left > 48 && left <= 64)) {
      compute_rows<kRows, kMost >= 48 ? 48 : kMost>(block, begin, end, channel);
      channel += 48;
    } else if (kMost >= 32 && left > 16) {
      compute_rows<kRows, kMost >= 32 ? 32 : kMost>(block, begin, end, channel);
      channel += 32;
    } else {
      constexpr std::size_t kLeast = kMost < 16 ? kMost : 16;
      compute_rows<kRows, kLeast>(block, begin, end, channel);
      channel += kLeast;
    }
  }
}

// As many rows as tiles of full height can cover; returns how many that is.
std::size_t compute_full_tiles(const QGemmBlock& block) {
#if HWY_TARGET == HWY_AVX3
  // Both tile shapes keep 24 sums; take the one that divides the panels.
  const std::size_t panels = (block.outputs + kPanelWidth - 1) / kPanelWidth;
  if (panels % 4 == 0 && panels % 3 != 0) {
    const std::size_t rows = block.rows / 6 * 6;
    if (rows > 0) compute_channels<6>(block, 0, rows);
    return rows;
  }
#endif
  const std::size_t rows = block.rows / kTileRows * kTileRows;
  if (rows > 0) compute_channels<kTileRows>(block, 0, rows);
  return rows;
}

void qgemm_block(const QGemmBlock& block) noexcept {
  std::size_t row = compute_full_tiles(block);
  if (kTileRows > 4 && row + 4 <= block.rows) {
    compute_channels<kTileRows >= 4 ? 4 : kTileRows>(block, row, row + 4);
    row += 4;
  }
  if (kTileRows > 2 && row + 2 <= block.rows) {
    compute_channels<2>(block, row, row + 2);
    row += 2;
  }
  if (row < block.rows) compute_channels<1>(block, row, row + 1);
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

QGemmBlockFn qgemm_block_kernel() { return SZ_PRODUCT_SELECT(qgemm_block); }

}  // namespace sz::ops
#endif  // HWY_ONCE
