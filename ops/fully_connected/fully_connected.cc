#include "ops/fully_connected/fully_connected.h"

#include "ops/check.h"
#include "ops/gemm/pack.h"

namespace sz::ops {

Status check_fully_connected(const Step& step) {
  if (const Status status = check_operands(step); status != Status::kOk) return status;
  FullyConnectedAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || !valid_clamp(attributes.clamp)) {
    return Status::kBadAttribute;
  }
  const TensorView& x = *step.inputs[0];
  const TensorView& weights = *step.inputs[1];
  const TensorView& y = *step.outputs[0];
  if (x.rank == 0 || y.rank == 0 || weights.rank != 1 || x.rows() != y.rows()) {
    return Status::kShapeMismatch;
  }
  const auto elements = packed_elements(y.inner(), x.inner());
  if (!elements || weights.dims[0] != *elements) return Status::kShapeMismatch;
  return Status::kOk;
}

std::uint64_t fully_connected_scratch(const Step&) { return 0; }

std::uint64_t fully_connected_cost(const Step& step) {
  const TensorView& x = *step.inputs[0];
  const std::uint64_t weights = std::uint64_t{x.inner()} * step.outputs[0]->inner();
  return weights * (x.rows() + sizeof(float));
}

Status run_fully_connected(const Step& step, const RunContext& context) noexcept {
  FullyConnectedAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  FullyConnected layer;
  layer.x = x.f32();
  layer.weights = step.inputs[1]->f32();
  layer.y = y.mutable_f32();
  layer.x_pitch = x.pitch;
  layer.y_pitch = y.pitch;
  layer.rows = x.rows();
  layer.inputs = x.inner();
  layer.outputs = y.inner();
  layer.clamp = attributes.clamp;
  if (step.kernel == Kernel::kReference) {
    fully_connected_reference(layer);
  } else {
    fully_connected_vector(layer, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
