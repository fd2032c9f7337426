#include "ops/normalize/lrn.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace sz::ops {
namespace {

bool finite(float value) { return value - value == 0.0f; }

LrnAttributes attributes_of(const Step& step) {
  LrnAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  return attributes;
}

}  // namespace

Status check_lrn(const Step& step) {
  if (const Status status = check_operands(step); status != Status::kOk) return status;
  LrnAttributes a;
  if (!read_attributes(step.attributes, &a) || a.size < 1 || a.size > 65535 || !finite(a.alpha) ||
      !finite(a.beta) || !finite(a.bias)) {
    return Status::kBadAttribute;
  }
  return same_shape(*step.inputs[0], *step.outputs[0]) ? Status::kOk : Status::kShapeMismatch;
}

std::uint64_t lrn_scratch(const Step& step) {
  return (std::uint64_t{step.inputs[0]->inner()} + attributes_of(step).size) * sizeof(float);
}

std::uint64_t lrn_cost(const Step& step) {
  return step.inputs[0]->elements() * (16 + attributes_of(step).size);
}

void lrn_reference(const Lrn& lrn) {
  for (std::size_t r = 0; r < lrn.rows; ++r) {
    const float* x = lrn.x + r * lrn.x_pitch;
    float* y = lrn.y + r * lrn.y_pitch;
    for (std::size_t c = 0; c < lrn.inner; ++c) {
      const std::size_t begin = c < lrn.before() ? 0 : c - lrn.before();
      const std::size_t end = c + lrn.after() < lrn.inner ? c + lrn.after() + 1 : lrn.inner;
      float sum = 0.0f;
      for (std::size_t i = begin; i < end; ++i) sum += x[i] * x[i];
      const float s = fused_multiply_add(lrn.factor(), sum, lrn.attributes.bias);
      y[c] = canonical(x[c] / lrn_power(s, lrn.attributes.beta));
    }
  }
}

Status run_lrn(const Step& step, const RunContext& context) noexcept {
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  const Lrn lrn{x.f32(),   y.mutable_f32(),    x.pitch, y.pitch, x.rows(),
                x.inner(), attributes_of(step)};
  if (step.kernel == Kernel::kReference) {
    lrn_reference(lrn);
  } else {
    lrn_vector(lrn, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
