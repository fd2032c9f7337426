#include "ops/layout/layout.h"

#include "ops/check.h"

namespace sz::ops {
namespace {

bool is_permutation(const TransposeAttributes& attributes, std::uint32_t rank) {
  std::uint32_t seen = 0;
  for (std::uint32_t i = 0; i < kMaxRank; ++i) {
    const std::uint32_t from = attributes.perm[i];
    if (i >= rank) {
      if (from != 0) return false;
      continue;
    }
    if (from >= rank || (seen & (1u << from)) != 0) return false;
    seen |= 1u << from;
  }
  return true;
}

void fill_strides(const TensorView& view, std::size_t* strides) {
  std::size_t stride = view.pitch;
  for (std::uint32_t back = 0; back < view.rank; ++back) {
    const std::uint32_t i = view.rank - 1u - back;
    strides[i] = back == 0 ? 1 : stride;
    if (back > 0) stride *= view.dims[i];
  }
}

}  // namespace

Status check_copy(const Step& step) {
  if (const Status status = check_operands(step); status != Status::kOk) return status;
  if (!step.attributes.empty()) return Status::kBadAttribute;
  return same_shape(*step.inputs[0], *step.outputs[0]) ? Status::kOk : Status::kShapeMismatch;
}

Status check_transpose(const Step& step) {
  if (const Status status = check_operands(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  TransposeAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || !is_permutation(attributes, x.rank)) {
    return Status::kBadAttribute;
  }
  if (x.rank != y.rank) return Status::kShapeMismatch;
  for (std::uint32_t i = 0; i < y.rank; ++i) {
    if (y.dims[i] != x.dims[attributes.perm[i]]) return Status::kShapeMismatch;
  }
  return Status::kOk;
}

Status check_upsample(const Step& step) {
  if (const Status status = check_operands(step); status != Status::kOk) return status;
  UpsampleAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || attributes.factor_h < 1 ||
      attributes.factor_h > kMaxStride || attributes.factor_w < 1 ||
      attributes.factor_w > kMaxStride) {
    return Status::kBadAttribute;
  }
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  if (x.rank != 4 || y.rank != 4 || y.dims[0] != x.dims[0] || y.dims[3] != x.dims[3] ||
      y.dims[1] != std::uint64_t{x.dims[1]} * attributes.factor_h ||
      y.dims[2] != std::uint64_t{x.dims[2]} * attributes.factor_w) {
    return Status::kShapeMismatch;
  }
  return Status::kOk;
}

Status run_copy(const Step& step, const RunContext& context) noexcept {
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  const Copy copy{x.f32(), y.mutable_f32(), x.pitch, y.pitch, x.rows(), x.inner()};
  if (step.kernel == Kernel::kReference) {
    copy_reference(copy);
  } else {
    copy_vector(copy, context);
  }
  return Status::kOk;
}

Status run_transpose(const Step& step, const RunContext& context) noexcept {
  TransposeAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  Transpose transpose;
  transpose.x = x.f32();
  transpose.y = y.mutable_f32();
  std::size_t strides[kMaxRank] = {};
  fill_strides(x, strides);
  // Outer dimensions of size 1 make the rank at least 2.
  const std::uint32_t extra = y.rank < 2 ? 2u - y.rank : 0u;
  transpose.rank = y.rank + extra;
  for (std::uint32_t i = 0; i < extra; ++i) transpose.dims[i] = 1;
  for (std::uint32_t i = 0; i < y.rank; ++i) {
    transpose.dims[extra + i] = y.dims[i];
    transpose.x_strides[extra + i] = strides[attributes.perm[i]];
  }
  fill_strides(y, transpose.y_strides + extra);
  if (step.kernel == Kernel::kReference) {
    transpose_reference(transpose);
  } else {
    transpose_vector(transpose, context);
  }
  return Status::kOk;
}

Status run_upsample(const Step& step, const RunContext& context) noexcept {
  UpsampleAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  const Upsample upsample{x.f32(),
                          y.mutable_f32(),
                          x.pitch,
                          y.pitch,
                          std::size_t{x.dims[0]} * x.dims[1],
                          x.dims[2],
                          x.dims[3],
                          attributes.factor_h,
                          attributes.factor_w};
  if (step.kernel == Kernel::kReference) {
    upsample_reference(upsample);
  } else {
    upsample_vector(upsample, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
