#include "ops/quantized/convert.h"

#include "ops/quantized/check.h"
#include "ops/quantized/rescale.h"

namespace sz::ops {
namespace {

Rows rows_of(const TensorView& x, const TensorView& y) {
  return {x.data,
          y.data,
          std::size_t{x.pitch} * dtype_bytes(x.dtype),
          std::size_t{y.pitch} * dtype_bytes(y.dtype),
          static_cast<std::size_t>(x.rows()),
          x.inner()};
}

// Scales and zero points of Quantize and Dequantize; `type` is that of the quantised side.
Status check_scales(const Step& step, DType type) {
  QuantizeAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || !valid_scale(attributes.scale)) {
    return Status::kBadAttribute;
  }
  if (type != DType::kI32 && !in_range(attributes.zero, type)) {
    return Status::kBadAttribute;
  }
  const TensorView& x = *step.inputs[0];
  if (!same_shape(x, *step.outputs[0])) return Status::kShapeMismatch;
  if (step.inputs.size() == 1) return Status::kOk;
  if (step.inputs.size() != 3) return Status::kShapeMismatch;
  if (attributes.scale != 1.0f || attributes.zero != 0) return Status::kBadAttribute;
  if (step.inputs[1]->dtype != DType::kF32 || step.inputs[2]->dtype != DType::kI32) {
    return Status::kDtypeMismatch;
  }
  const bool lists = is_list(*step.inputs[1], DType::kF32, x.inner()) &&
                     is_list(*step.inputs[2], DType::kI32, x.inner());
  return lists ? Status::kOk : Status::kShapeMismatch;
}

// Scalars of DynamicQuantize.
bool one_element(const TensorView& view) { return view.elements() == 1; }

Quantize unpack_quantize(const TensorView& x, const TensorView& y, float scale, std::int32_t zero) {
  Quantize quantize;
  quantize.rows = rows_of(x, y);
  quantize.scale = scale;
  quantize.offset = offset_of(y.dtype);
  quantize.y.zero = zero - quantize.offset;
  quantize.flip = flip_of(y.dtype);
  return quantize;
}

void run_quantize(const Quantize& quantize, Kernel kernel, const RunContext& context) {
  if (kernel == Kernel::kReference) {
    quantize_reference(quantize);
  } else {
    quantize_vector(quantize, context);
  }
}

}  // namespace

QuantOutput Quantize::output_of(std::size_t i) const {
  if (zeroes == nullptr) return y;
  QuantOutput output = y;
  output.zero = clamp_int(zeroes[i], -128 + offset, 127 + offset) - offset;
  return output;
}

Status check_quantize(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  if (step.inputs[0]->dtype != DType::kF32 || !is_byte(step.outputs[0]->dtype)) {
    return Status::kDtypeMismatch;
  }
  return check_scales(step, step.outputs[0]->dtype);
}

Status check_dequantize(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const DType type = step.inputs[0]->dtype;
  if ((!is_byte(type) && type != DType::kI32) || step.outputs[0]->dtype != DType::kF32) {
    return Status::kDtypeMismatch;
  }
  return check_scales(step, type);
}

Status check_requantize(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  if (!is_byte(x.dtype) || !is_byte(y.dtype)) return Status::kDtypeMismatch;
  RequantizeAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || !valid_factor(attributes.factor) ||
      attributes.factor.mode == Rescaling::kNone || !in_range(attributes.x_zero, x.dtype) ||
      !valid_output(attributes.y, y.dtype)) {
    return Status::kBadAttribute;
  }
  return same_shape(x, y) ? Status::kOk : Status::kShapeMismatch;
}

Status check_lookup(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& table = *step.inputs[1];
  const TensorView& y = *step.outputs[0];
  if (!is_byte(x.dtype) || !is_byte(y.dtype) || table.dtype != y.dtype) {
    return Status::kDtypeMismatch;
  }
  if (!step.attributes.empty()) return Status::kBadAttribute;
  if (!same_shape(x, y) || table.rank != 1 || table.dims[0] != 256) return Status::kShapeMismatch;
  return Status::kOk;
}

Status check_dynamic_quantize(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& y = *step.outputs[0];
  if (step.inputs[0]->dtype != DType::kF32 || !is_byte(y.dtype) ||
      step.outputs[1]->dtype != DType::kF32 || step.outputs[2]->dtype != y.dtype) {
    return Status::kDtypeMismatch;
  }
  if (!step.attributes.empty()) return Status::kBadAttribute;
  const bool shapes = same_shape(*step.inputs[0], y) && one_element(*step.outputs[1]) &&
                      one_element(*step.outputs[2]);
  return shapes ? Status::kOk : Status::kShapeMismatch;
}

std::uint64_t convert_cost(const Step& step) {
  const TensorView& x = *step.inputs[0];
  return x.elements() * (dtype_bytes(x.dtype) + dtype_bytes(step.outputs[0]->dtype));
}

Status run_quantize(const Step& step, const RunContext& context) noexcept {
  QuantizeAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  Quantize quantize =
      unpack_quantize(*step.inputs[0], *step.outputs[0], attributes.scale, attributes.zero);
  if (step.inputs.size() == 3) {
    quantize.scales = step.inputs[1]->f32();
    quantize.zeroes = reinterpret_cast<const std::int32_t*>(step.inputs[2]->data);
  }
  run_quantize(quantize, step.kernel, context);
  return Status::kOk;
}

Status run_dequantize(const Step& step, const RunContext& context) noexcept {
  QuantizeAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  Dequantize dequantize;
  dequantize.rows = rows_of(*step.inputs[0], *step.outputs[0]);
  dequantize.type = step.inputs[0]->dtype;
  dequantize.scale = attributes.scale;
  dequantize.zero = attributes.zero;
  if (step.inputs.size() == 3) {
    dequantize.scales = step.inputs[1]->f32();
    dequantize.zeroes = reinterpret_cast<const std::int32_t*>(step.inputs[2]->data);
  }
  if (step.kernel == Kernel::kReference) {
    dequantize_reference(dequantize);
  } else {
    dequantize_vector(dequantize, context);
  }
  return Status::kOk;
}

Status run_requantize(const Step& step, const RunContext& context) noexcept {
  RequantizeAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  const DType type = step.inputs[0]->dtype;
  // There are 256 inputs: a table of the results.
  std::uint8_t table[256];
  for (std::uint32_t i = 0; i < 256; ++i) {
    const std::int32_t x = value_of(static_cast<std::int8_t>(i), type) - attributes.x_zero;
    table[i] = static_cast<std::uint8_t>(rescale(x, attributes.factor, attributes.y));
  }
  const Lookup lookup{rows_of(*step.inputs[0], *step.outputs[0]), table};
  if (step.kernel == Kernel::kReference) {
    lookup_reference(lookup);
  } else {
    lookup_vector(lookup, context);
  }
  return Status::kOk;
}

Status run_lookup(const Step& step, const RunContext& context) noexcept {
  const Lookup lookup{rows_of(*step.inputs[0], *step.outputs[0]),
                      reinterpret_cast<const std::uint8_t*>(step.inputs[1]->data)};
  if (step.kernel == Kernel::kReference) {
    lookup_reference(lookup);
  } else {
    lookup_vector(lookup, context);
  }
  return Status::kOk;
}

Status run_dynamic_quantize(const Step& step, const RunContext& context) noexcept {
  const TensorView& y = *step.outputs[0];
  const Rows rows = rows_of(*step.inputs[0], y);
  const Range range =
      step.kernel == Kernel::kReference ? range_reference(rows) : range_vector(rows);
  float scale = (range.greatest - range.least) / 255.0f;
  if (!(scale > 0.0f)) scale = 1.0f;
  const QuantOutput whole{0, 0, 255};
  const std::int32_t zero = quantize(-range.least, scale, whole);
  run_quantize(unpack_quantize(*step.inputs[0], y, scale, zero - 128 + offset_of(y.dtype)),
               step.kernel, context);
  *step.outputs[1]->mutable_f32() = scale;
  *mutable_bytes_of(*step.outputs[2]) =
      static_cast<std::int8_t>(static_cast<std::uint32_t>(zero - 128) ^ flip_of(y.dtype));
  return Status::kOk;
}

}  // namespace sz::ops
