#include "ops/transformer/embedding.h"

#include "ops/rules.h"
#include "ops/transformer/in_use.h"
#include "ops/transformer/panel.h"
#include "ops/transformer/transformer.h"

namespace sz::ops {
namespace {

struct EmbeddingJob {
  const std::int32_t* tokens;
  const std::byte* matrix;
  float* y;
  BlockFormat format;
  std::uint32_t width;
  std::uint64_t panel_step;
};

void embedding_chunk(void* context, std::uint32_t row, std::uint32_t) noexcept {
  const auto& job = *static_cast<const EmbeddingJob*>(context);
  const auto token = static_cast<std::size_t>(job.tokens[row]);
  const PanelColumn column{job.format, job.matrix + token / kPanelOutputs * job.panel_step,
                           token % kPanelOutputs};
  float* y = job.y + std::size_t{row} * job.width;
  if (job.format == BlockFormat::kF32 || job.format == BlockFormat::kF16) {
    for (std::size_t k = 0; k < job.width; ++k) y[k] = canonical(column.number(k));
    return;
  }
  for (std::size_t begin = 0; begin < job.width; begin += kBlock) {
    const float scale = column.scale(begin / kBlock);
    const std::size_t end = begin + kBlock < job.width ? begin + kBlock : job.width;
    for (std::size_t k = begin; k < end; ++k) {
      y[k] = canonical(scale * static_cast<float>(column.quantized(k)));
    }
  }
}

}  // namespace

Status check_embedding(const Step& step) {
  if (const Status status = check_typed_operands(step); status != Status::kOk) return status;
  EmbeddingAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || !is_block_format(attributes.format) ||
      attributes.vocabulary == 0 || attributes.vocabulary > 0x7fffffffu || attributes.width == 0 ||
      attributes.width > kMostInputs) {
    return Status::kBadAttribute;
  }
  const TensorView& tokens = *step.inputs[0];
  const TensorView& matrix = *step.inputs[1];
  if (tokens.dtype != DType::kI32 || matrix.dtype != DType::kU8) return Status::kDtypeMismatch;
  if (tokens.rank != 1 || matrix.rank != 1 ||
      matrix.dims[0] != packed_bytes(attributes.format, attributes.vocabulary, attributes.width)) {
    return Status::kShapeMismatch;
  }
  return check_matrix(*step.outputs[0], DType::kF32, tokens.dims[0], attributes.width);
}

std::uint64_t embedding_cost(const Step& step) { return step.outputs[0]->elements() * 8; }

Status run_embedding(const Step& step, const RunContext& context) noexcept {
  EmbeddingAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  const TensorView& tokens = *step.inputs[0];
  EmbeddingJob job{reinterpret_cast<const std::int32_t*>(tokens.data),
                   step.inputs[1]->data,
                   step.outputs[0]->mutable_f32(),
                   attributes.format,
                   attributes.width,
                   panel_bytes(attributes.format, attributes.width)};
  const std::uint32_t rows = rows_in_use(context, tokens.dims[0]);
  for (std::uint32_t r = 0; r < rows; ++r) {
    const std::int32_t token = job.tokens[r];
    if (token < 0 || static_cast<std::uint32_t>(token) >= attributes.vocabulary) {
      return Status::kIndexOutOfRange;
    }
  }
  cost_of_part(context, rows, tokens.dims[0]).share(embedding_chunk, &job, rows);
  return Status::kOk;
}

}  // namespace sz::ops
