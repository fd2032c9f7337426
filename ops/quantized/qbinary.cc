#include "ops/quantized/qbinary.h"

#include "ops/quantized/check.h"
#include "ops/quantized/rescale.h"

namespace sz::ops {
namespace {

constexpr std::int32_t kMaxLeftShift = 22;  // 255 << 22 is below 2^30

bool is_unused(const QuantFactor& factor) { return factor.multiplier == 0 && factor.shift == 0; }

bool valid_attributes(const QBinaryAttributes& attributes) {
  const Rescaling mode = attributes.y_factor.mode;
  const bool mul = attributes.kind == BinaryKind::kMul;
  if (attributes.kind != BinaryKind::kAdd && attributes.kind != BinaryKind::kSub && !mul) {
    return false;
  }
  for (const QuantFactor* factor : {&attributes.a, &attributes.b, &attributes.y_factor}) {
    if (factor->mode != mode || mode == Rescaling::kNone || !valid_factor(*factor)) return false;
  }
  if (!in_range(attributes.a_zero, DType::kI8) || !in_range(attributes.b_zero, DType::kI8) ||
      !valid_output(attributes.y, DType::kI8)) {
    return false;
  }
  if (mode == Rescaling::kFloat) return attributes.left_shift == 0;
  if (mul) return attributes.left_shift == 0 && is_unused(attributes.a) && is_unused(attributes.b);
  return attributes.left_shift >= 0 && attributes.left_shift <= kMaxLeftShift;
}

std::int32_t fixed_element(std::int32_t da, std::int32_t db, const QBinaryAttributes& t) {
  const auto times = [](std::int32_t x, const QuantFactor& factor) {
    return multiply_fixed(x, factor.multiplier, factor.shift);
  };
  std::int32_t result = da * db;
  if (t.kind != BinaryKind::kMul) {
    const std::int32_t a = times(wrapping_shift_left(da, t.left_shift), t.a);
    const std::int32_t b = times(wrapping_shift_left(db, t.left_shift), t.b);
    result = t.kind == BinaryKind::kAdd ? wrapping_add(a, b) : wrapping_sub(a, b);
  }
  return finish_fixed(times(result, t.y_factor), t.y);
}

std::int32_t float_element(std::int32_t da, std::int32_t db, const QBinaryAttributes& t) {
  const float a = static_cast<float>(da) * t.a.scale;
  const float b = static_cast<float>(db) * t.b.scale;
  const float result = t.kind == BinaryKind::kAdd   ? a + b
                       : t.kind == BinaryKind::kSub ? a - b
                                                    : a * b;
  return quantize(result, t.y_factor.scale, t.y);
}

}  // namespace

std::int32_t qbinary_element(std::int32_t a, std::int32_t b, const QBinaryAttributes& attributes) {
  a -= attributes.a_zero;
  b -= attributes.b_zero;
  return attributes.y_factor.mode == Rescaling::kFloat ? float_element(a, b, attributes)
                                                       : fixed_element(a, b, attributes);
}

Status check_qbinary(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& a = *step.inputs[0];
  const TensorView& b = *step.inputs[1];
  const TensorView& y = *step.outputs[0];
  if (a.dtype != DType::kI8 || b.dtype != DType::kI8 || y.dtype != DType::kI8) {
    return Status::kDtypeMismatch;
  }
  QBinaryAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || !valid_attributes(attributes)) {
    return Status::kBadAttribute;
  }
  return is_broadcast(step) ? Status::kOk : Status::kShapeMismatch;
}

std::uint64_t qbinary_cost(const Step& step) { return step.outputs[0]->elements() * 4; }

Status run_qbinary(const Step& step, const RunContext& context) noexcept {
  QBinary binary{bytes_of(*step.inputs[0]),
                 bytes_of(*step.inputs[1]),
                 mutable_bytes_of(*step.outputs[0]),
                 broadcast_of(step),
                 {}};
  (void)read_attributes(step.attributes, &binary.attributes);  // checked before
  if (step.kernel == Kernel::kReference) {
    qbinary_reference(binary);
  } else {
    qbinary_vector(binary, context);
  }
  return Status::kOk;
}

void qbinary_reference(const QBinary& binary) {
  const Broadcast& shape = binary.shape;
  const std::uint32_t last = shape.rank - 1;
  RowWalk row(shape, 0);
  for (std::size_t r = 0; r < shape.rows(); ++r, row.next()) {
    for (std::size_t i = 0; i < shape.inner(); ++i) {
      const std::int32_t a = binary.a[row.offset(0) + i * shape.strides[0][last]];
      const std::int32_t b = binary.b[row.offset(1) + i * shape.strides[1][last]];
      binary.y[row.offset(2) + i] = static_cast<std::int8_t>(qbinary_element(a, b, binary.attributes));
    }
  }
}

}  // namespace sz::ops
