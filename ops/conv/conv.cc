#include "ops/conv/conv.h"

#include "ops/check.h"
#include "ops/conv/depthwise.h"
#include "ops/conv/indirection.h"

namespace sz::ops {
namespace {

Conv2d unpack(const Step& step) {
  Conv2d conv;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  conv.x = x.f32();
  conv.weights = step.inputs[1]->f32();
  conv.y = y.mutable_f32();
  if (step.inputs.size() > 2) {
    conv.residual = step.inputs[2]->f32();
    conv.residual_pitch = step.inputs[2]->pitch;
  }
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

Status check_conv2d(const Step& step) {
  if (const Status status = check_operands(step); status != Status::kOk) return status;
  Conv2dAttributes attributes;
  if (!read_attributes(step.attributes, &attributes)) return Status::kBadAttribute;
  const WindowAxis rows = vertical(attributes.window);
  const WindowAxis columns = horizontal(attributes.window);
  if (!rows.valid() || !columns.valid() || !valid_activation(attributes.activation) ||
      attributes.groups == 0) {
    return Status::kBadAttribute;
  }
  const TensorView& x = *step.inputs[0];
  const TensorView& weights = *step.inputs[1];
  const TensorView& y = *step.outputs[0];
  if (x.rank != 4 || y.rank != 4 || weights.rank != 1) return Status::kShapeMismatch;
  if (x.dims[0] != y.dims[0] || !rows.fits(x.dims[1]) || !columns.fits(x.dims[2]) ||
      y.dims[1] != rows.floor_size(x.dims[1]) || y.dims[2] != columns.floor_size(x.dims[2])) {
    return Status::kShapeMismatch;
  }
  if (step.inputs.size() > 2 && !same_shape(*step.inputs[2], y)) return Status::kShapeMismatch;
  const ConvWeightShape shape{x.dims[3], y.dims[3], attributes.groups, attributes.window.kernel_h,
                              attributes.window.kernel_w};
  const auto elements = packed_conv2d_elements(shape);
  if (!elements || weights.dims[0] != *elements) return Status::kShapeMismatch;
  return Status::kOk;
}

std::uint64_t conv2d_scratch(const Step& step) {
  if (step.kernel == Kernel::kReference) return 0;
  const Conv2d conv = unpack(step);
  return conv.depthwise() ? depthwise_scratch(conv) : plan_indirection(conv).scratch_bytes;
}

std::uint64_t conv2d_cost(const Step& step) {
  const Conv2d conv = unpack(step);
  const Window2d& window = conv.attributes.window;
  return std::uint64_t{conv.out_rows()} * conv.out_c * conv.group_in() * window.kernel_h *
         window.kernel_w;
}

Status run_conv2d(const Step& step, const RunContext& context) noexcept {
  const Conv2d conv = unpack(step);
  if (step.kernel == Kernel::kReference) {
    conv2d_reference(conv);
  } else {
    conv2d_vector(conv, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
