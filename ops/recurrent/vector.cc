// Recurrent over the matrix kernel: in each step in time, chunks of some rows x some units, which
// multiply by the weights of all gates and then compute the units.
#include "ops/gemm/gemm.h"
#include "ops/gemm/pack.h"
#include "ops/recurrent/recurrent.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/recurrent/vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "math/elementary_inl.h"
#include "ops/vector_inl.h"

#ifndef SZ_OPS_RECURRENT_BLOCK
#define SZ_OPS_RECURRENT_BLOCK
namespace sz::ops {
namespace {

// Which gates a chunk computes.
enum class Phase { kAll, kGruFirst, kGruSecond };

// One row of a chunk: the products u of its units (gate after gate, `gate_step` apart), and where
// the rest of what the units read and write begins.
struct UnitRow {
  const Recurrent& layer;
  Phase phase;
  std::size_t count;  // units
  float* products;
  std::size_t gate_step;
  const float* x;  // of gate 0
  const float* h;
  const float* cell;
  float* cell_after;
  const float* peepholes;  // of gate i; nullptr
  float* z;                // of a GRU in two phases
  float* reset;
  float* y;
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {
namespace {

namespace em = sz::math::HWY_NAMESPACE;
using A = math::HWY_NAMESPACE::Lanes<Full>;
using V = hn::Vec<Full>;

#define SZ_OPS_INLINE HWY_INLINE
#include "ops/recurrent/cells.inc"
#undef SZ_OPS_INLINE

// The first `left` elements, or a full vector.
HWY_INLINE V load(const float* from, std::size_t left) {
  if (left >= kLanes) return hn::LoadU(Full(), from);
  HWY_ALIGN float lanes[kLanes] = {};
  for (std::size_t i = 0; i < left; ++i) lanes[i] = from[i];
  return hn::Load(Full(), lanes);
}

HWY_INLINE void store(V value, float* to, std::size_t left) {
  if (left >= kLanes) {
    hn::StoreU(value, Full(), to);
    return;
  }
  HWY_ALIGN float lanes[kLanes];
  hn::Store(value, Full(), lanes);
  for (std::size_t i = 0; i < left; ++i) to[i] = lanes[i];
}

// The units [at, at + kLanes) of a row, of which `left` exist.
struct UnitVectors {
  const UnitRow& row;
  std::size_t at, left;

  HWY_INLINE V product(std::size_t gate) const {
    return hn::LoadU(Full(), row.products + gate * row.gate_step + at);
  }
  HWY_INLINE V input(std::size_t gate) const {
    return load(row.x + gate * row.layer.units + at, left);
  }
  HWY_INLINE V sum(std::size_t gate) const { return hn::Add(input(gate), product(gate)); }
  HWY_INLINE void write(V value) const { store(canonical_vector(Full(), value), row.y + at, left); }
};

HWY_NOINLINE void gru(const UnitVectors& on) {
  const UnitRow& row = on.row;
  const RecurrentAttributes& a = row.layer.attributes;
  const V h = load(row.h + on.at, on.left);
  if (row.phase == Phase::kGruSecond) {
    const V n = gate_value<A>(a, 1, on.sum(2));
    on.write(blended<A>(load(row.z + on.at, on.left), h, n));
    return;
  }
  const V z = gate_value<A>(a, 0, on.sum(0));
  const V r = gate_value<A>(a, 0, on.sum(1));
  if (row.phase == Phase::kGruFirst) {
    store(z, row.z + on.at, on.left);
    store(hn::Mul(r, h), row.reset + on.at, on.left);
    return;
  }
  const V n = gate_value<A>(a, 1, hn::MulAdd(r, on.product(2), on.input(2)));
  on.write(blended<A>(z, h, n));
}

HWY_NOINLINE void lstm(const UnitVectors& on) {
  const UnitRow& row = on.row;
  LstmInputs<A> in;
  in.i = on.sum(0);
  in.o = on.sum(1);
  in.f = on.sum(2);
  in.c = on.sum(3);
  in.cell = load(row.cell + on.at, on.left);
  const bool peepholes = row.peepholes != nullptr;
  const std::size_t units = row.layer.units;
  const V zero = hn::Zero(Full());
  in.peephole_i = peepholes ? load(row.peepholes + on.at, on.left) : zero;
  in.peephole_o = peepholes ? load(row.peepholes + units + on.at, on.left) : zero;
  in.peephole_f = peepholes ? load(row.peepholes + 2 * units + on.at, on.left) : zero;
  V cell;
  const V value = lstm_unit<A>(row.layer.attributes, peepholes, in, &cell);
  store(canonical_vector(Full(), cell), row.cell_after + on.at, on.left);
  on.write(value);
}

}  // namespace

void compute_units(const UnitRow& row) noexcept {
  for (std::size_t at = 0; at < row.count; at += kLanes) {
    const UnitVectors on{row, at, row.count - at};
    switch (row.layer.attributes.kind) {
      case RecurrentKind::kRnn:
        on.write(gate_value<A>(row.layer.attributes, 0, on.sum(0)));
        break;
      case RecurrentKind::kGru:
        gru(on);
        break;
      case RecurrentKind::kLstm:
        lstm(on);
        break;
    }
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {
namespace {

struct RecurrentJob {
  const Recurrent& layer;
  const RunContext& context;
  const RecurrentState& state;
  GemmBlockFn gemm;
  void (*units)(const UnitRow& row) noexcept;
  std::size_t unit_chunks;
  std::size_t s;
  Phase phase;
};

// u of the gates [begin, end) for the rows from `first` on.
void multiply(const RecurrentJob& job, const StateRows& h, std::size_t first, std::size_t count,
              std::size_t unit, std::size_t units, std::size_t begin, std::size_t end,
              float* products) {
  const Recurrent& layer = job.layer;
  const float* table[kRecurrentRows];
  for (std::size_t r = 0; r < count; ++r) table[r] = h.row(first + r);
  GemmBlock block;
  block.table = table;
  block.table_stride = kRecurrentRows;
  block.segments = 1;
  block.length = layer.units;
  block.rows = count;
  block.outputs = units;
  block.y_pitch = kRecurrentUnits;
  for (std::size_t gate = begin; gate < end; ++gate) {
    block.panels =
        layer.weights + gate * layer.gate_elements + panel_offset(unit / kPanelWidth, layer.units);
    block.y = products + gate * count * kRecurrentUnits;
    job.gemm(block);
  }
}

void run_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  const auto& job = *static_cast<const RecurrentJob*>(context);
  const Recurrent& layer = job.layer;
  const std::size_t unit = chunk % job.unit_chunks * kRecurrentUnits;
  const std::size_t first = chunk / job.unit_chunks * kRecurrentRows;
  const std::size_t units =
      layer.units - unit < kRecurrentUnits ? layer.units - unit : kRecurrentUnits;
  const std::size_t rows =
      layer.rows - first < kRecurrentRows ? layer.rows - first : kRecurrentRows;
  auto* products = reinterpret_cast<float*>(job.context.scratch_of(worker));
  const bool second = job.phase == Phase::kGruSecond;
  const StateRows h = hidden_before(layer, job.state, job.s);
  const StateRows multiplied = second ? StateRows{job.state.pairs[1], layer.units} : h;
  const std::size_t gates = gates_of(layer.attributes.kind);
  multiply(job, multiplied, first, rows, unit, units, second ? 2 : 0,
           job.phase == Phase::kGruFirst ? 2 : gates, products);
  const StateRows cell = cell_before(layer, job.state, job.s);
  const CellTarget after = cell_after(layer, job.state, job.s);
  const std::size_t time = layer.time(job.s);
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t row = first + r;
    const std::size_t place = row * layer.units + unit;
    job.units({layer, job.phase, units, products + r * kRecurrentUnits, rows * kRecurrentUnits,
               layer.gate(time, row, 0) + unit, h.row(row) + unit, cell.row(row) + unit,
               after.first + row * after.pitch + unit,
               layer.peepholes != nullptr ? layer.peepholes + unit : nullptr,
               job.state.pairs[0] + place, job.state.pairs[1] + place,
               layer.y + (time * layer.rows + row) * layer.y_pitch + unit});
  }
}

}  // namespace

void recurrent_vector(const Recurrent& layer, const RunContext& context) {
  const RecurrentState state(layer, context.scratch_of(0));
  RecurrentJob job{layer,
                   context,
                   state,
                   gemm_block_kernel(),
                   SZ_VECTOR_SELECT(compute_units),
                   (layer.units + kRecurrentUnits - 1) / kRecurrentUnits,
                   0,
                   Phase::kAll};
  if (job.gemm == nullptr) {
    recurrent_reference(layer, context);
    return;
  }
  const std::size_t row_chunks = (layer.rows + kRecurrentRows - 1) / kRecurrentRows;
  const auto chunks = static_cast<std::uint32_t>(job.unit_chunks * row_chunks);
  // Every step in time is shared out by itself, so its own cost decides.
  const std::uint64_t cost = layer.cost / layer.steps;
  for (job.s = 0; job.s < layer.steps; ++job.s) {
    job.phase = layer.two_phases() ? Phase::kGruFirst : Phase::kAll;
    context.workers.run({run_chunk, &job, chunks, cost});
    if (!layer.two_phases()) continue;
    job.phase = Phase::kGruSecond;
    context.workers.run({run_chunk, &job, chunks, cost});
  }
}

}  // namespace sz::ops
#endif  // HWY_ONCE
