// ConvWinograd over the matrix kernel: a chunk is a block of tiles times some panels of outputs. It
// transforms the inputs of its tiles, then, slice by slice of the outputs, multiplies the 16
// matrices and transforms back.
#include "base/checked.h"
#include "base/memory.h"
#include "ops/gemm/gemm.h"
#include "ops/gemm/pack.h"
#include "ops/vector_target.h"
#include "ops/winograd/winograd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/winograd/vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/vector_inl.h"

#ifndef SZ_OPS_WINOGRAD_JOB
#define SZ_OPS_WINOGRAD_JOB
namespace sz::ops {
namespace {

// Tiles of a block and output channels of a slice at most; bytes that a block's V should keep to.
constexpr std::size_t kMostTiles = 32;
constexpr std::size_t kLeastTiles = 8;
constexpr std::size_t kSlice = 64;
constexpr std::size_t kMostInputBytes = std::size_t{1} << 20;

// Worker scratch, in bytes: pointers [tiles], one pixel of zeroes, V [16][tiles][C],
// M [16][tiles][slice].
struct WinogradScratch {
  std::size_t tiles = 0, slice = 0, zeroes = 0, v = 0, m = 0, bytes = 0;

  explicit WinogradScratch(const Winograd& conv) {
    tiles = conv.tiles() < kMostTiles ? conv.tiles() : kMostTiles;
    while (tiles > kLeastTiles && 16 * tiles * conv.in_c * sizeof(float) > kMostInputBytes) {
      tiles /= 2;
    }
    slice = conv.out_c < kSlice ? align_up(conv.out_c, kPanelWidth) : kSlice;
    zeroes = align_up(tiles * sizeof(const float*), 64);
    v = align_up(zeroes + conv.in_c * sizeof(float), 64);
    m = align_up(v + 16 * tiles * conv.in_c * sizeof(float), 64);
    bytes = m + 16 * tiles * slice * sizeof(float);
  }
};

struct WinogradJob {
  const Winograd& conv;
  const RunContext& context;
  WinogradScratch scratch;
  std::size_t block_tiles;  // at most scratch.tiles
  PanelSplit split;
  GemmBlockFn gemm;
};

// A block of tiles and its scratch.
struct WinogradBlock {
  std::size_t first, tiles, slice;
  const float** table;
  float* zeroes;
  float* v;
  float* m;
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// to = B^T from, to = A^T from: four (two) vectors at distances of a step.
template <class V>
HWY_INLINE void times_b(const V* from, V* to, std::size_t step) {
  to[0] = hn::Sub(from[0], from[2 * step]);
  to[step] = hn::Add(from[step], from[2 * step]);
  to[2 * step] = hn::Sub(from[2 * step], from[step]);
  to[3 * step] = hn::Sub(from[step], from[3 * step]);
}

template <class V>
HWY_INLINE void times_a(const V* from, std::size_t step, V* to, std::size_t to_step) {
  to[0] = hn::Add(hn::Add(from[0], from[step]), from[2 * step]);
  to[to_step] = hn::Sub(hn::Sub(from[step], from[2 * step]), from[3 * step]);
}

// V of tile `t` of the block.
HWY_NOINLINE void transform_input(const Winograd& conv, const WinogradBlock& block, std::size_t t) {
  const WinogradTile tile(conv, block.first + t);
  const float* inputs[16];
  for (std::size_t p = 0; p < 16; ++p) {
    const float* input = tile.input(conv, p / 4, p % 4);
    inputs[p] = input == nullptr ? block.zeroes : input;
  }
  float* v = block.v + t * conv.in_c;
  const std::size_t matrix = block.tiles * conv.in_c;
  for_each_vector(conv.in_c, [&](auto d, std::size_t c) HWY_ATTR {
    using V = hn::Vec<decltype(d)>;
    V in[16], columns[16], out[16];
    HWY_UNROLL(16) for (std::size_t p = 0; p < 16; ++p) in[p] = hn::LoadU(d, inputs[p] + c);
    HWY_UNROLL(4) for (std::size_t j = 0; j < 4; ++j) times_b(in + j, columns + j, 4);
    HWY_UNROLL(4) for (std::size_t i = 0; i < 4; ++i) times_b(columns + 4 * i, out + 4 * i, 1);
    float* to = v + c;
    HWY_UNROLL(16) for (std::size_t p = 0; p < 16; ++p, to += matrix) hn::StoreU(out[p], d, to);
  });
}

// The outputs [channel, channel + outputs) of tile `t`, whose sums are in M.
HWY_NOINLINE void transform_output(const Winograd& conv, const WinogradBlock& block, std::size_t t,
                                   std::size_t channel, std::size_t outputs) {
  const WinogradTile tile(conv, block.first + t);
  float* y[4];
  const float* residual[4];
  for (std::size_t i = 0; i < 4; ++i) {
    const bool exists = tile.exists(conv, i / 2, i % 2);
    const std::size_t pixel = exists ? tile.pixel(conv, i / 2, i % 2) : 0;
    y[i] = exists ? conv.y + pixel * conv.y_pitch + channel : nullptr;
    residual[i] =
        conv.residual + (conv.residual == nullptr ? 0 : pixel * conv.residual_pitch + channel);
  }
  const Activation& activation = conv.attributes.activation;
  const float* m = block.m + t * block.slice;
  const std::size_t matrix = block.tiles * block.slice;
  for_each_vector(outputs, [&](auto d, std::size_t c) HWY_ATTR {
    using V = hn::Vec<decltype(d)>;
    V in[16], columns[8], out[4];
    const float* from = m + c;
    HWY_UNROLL(16) for (std::size_t p = 0; p < 16; ++p, from += matrix) in[p] = hn::LoadU(d, from);
    HWY_UNROLL(4) for (std::size_t j = 0; j < 4; ++j) times_a(in + j, 4, columns + j, 4);
    HWY_UNROLL(2) for (std::size_t i = 0; i < 2; ++i) times_a(columns + 4 * i, 1, out + 2 * i, 1);
    const V low = hn::Set(d, activation.clamp.low);
    const V high = hn::Set(d, activation.clamp.high);
    HWY_UNROLL(4) for (std::size_t i = 0; i < 4; ++i) {
      if (y[i] == nullptr) continue;
      V value = out[i];
      if (conv.residual != nullptr) value = hn::Add(value, hn::LoadU(d, residual[i] + c));
      if (activation.slope != 1.0f) {
        value = leaky_vector(d, value, hn::Set(d, activation.slope));
      }
      hn::StoreU(finish_vector(d, value, low, high), d, y[i] + c);
    }
  });
}

// The sums of all 16 positions for `outputs` channels from `channel` on, a multiple of a panel.
void multiply(const WinogradJob& job, const WinogradBlock& block, std::size_t channel,
              std::size_t outputs) {
  const Winograd& conv = job.conv;
  GemmBlock gemm;
  gemm.table = block.table;
  gemm.table_stride = block.tiles;
  gemm.segments = 1;
  gemm.length = conv.in_c;
  gemm.rows = block.tiles;
  gemm.outputs = outputs;
  gemm.y_pitch = block.slice;
  gemm.raw = true;
  const std::size_t panel = panel_offset(channel / kPanelWidth, conv.in_c);
  const std::size_t matrix = group_elements(conv.out_c, conv.in_c);
  for (std::size_t p = 0; p < kWinogradPositions; ++p) {
    const float* v = block.v + p * block.tiles * conv.in_c;
    for (std::size_t t = 0; t < block.tiles; ++t) block.table[t] = v + t * conv.in_c;
    gemm.panels = conv.weights + p * matrix + panel;
    gemm.y = block.m + p * block.tiles * block.slice;
    job.gemm(gemm);
  }
}

void winograd_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  const auto& job = *static_cast<const WinogradJob*>(context);
  const Winograd& conv = job.conv;
  std::byte* scratch = job.context.scratch_of(worker);
  const std::size_t part = chunk % job.split.parts;
  WinogradBlock block;
  block.first = chunk / job.split.parts * job.block_tiles;
  const std::size_t left = conv.tiles() - block.first;
  block.slice = job.scratch.slice;
  block.tiles = left < job.block_tiles ? left : job.block_tiles;
  block.table = reinterpret_cast<const float**>(scratch);
  block.zeroes = reinterpret_cast<float*>(scratch + job.scratch.zeroes);
  block.v = reinterpret_cast<float*>(scratch + job.scratch.v);
  block.m = reinterpret_cast<float*>(scratch + job.scratch.m);
  fill_bytes(block.zeroes, 0, conv.in_c * sizeof(float));
  for (std::size_t t = 0; t < block.tiles; ++t) transform_input(conv, block, t);
  std::size_t end = job.split.end(part) * kPanelWidth;
  if (end > conv.out_c) end = conv.out_c;
  for (std::size_t channel = job.split.begin(part) * kPanelWidth; channel < end;
       channel += block.slice) {
    const std::size_t outputs = end - channel < block.slice ? end - channel : block.slice;
    multiply(job, block, channel, outputs);
    for (std::size_t t = 0; t < block.tiles; ++t) {
      transform_output(conv, block, t, channel, outputs);
    }
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

std::uint64_t winograd_vector_scratch(const Winograd& conv) { return WinogradScratch(conv).bytes; }

void winograd_vector(const Winograd& conv, const RunContext& context) {
  const ChunkFn chunk = SZ_VECTOR_SELECT(winograd_chunk);
  const GemmBlockFn gemm = gemm_block_kernel();
  if (chunk == nullptr || gemm == nullptr) {
    winograd_reference(conv);
    return;
  }
  const WinogradScratch scratch(conv);
  // Smaller blocks where there are too few; then parts of the outputs, each of which transforms
  // the inputs anew, so that they should not become small.
  const std::size_t wanted = context.wanted_chunks();
  std::size_t tiles = scratch.tiles;
  while (tiles > kLeastTiles && conv.tiles() / tiles < wanted) tiles /= 2;
  const std::size_t blocks = (conv.tiles() + tiles - 1) / tiles;
  const std::size_t most_parts = (conv.out_c + kSlice - 1) / kSlice;
  const std::size_t chunks = wanted < blocks * most_parts ? wanted : blocks * most_parts;
  WinogradJob job{conv, context, scratch, tiles, PanelSplit(conv.out_c, blocks, chunks), gemm};
  context.share(chunk, &job, blocks * job.split.parts);
}

}  // namespace sz::ops
#endif  // HWY_ONCE
