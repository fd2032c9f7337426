#include "ops/softmax/softmax.h"

#include "ops/check.h"

namespace sz::ops {

Status check_softmax(const Step& step) {
  if (const Status status = check_operands(step); status != Status::kOk) return status;
  SoftmaxAttributes attributes;
  if (!step.attributes.empty() &&
      (!read_attributes(step.attributes, &attributes) || attributes.log > 1)) {
    return Status::kBadAttribute;
  }
  return same_shape(*step.inputs[0], *step.outputs[0]) ? Status::kOk : Status::kShapeMismatch;
}

std::uint64_t softmax_scratch(const Step& step) {
  return std::uint64_t{step.inputs[0]->inner()} * sizeof(float);
}

std::uint64_t softmax_cost(const Step& step) { return step.inputs[0]->elements() * 32; }

Status run_softmax(const Step& step, const RunContext& context) noexcept {
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  SoftmaxAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // there may be none
  const Softmax softmax{x.f32(),   y.mutable_f32(),    x.pitch, y.pitch, x.rows(),
                        x.inner(), attributes.log != 0};
  if (step.kernel == Kernel::kReference) {
    softmax_reference(softmax, reinterpret_cast<float*>(context.scratch_of(0)));
  } else {
    softmax_vector(softmax, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
