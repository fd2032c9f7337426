#include "ops/winograd/winograd.h"

#include "ops/check.h"

namespace sz::ops {
namespace {

Winograd unpack(const Step& step) {
  Winograd conv;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  conv.x = x.f32();
  conv.weights = step.inputs[1]->f32();
  if (step.inputs.size() > 2) {
    conv.residual = step.inputs[2]->f32();
    conv.residual_pitch = step.inputs[2]->pitch;
  }
  conv.y = y.mutable_f32();
  conv.x_pitch = x.pitch;
  conv.y_pitch = y.pitch;
  conv.batch = x.dims[0];
  conv.in_h = x.dims[1];
  conv.in_w = x.dims[2];
  conv.in_c = x.dims[3];
  conv.out_h = y.dims[1];
  conv.out_w = y.dims[2];
  conv.out_c = y.dims[3];
  (void)read_attributes(step.attributes, &conv.attributes);  // checked before
  return conv;
}

}  // namespace

Status check_winograd(const Step& step) {
  if (const Status status = check_operands(step); status != Status::kOk) return status;
  WinogradAttributes attributes;
  if (!read_attributes(step.attributes, &attributes)) return Status::kBadAttribute;
  const WindowAxis rows{3, 1, 1, attributes.pad_top, attributes.pad_bottom};
  const WindowAxis columns{3, 1, 1, attributes.pad_left, attributes.pad_right};
  if (!rows.valid() || !columns.valid() || !valid_activation(attributes.activation)) {
    return Status::kBadAttribute;
  }
  const TensorView& x = *step.inputs[0];
  const TensorView& weights = *step.inputs[1];
  const TensorView& y = *step.outputs[0];
  if (x.rank != 4 || y.rank != 4 || weights.rank != 1 || x.dims[0] != y.dims[0] ||
      !rows.fits(x.dims[1]) || !columns.fits(x.dims[2]) ||
      y.dims[1] != rows.floor_size(x.dims[1]) || y.dims[2] != columns.floor_size(x.dims[2])) {
    return Status::kShapeMismatch;
  }
  if (step.inputs.size() > 2 && !same_shape(*step.inputs[2], y)) return Status::kShapeMismatch;
  const auto elements = packed_winograd_elements(y.dims[3], x.dims[3]);
  if (!elements || weights.dims[0] != *elements) return Status::kShapeMismatch;
  return Status::kOk;
}

std::uint64_t winograd_scratch(const Step& step) {
  return step.kernel == Kernel::kReference ? 0 : winograd_vector_scratch(unpack(step));
}

std::uint64_t winograd_cost(const Step& step) {
  const Winograd conv = unpack(step);
  return std::uint64_t{conv.tiles()} * kWinogradPositions * conv.in_c * conv.out_c;
}

Status run_winograd(const Step& step, const RunContext& context) noexcept {
  const Winograd conv = unpack(step);
  if (step.kernel == Kernel::kReference) {
    winograd_reference(conv);
  } else {
    winograd_vector(conv, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
