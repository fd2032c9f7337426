// MatMul over the matrix kernel: each chunk packs some panels of b and multiplies rows of a by
// them.
#include "ops/gemm/gemm.h"
#include "ops/gemm/pack.h"
#include "ops/matmul/matmul.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/matmul/vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/vector_inl.h"

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// Columns [0, width) of b, of which `real` exist, as one panel (ops/gemm/pack.h) without the bias.
using PackPanelFn = void (*)(const float* b, const MatMul& product, std::size_t real,
                             std::size_t width, float* panel) noexcept;

// For any strides.
void pack_scattered(const float* b, const MatMul& product, std::size_t real, std::size_t width,
                    float* panel) noexcept {
  for (std::size_t k = 0; k < product.inner; ++k, b += product.b_inner, panel += width) {
    for (std::size_t i = 0; i < real; ++i) panel[i] = product.alpha * b[i * product.b_column];
    for (std::size_t i = real; i < width; ++i) panel[i] = 0.0f;
  }
}

// Rows of b are dense.
void pack_rows(const float* b, const MatMul& product, std::size_t real, std::size_t width,
               float* panel) noexcept {
  if (real < kPanelWidth) return pack_scattered(b, product, real, width, panel);
  const Full d;
  const auto alpha = hn::Set(d, product.alpha);
  for (std::size_t k = 0; k < product.inner; ++k, b += product.b_inner, panel += kPanelWidth) {
    HWY_UNROLL(4) for (std::size_t i = 0; i < kPanelWidth; i += kLanes) {
      hn::StoreU(hn::Mul(alpha, hn::LoadU(d, b + i)), d, panel + i);
    }
  }
}

// Columns of b are dense: blocks of 4 x 4 are transposed.
void pack_columns(const float* b, const MatMul& product, std::size_t real, std::size_t width,
                  float* panel) noexcept {
  if (real < kPanelWidth) return pack_scattered(b, product, real, width, panel);
  const hn::CappedTag<float, 4> d;
  const hn::Repartition<double, decltype(d)> pairs;
  const auto alpha = hn::Set(d, product.alpha);
  std::size_t k = 0;
  for (; k + 4 <= product.inner; k += 4, panel += 4 * kPanelWidth) {
    for (std::size_t i = 0; i < kPanelWidth; i += 4) {
      const float* from = b + i * product.b_column + k;
      const auto v0 = hn::LoadU(d, from);
      const auto v1 = hn::LoadU(d, from + product.b_column);
      const auto v2 = hn::LoadU(d, from + 2 * product.b_column);
      const auto v3 = hn::LoadU(d, from + 3 * product.b_column);
      const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, v0, v1));
      const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, v2, v3));
      const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, v0, v1));
      const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, v2, v3));
      const auto put = [&](auto value, std::size_t row) HWY_ATTR {
        hn::StoreU(hn::Mul(alpha, hn::BitCast(d, value)), d, panel + row * kPanelWidth + i);
      };
      put(hn::InterleaveLower(pairs, low01, low23), 0);
      put(hn::InterleaveUpper(pairs, low01, low23), 1);
      put(hn::InterleaveLower(pairs, high01, high23), 2);
      put(hn::InterleaveUpper(pairs, high01, high23), 3);
    }
  }
  for (; k < product.inner; ++k, panel += kPanelWidth) {
    for (std::size_t i = 0; i < kPanelWidth; ++i) {
      panel[i] = product.alpha * b[i * product.b_column + k];
    }
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {
namespace {

using PackFn = void (*)(const float*, const MatMul&, std::size_t, std::size_t, float*) noexcept;

struct MatMulJob {
  const MatMul& product;
  const RunContext& context;
  MatMulTiling tiling;
  GemmBlockFn gemm;
  PackFn pack;
  std::size_t panels_per_chunk, panel_chunks;
  std::size_t rows_per_chunk, row_chunks;

  std::size_t chunks() const { return product.batches() * panel_chunks * row_chunks; }
};

// Cuts the panels, then the rows, until there are about as many chunks as wanted.
void cut(MatMulJob& job, std::size_t wanted) {
  const std::size_t panels = (job.product.columns + kPanelWidth - 1) / kPanelWidth;
  const std::size_t batches = job.product.batches();
  job.panels_per_chunk = job.tiling.panels;
  while (job.panels_per_chunk > 1 &&
         batches * ((panels + job.panels_per_chunk - 1) / job.panels_per_chunk) < wanted) {
    job.panels_per_chunk /= 2;
  }
  job.panel_chunks = (panels + job.panels_per_chunk - 1) / job.panels_per_chunk;
  // Every chunk packs its panels anew: some blocks of rows make that worth while.
  const std::size_t least = 2 * job.tiling.rows;
  const std::size_t cuts = (wanted + batches * job.panel_chunks - 1) / (batches * job.panel_chunks);
  job.rows_per_chunk = (job.product.rows + cuts - 1) / cuts;
  if (job.rows_per_chunk < least) job.rows_per_chunk = least;
  job.row_chunks = (job.product.rows + job.rows_per_chunk - 1) / job.rows_per_chunk;
}

// Rows [first, first + count) of a, from `a` on: their addresses, in dense copies where need be.
void point_at_rows(const MatMulJob& job, const float* a, std::size_t first, std::size_t count,
                   float* copies, const float** table) {
  const MatMul& product = job.product;
  for (std::size_t r = 0; r < count; ++r) table[r] = a + (first + r) * product.a_row;
  if (!job.tiling.packs_rows) return;
  for (std::size_t k = 0; k < product.inner; ++k) {
    for (std::size_t r = 0; r < count; ++r) {
      copies[r * product.inner + k] = table[r][k * product.a_inner];
    }
  }
  for (std::size_t r = 0; r < count; ++r) table[r] = copies + r * product.inner;
}

void run_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  const auto& job = *static_cast<const MatMulJob*>(context);
  const MatMul& product = job.product;
  std::size_t rest = chunk;
  const std::size_t row_chunk = rest % job.row_chunks;
  rest /= job.row_chunks;
  const std::size_t first_column = rest % job.panel_chunks * job.panels_per_chunk * kPanelWidth;
  const MatMulOffsets at = offsets_of_batch(product, rest / job.panel_chunks);
  auto* panels = reinterpret_cast<float*>(job.context.scratch_of(worker));
  const std::size_t left = product.columns - first_column;
  const std::size_t most = job.panels_per_chunk * kPanelWidth;
  const std::size_t columns = left < most ? left : most;
  for (std::size_t done = 0; done < columns; done += kPanelWidth) {
    const std::size_t real = columns - done < kPanelWidth ? columns - done : kPanelWidth;
    const std::size_t width = (real + 3) / 4 * 4;
    float* panel = panels + panel_offset(done / kPanelWidth, product.inner);
    for (std::size_t i = 0; i < width; ++i) panel[i] = 0.0f;  // no bias
    job.pack(product.b + at.b + (first_column + done) * product.b_column, product, real, width,
             panel + width);
  }
  const float* table[48];
  GemmBlock block;
  block.table = table;
  block.table_stride = job.tiling.rows;
  block.segments = 1;
  block.length = product.inner;
  block.panels = panels;
  block.outputs = columns;
  block.y_pitch = product.y_row;
  block.activation.clamp = product.clamp;
  const std::size_t begin = row_chunk * job.rows_per_chunk;
  const std::size_t end =
      begin + job.rows_per_chunk < product.rows ? begin + job.rows_per_chunk : product.rows;
  for (std::size_t row = begin; row < end; row += job.tiling.rows) {
    block.rows = end - row < job.tiling.rows ? end - row : job.tiling.rows;
    point_at_rows(job, product.a + at.a, row, block.rows, panels + job.tiling.panel_elements,
                  table);
    block.y = product.y + at.y + row * product.y_row + first_column;
    job.gemm(block);
  }
}

}  // namespace

void matmul_vector(const MatMul& product, const RunContext& context) {
  MatMulJob job{product,
                context,
                MatMulTiling(product.inner, product.a_inner == 1),
                gemm_block_kernel(),
                SZ_VECTOR_SELECT(pack_scattered),
                0,
                0,
                0,
                0};
  if (job.gemm == nullptr) {
    matmul_reference(product);
    return;
  }
  if (product.b_column == 1) {
    job.pack = SZ_VECTOR_SELECT(pack_rows);
  } else if (product.b_inner == 1) {
    job.pack = SZ_VECTOR_SELECT(pack_columns);
  }
  cut(job, context.wanted_chunks());
  context.share(run_chunk, &job, job.chunks());
}

}  // namespace sz::ops
#endif  // HWY_ONCE
