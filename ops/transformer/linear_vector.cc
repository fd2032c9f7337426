// A chunk is some panels of results of some rows. Rows are taken by tiles; the sums of a tile with
// some panels go to scratch memory, from where they are finished.
#include "base/checked.h"
#include "ops/gemm/gemm.h"
#include "ops/quantized/qgemm.h"
#include "ops/transformer/linear.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/transformer/linear_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "math/exp_inl.h"
#include "ops/transformer/linear_blocks_inl.h"
#include "ops/vector_inl.h"

#ifndef SZ_OPS_LINEAR_CHUNKS
#define SZ_OPS_LINEAR_CHUNKS
namespace sz::ops {
namespace {

struct LinearChunks {
  const LinearJob& job;
  const LinearScratch layout;
  GemmBlockFn gemm = nullptr;  // of format f32
  std::byte* scratch = nullptr;
  std::size_t scratch_stride = 0;
  std::size_t panels = 0, panels_per_chunk = 0;  // of results
  std::size_t panel_chunks = 0;
  std::size_t rows_per_chunk = 0;
};

// Some rows and panels of results.
struct LinearPart {
  const LinearJob& job;
  std::size_t row, rows;
  std::size_t panel, panels;
  float* sums;
  const float** table;
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

using V = hn::Vec<Full>;

// --- finishing ---

HWY_INLINE V swiglu(V gate, V up) {
  const Full d;
  const V exponential = math::HWY_NAMESPACE::exp_vector(d, hn::Neg(gate));
  return hn::Mul(hn::Div(gate, hn::Add(hn::Set(d, 1.0f), exponential)), up);
}

// 16 results of one row.
template <LinearEpilogue kEpilogue>
HWY_INLINE void finish_panel(const float* sums, const float* residual, float* y) {
  const Full d;
  HWY_UNROLL(4) for (std::size_t j = 0; j < kPanelOutputs; j += kLanes) {
    V value = hn::LoadU(d, sums + j);
    if constexpr (kEpilogue == LinearEpilogue::kResidual) {
      value = hn::Add(value, hn::LoadU(d, residual + j));
    } else if constexpr (kEpilogue == LinearEpilogue::kSwiglu) {
      value = swiglu(value, hn::LoadU(d, sums + kPanelOutputs + j));
    }
    hn::StoreU(canonical_vector(d, value), d, y + j);
  }
}

template <LinearEpilogue kEpilogue>
HWY_NOINLINE void finish_sums(const LinearPart& part) {
  constexpr std::size_t kEach = kEpilogue == LinearEpilogue::kSwiglu ? 2 : 1;
  const std::size_t outputs = part.job.attributes.outputs;
  const std::size_t first = part.panel * kPanelOutputs;
  const std::size_t left = outputs - first;
  const std::size_t whole = left / kPanelOutputs < part.panels ? left / kPanelOutputs : part.panels;
  for (std::size_t i = 0; i < part.rows; ++i) {
    const std::size_t at = (part.row + i) * outputs + first;
    const float* sums = part.sums + i * kLinearPitch;
    const float* residual = part.job.residual == nullptr ? nullptr : part.job.residual + at;
    float* y = part.job.y + at;
    std::size_t column = 0;
    for (std::size_t p = 0; p < whole;
         ++p, column += kPanelOutputs, sums += kEach * kPanelOutputs) {
      finish_panel<kEpilogue>(
          sums, kEpilogue == LinearEpilogue::kResidual ? residual + column : nullptr, y + column);
    }
    if (whole == part.panels) continue;
    const std::size_t bytes = (left - column) * sizeof(float);
    HWY_ALIGN float added[kPanelOutputs] = {};
    HWY_ALIGN float results[kPanelOutputs];
    if constexpr (kEpilogue == LinearEpilogue::kResidual) {
      copy_bytes(added, residual + column, bytes);
    }
    finish_panel<kEpilogue>(sums, added, results);
    copy_bytes(y + column, results, bytes);
  }
}

HWY_INLINE void finish(const LinearPart& part) {
  switch (part.job.attributes.epilogue) {
    case LinearEpilogue::kNone:
      return finish_sums<LinearEpilogue::kNone>(part);
    case LinearEpilogue::kResidual:
      return finish_sums<LinearEpilogue::kResidual>(part);
    case LinearEpilogue::kSwiglu:
      return finish_sums<LinearEpilogue::kSwiglu>(part);
  }
}

// Calls body(part) for the part's panels, as many at a time as the sums have room for.
template <class Body>
HWY_INLINE void by_panels(const LinearPart& part, Body body) {
  const std::size_t most = kLinearPanels / part.job.each();
  LinearPart some = part;
  const std::size_t end = part.panel + part.panels;
  for (; some.panel < end; some.panel += some.panels) {
    some.panels = end - some.panel < most ? end - some.panel : most;
    body(some);
    finish(some);
  }
}

HWY_INLINE const std::byte* panel_of(const LinearPart& part) {
  const LinearAttributes& attributes = part.job.attributes;
  return part.job.weights +
         part.panel * part.job.each() * panel_bytes(attributes.format, attributes.inputs);
}

// --- f32 ---

HWY_NOINLINE void compute_f32(const LinearPart& part, GemmBlockFn gemm) {
  for (std::size_t i = 0; i < part.rows; ++i) {
    part.table[i] = reinterpret_cast<const float*>(part.job.x + (part.row + i) * part.job.x_pitch);
  }
  GemmBlock block;
  block.table = part.table;
  block.table_stride = part.rows;
  block.segments = 1;
  block.length = part.job.attributes.inputs;
  block.rows = part.rows;
  block.y = part.sums;
  block.y_pitch = kLinearPitch;
  block.raw = true;
  by_panels(part, [&](const LinearPart& some) HWY_ATTR {
    block.panels = reinterpret_cast<const float*>(panel_of(some));
    block.outputs = some.panels * some.job.each() * kPanelOutputs;
    gemm(block);
  });
}

// --- f16 ---

// The most rows of a tile; and how many panels a single row takes at a time.
#if HWY_TARGET == HWY_AVX3
inline constexpr std::size_t kHalfRows = 8;
inline constexpr std::size_t kHalfPanels = 4;
#else
inline constexpr std::size_t kHalfRows = 4;
inline constexpr std::size_t kHalfPanels = 2;
#endif

// kRows rows from `x` on times kPanels panels.
template <std::size_t kRows, std::size_t kPanels>
HWY_NOINLINE void multiply_halves(const LinearJob& job, const std::byte* x, const std::byte* panel,
                                  float* to) {
  constexpr std::size_t kInPanel = kPanelOutputs / kLanes;
  constexpr std::size_t kColumns = kPanels * kInPanel;
  const Full d;
  const hn::Rebind<hwy::float16_t, Full> halves;
  const std::size_t inputs = job.attributes.inputs;
  const std::size_t step = inputs * kPanelOutputs;
  const auto* w = reinterpret_cast<const hwy::float16_t*>(panel);
  const float* rows[kRows];
  HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i) {
    rows[i] = reinterpret_cast<const float*>(x + i * job.x_pitch);
  }
  V sums[kRows * kColumns];
  HWY_UNROLL(32) for (std::size_t i = 0; i < kRows * kColumns; ++i) sums[i] = hn::Zero(d);
  for (std::size_t k = 0; k < inputs; ++k, w += kPanelOutputs) {
    V wv[kColumns];
    HWY_UNROLL(8) for (std::size_t j = 0; j < kColumns; ++j) {
      wv[j] = hn::PromoteTo(d, hn::LoadU(halves, w + j / kInPanel * step + j % kInPanel * kLanes));
    }
    HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i) {
      const V xv = hn::Set(d, rows[i][k]);
      HWY_UNROLL(8) for (std::size_t j = 0; j < kColumns; ++j) {
        sums[i * kColumns + j] = hn::MulAdd(xv, wv[j], sums[i * kColumns + j]);
      }
    }
  }
  HWY_UNROLL(8) for (std::size_t i = 0; i < kRows; ++i) {
    HWY_UNROLL(8) for (std::size_t j = 0; j < kColumns; ++j) {
      hn::StoreU(sums[i * kColumns + j], d, to + i * kLinearPitch + j * kLanes);
    }
  }
}

// All rows of the part times one panel.
HWY_INLINE void multiply_rows(const LinearPart& part, const std::byte* panel, float* to) {
  const std::byte* x = part.job.x + part.row * part.job.x_pitch;
  for (std::size_t i = 0; i < part.rows;) {
    const std::size_t left = part.rows - i;
    const std::size_t taken = left >= kHalfRows ? kHalfRows : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    const std::byte* from = x + i * part.job.x_pitch;
    float* sums = to + i * kLinearPitch;
    if (taken == kHalfRows) {
      multiply_halves<kHalfRows, 1>(part.job, from, panel, sums);
    } else if (taken == 4) {
      multiply_halves<4, 1>(part.job, from, panel, sums);
    } else if (taken == 2) {
      multiply_halves<2, 1>(part.job, from, panel, sums);
    } else {
      multiply_halves<1, 1>(part.job, from, panel, sums);
    }
    i += taken;
  }
}

HWY_NOINLINE void compute_f16(const LinearPart& part) {
  const LinearJob& job = part.job;
  const std::size_t step = panel_bytes(job.attributes.format, job.attributes.inputs);
  by_panels(part, [&](const LinearPart& some) HWY_ATTR {
    const std::byte* panel = panel_of(some);
    const std::size_t panels = some.panels * job.each();
    std::size_t p = 0;
    if (some.rows == 1) {
      const std::byte* x = job.x + some.row * job.x_pitch;
      for (; p + kHalfPanels <= panels; p += kHalfPanels, panel += kHalfPanels * step) {
        multiply_halves<1, kHalfPanels>(job, x, panel, some.sums + p * kPanelOutputs);
      }
    }
    for (; p < panels; ++p, panel += step) {
      multiply_rows(some, panel, some.sums + p * kPanelOutputs);
    }
  });
}

// --- q8_0 and q4_0 ---

template <BlockFormat kFormat>
HWY_NOINLINE void compute_blocks(const LinearPart& part) {
  BlocksTile tile{};
  tile.x = part.job.x + part.row * part.job.x_pitch;
  tile.x_pitch = part.job.x_pitch;
  tile.rows = part.rows;
  tile.blocks = blocks_of(part.job.attributes.inputs);
  tile.sums = part.sums;
  by_panels(part, [&](const LinearPart& some) HWY_ATTR {
    tile.panel = panel_of(some);
    tile.panels = some.panels * some.job.each();
    multiply_blocks<kFormat>(tile);
  });
}

void linear_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  const auto& chunks = *static_cast<const LinearChunks*>(context);
  const LinearJob& job = chunks.job;
  std::byte* scratch = chunks.scratch + worker * chunks.scratch_stride;
  const std::size_t panel = chunk % chunks.panel_chunks * chunks.panels_per_chunk;
  const std::size_t panels_left = chunks.panels - panel;
  std::size_t row = chunk / chunks.panel_chunks * chunks.rows_per_chunk;
  const std::size_t rows_left = job.rows - row;
  const std::size_t end =
      row + (rows_left < chunks.rows_per_chunk ? rows_left : chunks.rows_per_chunk);
  LinearPart part{job,
                  row,
                  0,
                  panel,
                  panels_left < chunks.panels_per_chunk ? panels_left : chunks.panels_per_chunk,
                  reinterpret_cast<float*>(scratch),
                  reinterpret_cast<const float**>(scratch + chunks.layout.sums_bytes)};
  for (; part.row < end; part.row += part.rows) {
    part.rows = end - part.row < kLinearRows ? end - part.row : kLinearRows;
    switch (job.attributes.format) {
      case BlockFormat::kF32:
        compute_f32(part, chunks.gemm);
        break;
      case BlockFormat::kF16:
        compute_f16(part);
        break;
      case BlockFormat::kQ8_0:
        compute_blocks<BlockFormat::kQ8_0>(part);
        break;
      case BlockFormat::kQ4_0:
        compute_blocks<BlockFormat::kQ4_0>(part);
        break;
    }
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {
namespace {

// Weights of a chunk that many rows pass over stay in the second-level cache.
constexpr std::size_t kCachedWeights = std::size_t{384} << 10;
constexpr std::size_t kRowsToCache = 16;

void cut(LinearChunks& chunks, std::size_t wanted) {
  const LinearJob& job = chunks.job;
  chunks.panels = panels_of(job.attributes.outputs);
  const std::size_t parts = wanted < chunks.panels ? wanted : chunks.panels;
  chunks.panels_per_chunk = (chunks.panels + parts - 1) / parts;
  if (job.rows > kRowsToCache) {
    const std::size_t bytes =
        job.each() * panel_bytes(job.attributes.format, job.attributes.inputs);
    const std::size_t fit = kCachedWeights / bytes < 4 ? 4 : kCachedWeights / bytes;
    if (chunks.panels_per_chunk > fit) chunks.panels_per_chunk = fit;
  }
  chunks.panel_chunks = (chunks.panels + chunks.panels_per_chunk - 1) / chunks.panels_per_chunk;
  // Too few panels: rows are cut too.
  const std::size_t tiles = (job.rows + kLinearRows - 1) / kLinearRows;
  std::size_t row_parts = (wanted + chunks.panel_chunks - 1) / chunks.panel_chunks;
  if (row_parts > tiles) row_parts = tiles;
  chunks.rows_per_chunk = (tiles + row_parts - 1) / row_parts * kLinearRows;
}

}  // namespace

void linear_vector(const LinearJob& job, const RunContext& context) {
  LinearChunks chunks{job, LinearScratch(job.attributes, job.rows)};
  const ChunkFn chunk =
      job.quantized() ? SZ_PRODUCT_SELECT(linear_chunk) : SZ_VECTOR_SELECT(linear_chunk);
  chunks.gemm = gemm_block_kernel();
  if (chunk == nullptr || chunks.gemm == nullptr) {
    linear_reference(job);
    return;
  }
  chunks.scratch = context.scratch;
  chunks.scratch_stride = context.scratch_stride;
  cut(chunks, context.wanted_chunks());
  const std::size_t row_chunks = (job.rows + chunks.rows_per_chunk - 1) / chunks.rows_per_chunk;
  context.share(chunk, &chunks, chunks.panel_chunks * row_chunks);
}

}  // namespace sz::ops
#endif  // HWY_ONCE
