#include "math/exp.h"
#include "ops/rules.h"
#include "ops/transformer/linear.h"
#include "ops/transformer/panel.h"

namespace sz::ops {
namespace {

// One row times one output of the matrix.
float product(const LinearJob& job, const std::byte* row, const PanelColumn& column) {
  float sum = 0.0f;
  const std::size_t inputs = job.attributes.inputs;
  if (!job.quantized()) {
    const auto* x = reinterpret_cast<const float*>(row);
    for (std::size_t k = 0; k < inputs; ++k) {
      sum = fused_multiply_add(x[k], column.number(k), sum);
    }
    return sum;
  }
  const auto* blocks = reinterpret_cast<const QuantizedBlock*>(row);
  for (std::size_t b = 0; b < blocks_of(inputs); ++b) {
    std::int32_t products = 0;
    for (std::size_t j = 0; j < kBlock; ++j) {
      products += blocks[b].bytes[j] * column.quantized(b * kBlock + j);
    }
    const float scale = column.scale(b) * blocks[b].scale;
    sum = fused_multiply_add(static_cast<float>(products), scale, sum);
  }
  return sum;
}

}  // namespace

void linear_reference(const LinearJob& job) {
  const std::size_t outputs = job.attributes.outputs;
  const std::size_t step = panel_bytes(job.attributes.format, job.attributes.inputs);
  for (std::size_t r = 0; r < job.rows; ++r) {
    const std::byte* row = job.x + r * job.x_pitch;
    for (std::size_t m = 0; m < outputs; ++m) {
      const std::byte* panel = job.weights + m / kPanelOutputs * job.each() * step;
      const std::size_t lane = m % kPanelOutputs;
      const std::size_t at = r * outputs + m;
      float sum = product(job, row, {job.attributes.format, panel, lane});
      if (job.attributes.epilogue == LinearEpilogue::kResidual) {
        sum += job.residual[at];
      } else if (job.attributes.epilogue == LinearEpilogue::kSwiglu) {
        const float up = product(job, row, {job.attributes.format, panel + step, lane});
        sum = sum / (1.0f + math::exp(-sum)) * up;
      }
      job.y[at] = canonical(sum);
    }
  }
}

}  // namespace sz::ops
