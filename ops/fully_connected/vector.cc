// FullyConnected over the matrix kernel: chunks of up to kBlockRows rows x some panels.
#include "ops/fully_connected/fully_connected.h"
#include "ops/gemm/gemm.h"
#include "ops/gemm/pack.h"

namespace sz::ops {
namespace {

// Rows of a chunk. Their pointers lie on the worker's stack.
constexpr std::size_t kChunkRows = 48;

struct FullyConnectedJob {
  const FullyConnected& layer;
  PanelSplit split;
  GemmBlockFn gemm;
};

void run_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const FullyConnectedJob*>(context);
  const FullyConnected& layer = job.layer;
  const std::size_t part = chunk % job.split.parts;
  const std::size_t first = chunk / job.split.parts * kChunkRows;
  const std::size_t panel = job.split.begin(part);
  const std::size_t channel = panel * kPanelWidth;
  const std::size_t end = job.split.end(part) * kPanelWidth;

  const float* table[kChunkRows];
  GemmBlock block;
  block.rows = layer.rows - first < kChunkRows ? layer.rows - first : kChunkRows;
  for (std::size_t r = 0; r < block.rows; ++r) table[r] = layer.x + (first + r) * layer.x_pitch;
  block.table = table;
  block.table_stride = kChunkRows;
  block.segments = 1;
  block.length = layer.inputs;
  block.panels = layer.weights + panel_offset(panel, layer.inputs);
  block.outputs = (end < layer.outputs ? end : layer.outputs) - channel;
  block.y = layer.y + first * layer.y_pitch + channel;
  block.y_pitch = layer.y_pitch;
  block.activation.clamp = layer.clamp;
  job.gemm(block);
}

}  // namespace

void fully_connected_vector(const FullyConnected& layer, const RunContext& context) {
  const std::size_t row_blocks = (layer.rows + kChunkRows - 1) / kChunkRows;
  FullyConnectedJob job{layer, PanelSplit(layer.outputs, row_blocks, context.wanted_chunks()),
                        gemm_block_kernel()};
  if (job.gemm == nullptr) {
    fully_connected_reference(layer);
    return;
  }
  context.share(run_chunk, &job, row_blocks * job.split.parts);
}

}  // namespace sz::ops
