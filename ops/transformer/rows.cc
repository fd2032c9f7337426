#include "ops/transformer/rows.h"

#include "math/sqrt.h"
#include "ops/transformer/in_use.h"

namespace sz::ops {
namespace {

bool valid_width(std::uint32_t width) { return width >= 1 && width <= kMostInputs; }

// y is [rows, width] f32, or the same quantised.
Status check_output(const TensorView& y, std::uint32_t rows, std::uint32_t width) {
  if (y.dtype == DType::kU8) return check_matrix(y, DType::kU8, rows, quantized_row_bytes(width));
  return check_matrix(y, DType::kF32, rows, width);
}

Status run(RowsJob job, const Step& step, const RunContext& context) {
  const TensorView& y = *step.outputs[0];
  if (y.dtype == DType::kU8) {
    job.blocks = reinterpret_cast<QuantizedBlock*>(y.data);
  } else {
    job.y = y.mutable_f32();
  }
  if (job.rows == 0) return Status::kOk;
  if (step.kernel == Kernel::kReference) {
    rows_reference(job);
  } else {
    const auto rows = static_cast<std::uint32_t>(job.rows);
    rows_vector(job, cost_of_part(context, rows, step.inputs[0]->dims[0]));
  }
  return Status::kOk;
}

}  // namespace

Status check_rms_norm(const Step& step) {
  if (const Status status = check_typed_operands(step); status != Status::kOk) return status;
  RmsNormAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || attributes.last > 1 ||
      !valid_width(attributes.width) ||
      !(attributes.epsilon >= 0.0f && attributes.epsilon <= 3e38f)) {
    return Status::kBadAttribute;
  }
  const TensorView& x = *step.inputs[0];
  const TensorView& weight = *step.inputs[1];
  if (weight.dtype != DType::kF32) return Status::kDtypeMismatch;
  if (weight.rank != 1 || weight.dims[0] != attributes.width) return Status::kShapeMismatch;
  const Status status = check_matrix(x, DType::kF32, x.dims[0], attributes.width);
  if (status != Status::kOk) return status;
  const std::uint32_t rows = attributes.last != 0 ? 1 : x.dims[0];
  return check_output(*step.outputs[0], rows, attributes.width);
}

std::uint64_t rms_norm_cost(const Step& step) { return step.inputs[0]->elements() * 8; }

Status run_rms_norm(const Step& step, const RunContext& context) noexcept {
  RmsNormAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  RowsJob job;
  job.x = step.inputs[0]->f32();
  job.weight = step.inputs[1]->f32();
  job.rows = rows_in_use(context, step.inputs[0]->dims[0]);
  job.width = attributes.width;
  job.epsilon = attributes.epsilon;
  if (attributes.last != 0 && job.rows > 0) {
    job.x += (job.rows - 1) * job.width;
    job.rows = 1;
  }
  return run(job, step, context);
}

Status check_quantize_rows(const Step& step) {
  if (const Status status = check_typed_operands(step); status != Status::kOk) return status;
  QuantizeRowsAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || !valid_width(attributes.width)) {
    return Status::kBadAttribute;
  }
  const TensorView& x = *step.inputs[0];
  const Status status = check_matrix(x, DType::kF32, x.dims[0], attributes.width);
  if (status != Status::kOk) return status;
  return check_matrix(*step.outputs[0], DType::kU8, x.dims[0],
                      quantized_row_bytes(attributes.width));
}

Status run_quantize_rows(const Step& step, const RunContext& context) noexcept {
  RowsJob job;
  job.x = step.inputs[0]->f32();
  job.rows = rows_in_use(context, step.inputs[0]->dims[0]);
  job.width = step.inputs[0]->dims[1];
  return run(job, step, context);
}

float rms_factor(float squares, const RowsJob& job) {
  return 1.0f / math::sqrt(squares / static_cast<float>(job.width) + job.epsilon);
}

}  // namespace sz::ops
