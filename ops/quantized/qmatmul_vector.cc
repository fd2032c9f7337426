// QMatMul over the kernel of the convolutions: a chunk packs panels of 16 columns of one matrix of
// b, one after the other, and multiplies all rows of a with each.
#include <bit>

#include "base/checked.h"
#include "base/memory.h"
#include "ops/gemm/pack.h"
#include "ops/quantized/qgemm.h"
#include "ops/quantized/qmatmul.h"
#include "ops/quantized/rescale.h"

namespace sz::ops {
namespace {

constexpr std::size_t kRows = 48;  // at once
constexpr std::size_t kQuadBytes = 4 * kPanelWidth;

// Worker scratch, in bytes: a packed panel, copies of kRows rows of a (where K does not fill
// quads).
struct ScratchPlan {
  std::size_t quads = 0, rows = 0, bytes = 0;
  explicit ScratchPlan(std::size_t inputs) : quads((inputs + 3) / 4), rows(quads * kQuadBytes) {
    bytes = align_up(rows + (inputs % 4 != 0 ? kRows * quads * 4 : 0), 64);
  }
};

struct QMatMulJob {
  const QMatMul& product;
  const RunContext& context;
  ScratchPlan plan;
  PanelSplit split;
  QGemmBlockFn gemm;
};

// What the kernel wants to know of a panel's columns.
struct Panel {
  std::int32_t bias[kPanelWidth] = {};
  std::int32_t sums[kPanelWidth] = {};
  std::int32_t factors[kPanelWidth] = {};
  std::int32_t shifts[kPanelWidth] = {};
  bool narrow = true;
};

// Packs `columns` columns of b; the rest of the panel is 0.
void pack_panel(const QMatMul& product, const std::int8_t* b, std::size_t columns,
                std::byte* packed, Panel* panel) {
  const QMatMulAttributes& t = product.attributes;
  const std::size_t quads = (product.inputs + 3) / 4;
  fill_bytes(packed, 0, quads * kQuadBytes);
  for (std::size_t n = 0; n < columns; ++n) {
    const std::int8_t* column = b + n * product.b_column_step();
    std::int32_t sum = 0;
    for (std::size_t k = 0; k < product.inputs; ++k, column += product.b_input_step()) {
      packed[k / 4 * kQuadBytes + n * 4 + k % 4] = static_cast<std::byte>(*column);
      sum += *column;
      if (*column == -128) panel->narrow = false;
    }
    const auto inputs = static_cast<std::int32_t>(product.inputs);
    panel->sums[n] = sum;
    panel->bias[n] = t.a_zero * (inputs * t.b_zero - sum);
    panel->factors[n] = t.factor.mode == Rescaling::kFloat
                            ? std::bit_cast<std::int32_t>(t.factor.scale)
                            : t.factor.multiplier;
    panel->shifts[n] = t.factor.shift;
  }
}

// Pointers to rows of a, copied where their last quad would end beyond them; and their sums.
void point_rows(const QMatMulJob& job, std::size_t matrix, std::size_t first, std::size_t rows,
                std::byte* copies, const std::int8_t** table, std::int32_t* sums) {
  const QMatMul& product = job.product;
  for (std::size_t r = 0; r < rows; ++r) {
    const std::int8_t* row = product.a_row(matrix, first + r);
    std::int32_t sum = 0;
    for (std::size_t k = 0; k < product.inputs; ++k) sum += row[k];
    sums[r] = sum;
    if (product.inputs % 4 != 0) {
      auto* copy = reinterpret_cast<std::int8_t*>(copies) + r * job.plan.quads * 4;
      copy_bytes(copy, row, product.inputs);
      row = copy;
    }
    table[r] = row;
  }
}

void run_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  const auto& job = *static_cast<const QMatMulJob*>(context);
  const QMatMul& product = job.product;
  const std::size_t matrix = chunk / job.split.parts;
  const std::size_t part = chunk % job.split.parts;
  std::byte* scratch = job.context.scratch_of(worker);
  for (std::size_t p = job.split.begin(part); p < job.split.end(part); ++p) {
    const std::size_t column = p * kPanelWidth;
    const std::size_t left = product.columns - column;
    const std::size_t columns = left < kPanelWidth ? left : kPanelWidth;
    Panel panel;
    pack_panel(product, product.b_matrix(matrix) + column * product.b_column_step(), columns,
               scratch, &panel);
    for (std::size_t first = 0; first < product.rows; first += kRows) {
      const std::size_t rest = product.rows - first;
      const std::size_t rows = rest < kRows ? rest : kRows;
      const std::int8_t* table[kRows];
      std::int32_t sums[kRows];
      point_rows(job, matrix, first, rows, scratch + job.plan.rows, table, sums);
      QGemmBlock block;
      block.table = table;
      block.table_stride = kRows;
      block.segments = 1;
      block.quads = job.plan.quads;
      block.rows = rows;
      block.panels = reinterpret_cast<const std::int8_t*>(scratch);
      block.bias = panel.bias;
      block.sums = panel.sums;
      block.factors = panel.factors;
      block.shifts = panel.shifts;
      block.narrow = panel.narrow;
      block.weight_zero = product.attributes.b_zero;
      block.row_sums = block.weight_zero != 0 ? sums : nullptr;
      block.outputs = columns;
      block.y = product.y_row(matrix, first) + column * product.y_bytes();
      block.y_pitch = product.y.pitch;
      block.mode = product.attributes.factor.mode;
      block.y_output = product.attributes.y;
      job.gemm(block);
    }
  }
}

}  // namespace

std::uint64_t qmatmul_vector_scratch(std::size_t inputs) { return ScratchPlan(inputs).bytes; }

void qmatmul_vector(const QMatMul& product, const RunContext& context) {
  QMatMulJob job{product, context, ScratchPlan(product.inputs),
                 PanelSplit(product.columns, product.batch, context.wanted_chunks()),
                 qgemm_block_kernel()};
  if (job.gemm == nullptr) return qmatmul_reference(product);
  context.share(run_chunk, &job, product.batch * job.split.parts);
}

}  // namespace sz::ops
