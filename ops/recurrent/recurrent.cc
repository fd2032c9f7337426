#include "ops/recurrent/recurrent.h"

#include "base/checked.h"
#include "ops/check.h"
#include "ops/gemm/pack.h"

namespace sz::ops {
namespace {

bool finite(float value) { return value - value == 0.0f; }

bool valid(const RecurrentAttributes& a) {
  if (a.kind > RecurrentKind::kLstm || a.reverse > 1 || a.linear_before_reset > 1 ||
      a.keep_cell > 1 || !(a.clip > 0.0f)) {
    return false;
  }
  if (a.linear_before_reset != 0 && a.kind != RecurrentKind::kGru) return false;
  if (a.keep_cell != 0 && a.kind != RecurrentKind::kLstm) return false;
  for (const RecurrentActivation& activation : a.activations) {
    if (activation.function > RecurrentFunction::kSoftsign || !finite(activation.alpha) ||
        !finite(activation.beta)) {
      return false;
    }
  }
  return true;
}

const TensorView* optional(const Step& step, std::size_t input) {
  return input < step.inputs.size() ? step.inputs[input] : nullptr;
}

bool is_state(const TensorView* view, std::uint32_t rows, std::uint32_t units) {
  return view == nullptr || (view->rank == 2 && view->dims[0] == rows && view->dims[1] == units);
}

Status check_shapes(const Step& step, const RecurrentAttributes& a) {
  const TensorView& x = *step.inputs[0];
  const TensorView& weights = *step.inputs[1];
  const TensorView& y = *step.outputs[0];
  if (x.rank != 3 || y.rank != 3 || weights.rank != 1) return Status::kShapeMismatch;
  const std::uint32_t units = y.dims[2];
  const std::uint64_t steps = std::uint64_t{x.dims[0]} + a.keep_cell;
  const std::uint64_t gates = gates_of(a.kind);
  if (y.dims[0] != steps || y.dims[1] != x.dims[1] || x.dims[2] != gates * units) {
    return Status::kShapeMismatch;
  }
  const auto elements = recurrent_gate_elements(units);
  std::uint64_t all = 0;
  if (!elements || !checked_mul(*elements, gates, &all) || weights.dims[0] != all) {
    return Status::kShapeMismatch;
  }
  const bool lstm = a.kind == RecurrentKind::kLstm;
  const TensorView* cell = optional(step, 3);
  const TensorView* peepholes = optional(step, 4);
  if (!is_state(optional(step, 2), x.dims[1], units) || !is_state(cell, x.dims[1], units) ||
      (!lstm && (cell != nullptr || peepholes != nullptr))) {
    return Status::kShapeMismatch;
  }
  const bool fits = peepholes == nullptr ||
                    (peepholes->rank == 1 && peepholes->dims[0] == std::uint64_t{3} * units);
  return fits ? Status::kOk : Status::kShapeMismatch;
}

}  // namespace

std::optional<std::uint64_t> recurrent_gate_elements(std::uint64_t units) {
  return packed_elements(units, units);
}

Status check_recurrent(const Step& step) {
  if (step.inputs.size() < 2 || step.inputs.size() > 5) return Status::kShapeMismatch;
  const TensorView* operands[5] = {step.inputs[0], step.inputs[1], nullptr, nullptr, nullptr};
  std::size_t count = 2;  // the others are optional
  for (std::size_t i = 2; i < step.inputs.size(); ++i) {
    if (step.inputs[i] != nullptr) operands[count++] = step.inputs[i];
  }
  const Step present{step.kernel, std::span(operands, count), step.outputs, step.attributes};
  if (const Status status = check_operands(present); status != Status::kOk) return status;
  RecurrentAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || !valid(attributes)) {
    return Status::kBadAttribute;
  }
  return check_shapes(step, attributes);
}

std::uint64_t recurrent_scratch(const Step& step) {
  const TensorView& y = *step.outputs[0];
  RecurrentAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  const std::uint64_t rows = y.dims[1] < kRecurrentRows ? y.dims[1] : kRecurrentRows;
  const std::uint64_t products = gates_of(attributes.kind) * rows * kRecurrentUnits;
  return (products + RecurrentState::elements(y.dims[1], y.dims[2])) * sizeof(float);
}

std::uint64_t recurrent_cost(const Step& step) {
  const TensorView& x = *step.inputs[0];
  const std::uint64_t weights = std::uint64_t{x.dims[2]} * step.outputs[0]->dims[2];
  return x.dims[0] * weights * (x.dims[1] + sizeof(float));
}

RecurrentState::RecurrentState(const Recurrent& layer, std::byte* scratch) {
  const std::uint64_t rows = layer.rows < kRecurrentRows ? layer.rows : kRecurrentRows;
  zeroes =
      reinterpret_cast<float*>(scratch) + gates_of(layer.attributes.kind) * rows * kRecurrentUnits;
  pairs[0] = zeroes + layer.units;
  pairs[1] = pairs[0] + layer.rows * layer.units;
  for (std::size_t i = 0; i < layer.units; ++i) zeroes[i] = 0.0f;
}

StateRows hidden_before(const Recurrent& layer, const RecurrentState& state, std::size_t s) {
  if (s > 0) return {layer.y + layer.time(s - 1) * layer.rows * layer.y_pitch, layer.y_pitch};
  if (layer.h0 != nullptr) return {layer.h0, layer.h0_pitch};
  return {state.zeroes, 0};
}

StateRows cell_before(const Recurrent& layer, const RecurrentState& state, std::size_t s) {
  if (s > 0) return {state.pairs[s % 2], layer.units};
  if (layer.c0 != nullptr) return {layer.c0, layer.c0_pitch};
  return {state.zeroes, 0};
}

CellTarget cell_after(const Recurrent& layer, const RecurrentState& state, std::size_t s) {
  const bool last = s + 1 == layer.steps && layer.attributes.keep_cell != 0;
  if (last) return {layer.y + layer.steps * layer.rows * layer.y_pitch, layer.y_pitch};
  return {state.pairs[(s + 1) % 2], layer.units};
}

Status run_recurrent(const Step& step, const RunContext& context) noexcept {
  Recurrent layer;
  (void)read_attributes(step.attributes, &layer.attributes);  // checked before
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  layer.x = x.f32();
  layer.weights = step.inputs[1]->f32();
  layer.y = y.mutable_f32();
  layer.x_pitch = x.pitch;
  layer.y_pitch = y.pitch;
  layer.steps = x.dims[0];
  layer.rows = x.dims[1];
  layer.units = y.dims[2];
  layer.gate_elements = *recurrent_gate_elements(layer.units);
  layer.cost = recurrent_cost(step);
  if (const TensorView* h0 = optional(step, 2)) {
    layer.h0 = h0->f32();
    layer.h0_pitch = h0->pitch;
  }
  if (const TensorView* c0 = optional(step, 3)) {
    layer.c0 = c0->f32();
    layer.c0_pitch = c0->pitch;
  }
  if (const TensorView* peepholes = optional(step, 4)) layer.peepholes = peepholes->f32();
  if (step.kernel == Kernel::kReference) {
    recurrent_reference(layer, context);
  } else {
    recurrent_vector(layer, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
