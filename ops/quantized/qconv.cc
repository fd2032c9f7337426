#include "ops/quantized/qconv.h"

#include <bit>

#include "ops/quantized/check.h"
#include "ops/quantized/rescale.h"

namespace sz::ops {
namespace {

ConvWeightShape weight_shape(const TensorView& x, const TensorView& y,
                             const QConv2dAttributes& attributes) {
  return {x.dims[3], y.dims[3], attributes.groups, attributes.window.kernel_h,
          attributes.window.kernel_w};
}

void point_operands(const Step& step, const ConvWeightShape& shape, QConv2d* conv) {
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  conv->x = bytes_of(x);
  // No arithmetic on a null pointer while checking.
  conv->x_end = x.data == nullptr ? nullptr : bytes_of(x) + x.footprint();
  conv->y = y.data;
  conv->blob = {step.inputs[1]->data, *quant_layout(shape)};
  conv->x_pitch = x.pitch;
  conv->y_pitch = y.pitch;
}

QConv2d unpack_conv(const Step& step) {
  QConv2d conv;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  (void)read_attributes(step.attributes, &conv.attributes);  // checked before
  point_operands(step, weight_shape(x, y, conv.attributes), &conv);
  conv.batch = x.dims[0];
  conv.in_h = x.dims[1];
  conv.in_w = x.dims[2];
  conv.in_c = x.dims[3];
  conv.out_h = y.dims[1];
  conv.out_w = y.dims[2];
  conv.out_c = y.dims[3];
  return conv;
}

QConv2d unpack_fully_connected(const Step& step) {
  QConv2d conv;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  QFullyConnectedAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  conv.attributes.mode = attributes.mode;
  conv.attributes.weight_zero = attributes.weight_zero;
  conv.attributes.y = attributes.y;
  point_operands(step, fully_connected_shape(y.inner(), x.inner()), &conv);
  conv.batch = conv.in_h = conv.out_h = 1;
  conv.in_w = conv.out_w = static_cast<std::size_t>(x.rows());
  conv.in_c = x.inner();
  conv.out_c = y.inner();
  return conv;
}

// Types of the operands of both operators.
Status check_types(const Step& step) {
  const DType type = step.outputs[0]->dtype;
  const bool known = step.inputs[0]->dtype == DType::kI8 && step.inputs[1]->dtype == DType::kI8 &&
                     (type == DType::kI8 || type == DType::kI32);
  return known ? Status::kOk : Status::kDtypeMismatch;
}

Status check_blob(const TensorView& blob, const std::optional<std::uint64_t>& bytes) {
  const bool fits = bytes && blob.rank == 1 && blob.dims[0] == *bytes;
  return fits ? Status::kOk : Status::kShapeMismatch;
}

void run(const QConv2d& conv, Kernel kernel, const RunContext& context) {
  if (kernel == Kernel::kReference) {
    qconv2d_reference(conv);
  } else {
    qconv2d_vector(conv, context);
  }
}

}  // namespace

QuantFactor QuantBlob::factor(std::size_t slot, Rescaling mode) const {
  QuantFactor result;
  result.mode = mode;
  if (mode == Rescaling::kFloat) {
    result.scale = std::bit_cast<float>(factors()[slot]);
  } else {
    result.multiplier = factors()[slot];
    result.shift = valid_shift(shifts()[slot]);
  }
  return result;
}

Status check_qconv2d(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  if (const Status status = check_types(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  QConv2dAttributes attributes;
  if (!read_attributes(step.attributes, &attributes)) return Status::kBadAttribute;
  const WindowAxis rows = vertical(attributes.window);
  const WindowAxis columns = horizontal(attributes.window);
  if (!rows.valid() || !columns.valid() || attributes.groups == 0 ||
      !in_range(attributes.x_zero, DType::kI8) || !in_range(attributes.weight_zero, DType::kI8) ||
      !valid_output(attributes.mode, attributes.y, y.dtype)) {
    return Status::kBadAttribute;
  }
  if (x.rank != 4 || y.rank != 4) return Status::kShapeMismatch;
  if (x.dims[0] != y.dims[0] || !rows.fits(x.dims[1]) || !columns.fits(x.dims[2]) ||
      y.dims[1] != rows.floor_size(x.dims[1]) || y.dims[2] != columns.floor_size(x.dims[2])) {
    return Status::kShapeMismatch;
  }
  return check_blob(*step.inputs[1], packed_qconv2d_bytes(weight_shape(x, y, attributes)));
}

Status check_qfully_connected(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  if (const Status status = check_types(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  QFullyConnectedAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) ||
      !in_range(attributes.weight_zero, DType::kI8) ||
      !valid_output(attributes.mode, attributes.y, y.dtype)) {
    return Status::kBadAttribute;
  }
  if (x.rank == 0 || y.rank == 0 || x.rows() != y.rows()) return Status::kShapeMismatch;
  return check_blob(*step.inputs[1], packed_qfully_connected_bytes(y.inner(), x.inner()));
}

std::uint64_t qconv2d_scratch(const Step& step) {
  return step.kernel == Kernel::kReference ? 0 : qconv2d_vector_scratch(unpack_conv(step));
}

std::uint64_t qfully_connected_scratch(const Step& step) {
  return step.kernel == Kernel::kReference ? 0
                                           : qconv2d_vector_scratch(unpack_fully_connected(step));
}

std::uint64_t qconv2d_cost(const Step& step) {
  const QConv2d conv = unpack_conv(step);
  const Window2d& window = conv.attributes.window;
  const std::uint64_t weights =
      std::uint64_t{conv.out_c} * conv.group_in() * window.kernel_h * window.kernel_w;
  return weights * conv.out_rows() / 4 + weights;
}

std::uint64_t qfully_connected_cost(const Step& step) {
  const TensorView& x = *step.inputs[0];
  const std::uint64_t weights = std::uint64_t{x.inner()} * step.outputs[0]->inner();
  return weights * x.rows() / 4 + weights;
}

Status run_qconv2d(const Step& step, const RunContext& context) noexcept {
  run(unpack_conv(step), step.kernel, context);
  return Status::kOk;
}

Status run_qfully_connected(const Step& step, const RunContext& context) noexcept {
  run(unpack_fully_connected(step), step.kernel, context);
  return Status::kOk;
}

}  // namespace sz::ops
