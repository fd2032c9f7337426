#include "ops/transformer/linear.h"

#include "base/checked.h"
#include "ops/transformer/in_use.h"

namespace sz::ops {
namespace {

bool valid_attributes(const LinearAttributes& attributes) {
  return is_block_format(attributes.format) && attributes.epilogue <= LinearEpilogue::kSwiglu &&
         attributes.inputs >= 1 && attributes.inputs <= kMostInputs && attributes.outputs >= 1;
}

bool quantized(BlockFormat format) {
  return format == BlockFormat::kQ8_0 || format == BlockFormat::kQ4_0;
}

// Few rows take as long as reading the weights does.
std::uint64_t cost_of_rows(const Step& step, std::uint64_t rows) {
  LinearAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  const std::uint64_t each = attributes.epilogue == LinearEpilogue::kSwiglu ? 2 : 1;
  const std::uint64_t products = rows * each * attributes.outputs * attributes.inputs;
  const std::uint64_t bytes = step.inputs[1]->dims[0];
  return products > bytes ? products : bytes;
}

}  // namespace

Status check_linear(const Step& step) {
  if (const Status status = check_typed_operands(step); status != Status::kOk) return status;
  LinearAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || !valid_attributes(attributes)) {
    return Status::kBadAttribute;
  }
  const bool residual = attributes.epilogue == LinearEpilogue::kResidual;
  if (step.inputs.size() != (residual ? 3u : 2u)) return Status::kShapeMismatch;
  const TensorView& weights = *step.inputs[1];
  if (weights.dtype != DType::kU8) return Status::kDtypeMismatch;
  // At most 2^29 panels of 2^30 bytes: no overflow.
  const std::uint64_t each = attributes.epilogue == LinearEpilogue::kSwiglu ? 2 : 1;
  if (weights.rank != 1 ||
      weights.dims[0] !=
          each * packed_bytes(attributes.format, attributes.outputs, attributes.inputs)) {
    return Status::kShapeMismatch;
  }
  const TensorView& x = *step.inputs[0];
  const std::uint32_t rows = x.dims[0];
  const bool bytes = quantized(attributes.format);
  Status status = check_matrix(
      x, bytes ? DType::kU8 : DType::kF32, rows,
      bytes ? quantized_row_bytes(attributes.inputs) : std::uint64_t{attributes.inputs});
  if (status == Status::kOk) {
    status = check_matrix(*step.outputs[0], DType::kF32, rows, attributes.outputs);
  }
  if (status == Status::kOk && residual) {
    status = check_matrix(*step.inputs[2], DType::kF32, rows, attributes.outputs);
  }
  return status;
}

LinearScratch::LinearScratch(const LinearAttributes& attributes, std::size_t rows) {
  const std::size_t most = rows < kLinearRows ? rows : kLinearRows;
  sums_bytes = most * kLinearPitch * sizeof(float);
  if (attributes.format == BlockFormat::kF32) {
    table_bytes = align_up(most * sizeof(const float*), 64);
  }
}

std::uint64_t linear_scratch(const Step& step) {
  LinearAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  return LinearScratch(attributes, step.inputs[0]->dims[0]).bytes();
}

std::uint64_t linear_cost(const Step& step) { return cost_of_rows(step, step.inputs[0]->dims[0]); }

Status run_linear(const Step& step, const RunContext& context) noexcept {
  LinearJob job;
  (void)read_attributes(step.attributes, &job.attributes);  // checked before
  const TensorView& x = *step.inputs[0];
  job.rows = rows_in_use(context, x.dims[0]);
  job.x = x.data;
  job.x_pitch = std::size_t{x.dims[1]} * dtype_bytes(x.dtype);
  job.weights = step.inputs[1]->data;
  if (job.attributes.epilogue == LinearEpilogue::kResidual) job.residual = step.inputs[2]->f32();
  job.y = step.outputs[0]->mutable_f32();
  if (job.rows == 0) return Status::kOk;
  if (step.kernel == Kernel::kReference) {
    linear_reference(job);
  } else {
    linear_vector(
        job, cost_of_part(context, cost_of_rows(step, job.rows), cost_of_rows(step, x.dims[0])));
  }
  return Status::kOk;
}

}  // namespace sz::ops
