#include "math/elementary.h"
#include "ops/gemm/pack.h"
#include "ops/recurrent/recurrent.h"
#include "ops/rules.h"

namespace sz::ops {
namespace {

namespace em = sz::math;
using A = math::Scalar;

#define SZ_OPS_INLINE inline
#include "ops/recurrent/cells.inc"
#undef SZ_OPS_INLINE

// R h + Rb of one unit of a gate.
float product(const Recurrent& layer, std::size_t gate, std::size_t unit, const float* h) {
  const std::size_t panel = unit / kPanelWidth;
  const std::size_t width = panel_width(panel, layer.units);
  const float* column = layer.weights + gate * layer.gate_elements +
                        panel_offset(panel, layer.units) + unit % kPanelWidth;
  float sum = column[0];
  for (std::size_t k = 0; k < layer.units; ++k) {
    sum = fused_multiply_add(h[k], column[(k + 1) * width], sum);
  }
  return canonical(sum);
}

struct Reference {
  const Recurrent& layer;
  const RecurrentState& state;
  std::size_t s;

  float* y(std::size_t row) const {
    return layer.y + (layer.time(s) * layer.rows + row) * layer.y_pitch;
  }
  float input(std::size_t row, std::size_t gate, std::size_t unit) const {
    return layer.gate(layer.time(s), row, gate)[unit];
  }
  // x + u of one gate.
  float sum(std::size_t row, std::size_t gate, std::size_t unit, const float* h) const {
    return input(row, gate, unit) + product(layer, gate, unit, h);
  }

  void rnn(std::size_t row, std::size_t unit, const float* h) const {
    y(row)[unit] = canonical(gate_value<A>(layer.attributes, 0, sum(row, 0, unit, h)));
  }

  void gru(std::size_t row, std::size_t unit, const float* h) const {
    const RecurrentAttributes& a = layer.attributes;
    const float z = gate_value<A>(a, 0, sum(row, 0, unit, h));
    const float r = gate_value<A>(a, 0, sum(row, 1, unit, h));
    if (layer.two_phases()) {
      state.pairs[0][row * layer.units + unit] = z;
      state.pairs[1][row * layer.units + unit] = r * h[unit];
      return;
    }
    const float u = product(layer, 2, unit, h);
    const float n = gate_value<A>(a, 1, fused_multiply_add(r, u, input(row, 2, unit)));
    y(row)[unit] = canonical(blended<A>(z, h[unit], n));
  }

  void gru_second(std::size_t row, std::size_t unit, const float* h) const {
    const float* reset = state.pairs[1] + row * layer.units;
    const float n = gate_value<A>(layer.attributes, 1, sum(row, 2, unit, reset));
    const float z = state.pairs[0][row * layer.units + unit];
    y(row)[unit] = canonical(blended<A>(z, h[unit], n));
  }

  void lstm(std::size_t row, std::size_t unit, const float* h) const {
    LstmInputs<A> in;
    in.i = sum(row, 0, unit, h);
    in.o = sum(row, 1, unit, h);
    in.f = sum(row, 2, unit, h);
    in.c = sum(row, 3, unit, h);
    in.cell = cell_before(layer, state, s).row(row)[unit];
    in.peephole_i = in.peephole_o = in.peephole_f = 0.0f;
    if (layer.peepholes != nullptr) {
      in.peephole_i = layer.peepholes[unit];
      in.peephole_o = layer.peepholes[layer.units + unit];
      in.peephole_f = layer.peepholes[2 * layer.units + unit];
    }
    float cell = 0.0f;
    const float value = lstm_unit<A>(layer.attributes, layer.peepholes != nullptr, in, &cell);
    const CellTarget target = cell_after(layer, state, s);
    target.first[row * target.pitch + unit] = canonical(cell);
    y(row)[unit] = canonical(value);
  }

  template <void (Reference::*unit_step)(std::size_t, std::size_t, const float*) const>
  void all() const {
    for (std::size_t row = 0; row < layer.rows; ++row) {
      const float* h = hidden_before(layer, state, s).row(row);
      for (std::size_t unit = 0; unit < layer.units; ++unit) (this->*unit_step)(row, unit, h);
    }
  }
};

}  // namespace

void recurrent_reference(const Recurrent& layer, const RunContext& context) {
  const RecurrentState state(layer, context.scratch_of(0));
  for (std::size_t s = 0; s < layer.steps; ++s) {
    const Reference step{layer, state, s};
    switch (layer.attributes.kind) {
      case RecurrentKind::kRnn:
        step.all<&Reference::rnn>();
        break;
      case RecurrentKind::kGru:
        step.all<&Reference::gru>();
        if (layer.two_phases()) step.all<&Reference::gru_second>();
        break;
      case RecurrentKind::kLstm:
        step.all<&Reference::lstm>();
        break;
    }
  }
}

}  // namespace sz::ops
