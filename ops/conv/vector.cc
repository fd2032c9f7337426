// Conv2d over the vector kernels: cuts the work into chunks (group x block of output pixels x
// panels), gives each its table of input pointers and calls the kernel.
#include "ops/conv/conv.h"
#include "ops/conv/depthwise.h"
#include "ops/conv/indirection.h"
#include "ops/gemm/gemm.h"

namespace sz::ops {
namespace {

struct ConvJob {
  const Conv2d& conv;
  const RunContext& context;
  IndirectionPlan plan;
  PanelSplit split;
  std::size_t row_blocks;
  GemmBlockFn gemm;
};

std::size_t rows_of_block(const ConvJob& job, std::size_t block) {
  const std::size_t left = job.conv.out_rows() - block * job.plan.block_rows;
  return left < job.plan.block_rows ? left : job.plan.block_rows;
}

void run_gemm_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  const auto& job = *static_cast<const ConvJob*>(context);
  const Conv2d& conv = job.conv;
  const std::size_t part = chunk % job.split.parts;
  const std::size_t row_block = chunk / job.split.parts % job.row_blocks;
  const std::size_t group = chunk / job.split.parts / job.row_blocks;
  const std::size_t first = row_block * job.plan.block_rows;
  const std::size_t panel = job.split.begin(part);
  const std::size_t channel = panel * kPanelWidth;
  std::byte* scratch = job.context.scratch_of(worker);
  prepare_indirection(conv, job.plan, scratch);

  GemmBlock block;
  block.rows = rows_of_block(job, row_block);
  block.table =
      build_indirection(conv, job.plan, first, block.rows, group * conv.group_in(), scratch);
  block.table_stride = job.plan.block_rows;
  block.segments = job.plan.segments;
  block.length = job.plan.length;
  const std::size_t inputs = block.segments * block.length;
  block.panels =
      conv.weights + group * group_elements(conv.group_out(), inputs) + panel_offset(panel, inputs);
  const std::size_t end = job.split.end(part) * kPanelWidth;
  block.outputs = (end < conv.group_out() ? end : conv.group_out()) - channel;
  block.y = conv.y + first * conv.y_pitch + group * conv.group_out() + channel;
  block.y_pitch = conv.y_pitch;
  if (conv.residual != nullptr) {
    block.residual =
        conv.residual + first * conv.residual_pitch + group * conv.group_out() + channel;
    block.residual_pitch = conv.residual_pitch;
  }
  block.activation = conv.attributes.activation;
  job.gemm(block);
}

}  // namespace

void conv2d_vector(const Conv2d& conv, const RunContext& context) {
  if (conv.depthwise()) {
    if (!depthwise_vector(conv, context)) conv2d_reference(conv);
    return;
  }
  const IndirectionPlan plan = plan_indirection(conv);
  const std::size_t row_blocks = (conv.out_rows() + plan.block_rows - 1) / plan.block_rows;
  ConvJob job{
      conv,
      context,
      plan,
      PanelSplit(conv.group_out(), row_blocks * conv.attributes.groups, context.wanted_chunks()),
      row_blocks,
      gemm_block_kernel()};
  if (job.gemm == nullptr) {
    conv2d_reference(conv);
    return;
  }
  context.share(run_gemm_chunk, &job, conv.attributes.groups * row_blocks * job.split.parts);
}

}  // namespace sz::ops
