#include "ops/normalize/normalize.h"

#include "math/sqrt.h"
#include "ops/check.h"

namespace sz::ops {

Status check_normalize(const Step& step) {
  if (step.inputs.size() < 1 || step.inputs.size() > 3) return Status::kShapeMismatch;
  const TensorView* operands[3] = {step.inputs[0], nullptr, nullptr};
  // Scale and bias are optional; the others are checked as usual.
  std::size_t count = 1;
  for (std::size_t i = 1; i < step.inputs.size(); ++i) {
    if (step.inputs[i] != nullptr) operands[count++] = step.inputs[i];
  }
  const Step present{step.kernel, std::span(operands, count), step.outputs, step.attributes};
  if (const Status status = check_operands(present); status != Status::kOk) return status;
  NormalizeAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || attributes.kind > NormalizeKind::kNorm2 ||
      attributes.result > NormalizeResult::kInverseDeviation ||
      !(attributes.epsilon >= 0.0f && attributes.epsilon <= 3e38f)) {
    return Status::kBadAttribute;
  }
  const bool rows = attributes.result == NormalizeResult::kRows;
  const bool affine = attributes.kind <= NormalizeKind::kRootMean;
  if (!rows && attributes.kind != NormalizeKind::kDeviation) return Status::kBadAttribute;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  if (x.rank == 0 || y.rank != x.rank) return Status::kShapeMismatch;
  for (std::uint32_t i = 0; i < x.rank; ++i) {
    const bool single = !rows && i + 1u == x.rank;
    if (y.dims[i] != (single ? 1 : x.dims[i])) return Status::kShapeMismatch;
  }
  for (std::size_t i = 1; i < count; ++i) {
    const TensorView& vector = *operands[i];
    if (!rows || !affine || vector.rank != 1 || vector.dims[0] != x.inner()) {
      return Status::kShapeMismatch;
    }
  }
  return Status::kOk;
}

std::uint64_t normalize_cost(const Step& step) { return step.inputs[0]->elements() * 8; }

RowFactors row_factors(const Normalize& normalize, float mean, float spread) {
  const auto count = static_cast<float>(normalize.inner);
  switch (normalize.attributes.kind) {
    case NormalizeKind::kDeviation:
    case NormalizeKind::kRootMean:
      return {mean, 1.0f / math::sqrt(spread / count + normalize.attributes.epsilon)};
    case NormalizeKind::kNorm1:
      return {0.0f, spread == 0.0f ? 0.0f : 1.0f / spread};
    case NormalizeKind::kNorm2:
      return {0.0f, spread == 0.0f ? 0.0f : 1.0f / math::sqrt(spread)};
  }
  return {};
}

Status run_normalize(const Step& step, const RunContext& context) noexcept {
  Normalize normalize;
  (void)read_attributes(step.attributes, &normalize.attributes);  // checked before
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  const auto vector = [&](std::size_t i) -> const float* {
    const bool given = i < step.inputs.size() && step.inputs[i] != nullptr;
    return given ? step.inputs[i]->f32() : nullptr;
  };
  normalize.x = x.f32();
  normalize.scale = vector(1);
  normalize.bias = vector(2);
  normalize.y = y.mutable_f32();
  normalize.x_pitch = x.pitch;
  normalize.y_pitch = y.pitch;
  normalize.rows = x.rows();
  normalize.inner = x.inner();
  if (step.kernel == Kernel::kReference) {
    normalize_reference(normalize);
  } else {
    normalize_vector(normalize, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
