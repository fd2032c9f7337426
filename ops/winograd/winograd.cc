#include "ops/winograd/winograd.h"

#include "ops/check.h"

namespace sz::ops {

Winograd::Winograd(const Step& step) : ConvImages(step) {
  (void)read_attributes(step.attributes, &attributes);  // checked before
}

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
  if (!conv_images_fit(step, rows, columns)) return Status::kShapeMismatch;
  const auto elements = packed_winograd_elements(y.dims[3], x.dims[3]);
  if (!elements || weights.dims[0] != *elements) return Status::kShapeMismatch;
  return Status::kOk;
}

std::uint64_t winograd_scratch(const Step& step) {
  return step.kernel == Kernel::kReference ? 0 : winograd_vector_scratch(Winograd(step));
}

std::uint64_t winograd_cost(const Step& step) {
  const Winograd conv(step);
  return std::uint64_t{conv.tiles()} * kWinogradPositions * conv.in_c * conv.out_c;
}

Status run_winograd(const Step& step, const RunContext& context) noexcept {
  const Winograd conv(step);
  if (step.kernel == Kernel::kReference) {
    winograd_reference(conv);
  } else {
    winograd_vector(conv, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
