#include "ops/movement/interpolate.h"

#include "ops/movement/check.h"
#include "ops/rules.h"

namespace sz::ops {
namespace {

bool indices_in_range(const Interpolate& job) {
  const auto size = static_cast<std::int64_t>(job.size);
  for (std::size_t j = 0; j < job.results; ++j) {
    const std::int32_t* row = job.indices + j * job.taps;
    if (row[0] == -1) continue;
    for (std::size_t t = 0; t < job.taps; ++t) {
      if (row[t] < 0 || row[t] >= size) return false;
    }
  }
  return true;
}

Interpolate unpack(const Step& step) {
  InterpolateAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  Interpolate job;
  job.x = x.f32();
  job.indices = reinterpret_cast<const std::int32_t*>(step.inputs[1]->data);
  job.weights = step.inputs[2]->f32();
  job.y = y.mutable_f32();
  for (std::uint32_t i = 0; i < x.rank; ++i) {
    if (i < attributes.axis) job.outer *= x.dims[i];
    if (i > attributes.axis) job.inner *= x.dims[i];
  }
  job.size = x.dims[attributes.axis];
  job.results = y.dims[attributes.axis];
  job.taps = step.inputs[1]->dims[1];
  job.fill = attributes.fill;
  return job;
}

}  // namespace

Status check_interpolate(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& indices = *step.inputs[1];
  const TensorView& weights = *step.inputs[2];
  const TensorView& y = *step.outputs[0];
  if (x.dtype != DType::kF32 || y.dtype != DType::kF32 || weights.dtype != DType::kF32 ||
      indices.dtype != DType::kI32) {
    return Status::kDtypeMismatch;
  }
  InterpolateAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || attributes.axis >= x.rank) {
    return Status::kBadAttribute;
  }
  for (const TensorView* view : {&x, &indices, &weights, &y}) {
    if (!view->dense()) return Status::kShapeMismatch;
  }
  if (x.rank != y.rank || indices.rank != 2 || !same_shape(indices, weights) ||
      indices.dims[0] != y.dims[attributes.axis]) {
    return Status::kShapeMismatch;
  }
  for (std::uint32_t i = 0; i < x.rank; ++i) {
    if (i != attributes.axis && x.dims[i] != y.dims[i]) return Status::kShapeMismatch;
  }
  return Status::kOk;
}

std::uint64_t interpolate_cost(const Step& step) {
  return step.outputs[0]->elements() * (4 + 4 * std::uint64_t{step.inputs[1]->dims[1]});
}

Status run_interpolate(const Step& step, const RunContext& context) noexcept {
  const Interpolate job = unpack(step);
  if (!indices_in_range(job)) return Status::kIndexOutOfRange;
  if (step.kernel == Kernel::kReference) {
    interpolate_reference(job);
  } else {
    interpolate_vector(job, context);
  }
  return Status::kOk;
}

void interpolate_reference(const Interpolate& job) {
  float* y = job.y;
  for (std::size_t o = 0; o < job.outer; ++o) {
    const float* x = job.x + o * job.size * job.inner;
    for (std::size_t j = 0; j < job.results; ++j) {
      const std::int32_t* index = job.indices + j * job.taps;
      const float* weight = job.weights + j * job.taps;
      for (std::size_t i = 0; i < job.inner; ++i, ++y) {
        *y = job.fill;
        if (index[0] < 0) continue;
        float sum = x[static_cast<std::size_t>(index[0]) * job.inner + i] * weight[0];
        for (std::size_t t = 1; t < job.taps; ++t) {
          sum = fused_multiply_add(x[static_cast<std::size_t>(index[t]) * job.inner + i], weight[t],
                                   sum);
        }
        *y = canonical(sum);
      }
    }
  }
}

}  // namespace sz::ops
