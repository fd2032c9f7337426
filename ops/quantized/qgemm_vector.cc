#include "ops/quantized/qgemm.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/quantized/qgemm_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/quantized/tile_inl.h"

HWY_BEFORE_NAMESPACE();
#if HWY_TARGET == HWY_AVX3
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
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

// Sums of a tile, [rows][channels] from (row, channel) on, of which `outputs` channels exist.
struct Sums {
  const std::int32_t* values;
  std::size_t rows, channels;
  std::size_t row, channel, outputs;
};

// What a zero point of the weights takes off the sums of a row.
HWY_INLINE Int32V row_correction(const QGemmBlock& block, std::size_t row) {
  if (block.row_sums == nullptr) return hn::Zero(Full32());
  return hn::Set(Full32(), wrapping_mul(block.row_sums[row], block.weight_zero));
}

HWY_NOINLINE void finish_raw(const QGemmBlock& block, const Sums& sums) {
  const Full32 d;
  for (std::size_t c = 0; c < sums.outputs; c += kLanes) {
    ChannelFactors factors;
    const std::size_t at = sums.channel + c;
    factors.load(block.bias + at, block.sums + at, block.factors + at, block.shifts + at);
    const std::size_t left = sums.outputs - c;
    for (std::size_t i = 0; i < sums.rows; ++i) {
      const Int32V sum = hn::Load(d, sums.values + i * sums.channels + c);
      const Int32V correction = row_correction(block, sums.row + i);
      HWY_ALIGN std::int32_t lanes[kLanes];
      hn::Store(hn::Sub(hn::Add(sum, factors.bias), correction), d, lanes);
      copy_bytes(reinterpret_cast<std::int32_t*>(block.y) + (sums.row + i) * block.y_pitch + at,
                 lanes, (left < kLanes ? left : kLanes) * sizeof(std::int32_t));
    }
  }
}

template <bool kFloat>
HWY_NOINLINE void finish_rescaled(const QGemmBlock& block, const Sums& sums) {
  const Full32 d;
  const Finish finish(block.y_output);
  for (std::size_t c = 0; c < sums.outputs; c += kStored) {
    ChannelFactors factors[kStoredVectors];
    const std::size_t at = sums.channel + c;
    HWY_UNROLL(2) for (std::size_t v = 0; v < kStoredVectors; ++v) {
      const std::size_t first = at + v * kLanes;
      factors[v].load(block.bias + first, block.sums + first, block.factors + first,
                      block.shifts + first);
    }
    const std::size_t left = sums.outputs - c;
    auto* y = reinterpret_cast<std::int8_t*>(block.y) + sums.row * block.y_pitch + at;
    const std::int32_t* values = sums.values + c;
    for (std::size_t i = 0; i < sums.rows; ++i, y += block.y_pitch, values += sums.channels) {
      Int32V rescaled[kStoredVectors];
      HWY_UNROLL(2) for (std::size_t v = 0; v < kStoredVectors; ++v) {
        Int32V sum = hn::Add(hn::Load(d, values + v * kLanes), factors[v].bias);
        if (block.row_sums != nullptr) sum = hn::Sub(sum, row_correction(block, sums.row + i));
        rescaled[v] = finish.template rescaled<kFloat>(sum, factors[v]);
      }
      if (left >= kStored) {
        store_rescaled(rescaled, finish, y);
      } else {
        HWY_ALIGN std::int8_t bytes[kStored];
        store_rescaled(rescaled, finish, bytes);
        copy_bytes(y, bytes, left);
      }
    }
  }
}

void finish_sums(const QGemmBlock& block, const Sums& sums) {
  switch (block.mode) {
    case Rescaling::kFixedPoint:
      return finish_rescaled<false>(block, sums);
    case Rescaling::kFloat:
      return finish_rescaled<true>(block, sums);
    case Rescaling::kNone:
      return finish_raw(block, sums);
  }
}

// Rows [row, row + kRows), kChannels channels from `channel` on, `outputs` of which exist.
template <std::size_t kRows, std::size_t kChannels>
HWY_NOINLINE void compute_tile(const QGemmBlock& block, std::size_t row, std::size_t channel,
                               std::size_t outputs) {
  const std::size_t panel_step = block.segments * block.quads * kQuadBytes;
  const std::int8_t* w =
      block.panels + channel / kPanelWidth * panel_step + channel % kPanelWidth * 4;
  const std::int8_t* const* table = block.table + row;
  QuantTile<kRows, kChannels> tile;
  for (std::size_t s = 0; s < block.segments; ++s, table += block.table_stride) {
    const std::int8_t* x[kRows];
    HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i) x[i] = table[i];
    tile.segment(x, w, block.quads, panel_step, block.narrow);
    w += block.quads * kQuadBytes;
  }
  HWY_ALIGN std::int32_t values[kRows * kChannels];
  tile.store(values);
  finish_sums(block, {values, kRows, kChannels, row, channel, outputs});
}

// Rows [begin, end), a multiple of kRows.
template <std::size_t kRows, std::size_t kChannels>
HWY_INLINE void compute_rows(const QGemmBlock& block, std::size_t begin, std::size_t end,
                             std::size_t channel) {
  const std::size_t left = block.outputs - channel;
  const std::size_t outputs = left < kChannels ? left : kChannels;
  for (std::size_t row = begin; row < end; row += kRows) {
    compute_tile<kRows, kChannels>(block, row, channel, outputs);
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
#if HWY_TARGET == HWY_AVX3
HWY_POP_ATTRIBUTES
#endif
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

QGemmBlockFn qgemm_block_kernel() { return SZ_PRODUCT_SELECT(qgemm_block); }

}  // namespace sz::ops
#endif  // HWY_ONCE
