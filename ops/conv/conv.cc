#include "ops/conv/conv.h"

#include "ops/check.h"
#include "ops/conv/depthwise.h"
#include "ops/conv/indirection.h"

namespace sz::ops {

Conv2d::Conv2d(const Step& step) : ConvImages(step) {
  (void)read_attributes(step.attributes, &attributes);  // checked before
}

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
  if (!conv_images_fit(step, rows, columns)) return Status::kShapeMismatch;
  const ConvWeightShape shape{x.dims[3], y.dims[3], attributes.groups, attributes.window.kernel_h,
                              attributes.window.kernel_w};
  const auto elements = packed_conv2d_elements(shape);
  if (!elements || weights.dims[0] != *elements) return Status::kShapeMismatch;
  return Status::kOk;
}

std::uint64_t conv2d_scratch(const Step& step) {
  if (step.kernel == Kernel::kReference) return 0;
  const Conv2d conv(step);
  return conv.depthwise() ? depthwise_scratch(conv) : plan_indirection(conv).scratch_bytes;
}

std::uint64_t conv2d_cost(const Step& step) {
  const Conv2d conv(step);
  const Window2d& window = conv.attributes.window;
  return std::uint64_t{conv.out_rows()} * conv.out_c * conv.group_in() * window.kernel_h *
         window.kernel_w;
}

Status run_conv2d(const Step& step, const RunContext& context) noexcept {
  const Conv2d conv(step);
  if (step.kernel == Kernel::kReference) {
    conv2d_reference(conv);
  } else {
    conv2d_vector(conv, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
