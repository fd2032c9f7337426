// QConv2d over the vector kernels: cuts the work into chunks (group x block of output pixels x
// panels), gives each its table of input pointers and calls the kernel.
#include "ops/quantized/qconv.h"
#include "ops/quantized/qdepthwise.h"
#include "ops/quantized/qgemm.h"
#include "ops/quantized/qindirection.h"

namespace sz::ops {
namespace {

struct QConvJob {
  const QConv2d& conv;
  const RunContext& context;
  QuantIndirection plan;
  PanelSplit split;
  std::size_t row_blocks;
  QGemmBlockFn gemm;
};

// The channels of `part` of the panels of a group.
void point_channels(const QConvJob& job, std::size_t group, std::size_t part, QGemmBlock* block) {
  const QConv2d& conv = job.conv;
  const QuantBlob& blob = conv.blob;
  const std::size_t panel = job.split.begin(part);
  const std::size_t channel = panel * kPanelWidth;
  const std::size_t end = job.split.end(part) * kPanelWidth;
  const std::size_t slot = group * blob.layout.group_channels + channel;
  block->outputs = (end < conv.group_out() ? end : conv.group_out()) - channel;
  block->panels = reinterpret_cast<const std::int8_t*>(blob.data + blob.layout.panel(group, panel));
  block->bias = blob.bias() + slot;
  block->sums = blob.sums() + slot;
  block->factors = blob.factors() + slot;
  block->shifts = blob.shifts() + slot;
  block->narrow = blob.narrow();
  block->right_shifts = blob.right_shifts();
  block->y += (group * conv.group_out() + channel) * conv.y_bytes();
}

void run_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  const auto& job = *static_cast<const QConvJob*>(context);
  const QConv2d& conv = job.conv;
  const std::size_t part = chunk % job.split.parts;
  const std::size_t row_block = chunk / job.split.parts % job.row_blocks;
  const std::size_t group = chunk / job.split.parts / job.row_blocks;
  const std::size_t first = row_block * job.plan.block_rows;
  const std::size_t left = conv.out_rows() - first;
  std::byte* scratch = job.context.scratch_of(worker);
  prepare_table(conv, job.plan, scratch);

  QGemmBlock block;
  block.rows = left < job.plan.block_rows ? left : job.plan.block_rows;
  block.table = build_table(conv, job.plan, first, block.rows, group * conv.group_in(), scratch);
  block.table_stride = job.plan.block_rows;
  block.segments = job.plan.segments;
  block.quads = job.plan.padded / 4;
  block.y = conv.y + first * conv.y_pitch * conv.y_bytes();
  block.y_pitch = conv.y_pitch;
  block.mode = conv.attributes.mode;
  block.y_output = conv.attributes.y;
  block.weight_zero = conv.attributes.weight_zero;
  if (block.weight_zero != 0) {
    block.row_sums = sum_rows(job.plan, block.table, block.rows, scratch);
  }
  point_channels(job, group, part, &block);
  job.gemm(block);
}

}  // namespace

std::uint64_t qconv2d_vector_scratch(const QConv2d& conv) {
  return conv.depthwise() ? qdepthwise_scratch(conv) : QuantIndirection(conv).scratch_bytes;
}

void qconv2d_vector(const QConv2d& conv, const RunContext& context) {
  if (conv.depthwise()) {
    if (!qdepthwise_vector(conv, context)) qconv2d_reference(conv);
    return;
  }
  const QuantIndirection plan(conv);
  const std::size_t row_blocks = (conv.out_rows() + plan.block_rows - 1) / plan.block_rows;
  QConvJob job{
      conv,
      context,
      plan,
      PanelSplit(conv.group_out(), row_blocks * conv.attributes.groups, context.wanted_chunks()),
      row_blocks,
      qgemm_block_kernel()};
  if (job.gemm == nullptr) return qconv2d_reference(conv);
  context.share(run_chunk, &job, conv.attributes.groups * row_blocks * job.split.parts);
}

}  // namespace sz::ops
