// Cuts a depthwise convolution into runs of neighbouring output pixels whose taps all move by the
// same step. Where a tap is in the padding, it points to a row of zeroes and does not move.
#include "ops/conv/depthwise.h"

#include "base/checked.h"
#include "base/memory.h"
#include "ops/split.h"

namespace sz::ops {
namespace {

// Worker scratch, in bytes: pointers [taps] at 0, steps [taps], one row of zeroes.
struct ScratchPlan {
  std::size_t steps = 0, zeroes = 0, bytes = 0;

  explicit ScratchPlan(const Conv2d& conv) {
    const Window2d& window = conv.attributes.window;
    const std::size_t taps = std::size_t{window.kernel_h} * window.kernel_w;
    steps = align_up(taps * sizeof(const float*), 64);
    zeroes = align_up(steps + taps * sizeof(std::size_t), 64);
    bytes = zeroes + conv.in_c * sizeof(float);
  }
};

struct DepthwiseJob {
  const Conv2d& conv;
  const RunContext& context;
  ScratchPlan plan;
  RowSplit split;  // output rows [N * OH] x OW * C
  DepthwiseRunFn kernel;
  // Output columns [inner_begin, inner_end) have no tap to the left or right of the image.
  std::size_t inner_begin = 0, inner_end = 0;
};

void find_inner_columns(DepthwiseJob* job) {
  const Conv2d& conv = job->conv;
  const Window2d& window = conv.attributes.window;
  const std::size_t reach = std::size_t{window.kernel_w - 1} * window.dilation_w;
  const std::size_t begin = (window.pad_left + window.stride_w - 1) / window.stride_w;
  // The last column with ox * stride - pad_left + reach < in_w.
  const std::size_t room = conv.in_w + window.pad_left;
  const std::size_t end = room > reach ? (room - reach - 1) / window.stride_w + 1 : 0;
  job->inner_begin = begin < conv.out_w ? begin : conv.out_w;
  job->inner_end = end < conv.out_w ? end : conv.out_w;
  if (job->inner_end < job->inner_begin) job->inner_end = job->inner_begin;
}

// Taps of the output pixel (n, oy, ox).
void point_taps(const DepthwiseJob& job, std::size_t n, std::size_t oy, std::size_t ox,
                std::byte* scratch) {
  const Conv2d& conv = job.conv;
  const Window2d& window = conv.attributes.window;
  auto** first = reinterpret_cast<const float**>(scratch);
  auto* steps = reinterpret_cast<std::size_t*>(scratch + job.plan.steps);
  const auto* zeroes = reinterpret_cast<const float*>(scratch + job.plan.zeroes);
  const std::size_t step = window.stride_w * conv.x_pitch;
  for (std::size_t ky = 0; ky < window.kernel_h; ++ky) {
    const std::ptrdiff_t iy =
        tap_position(oy, window.stride_h, window.pad_top, ky, window.dilation_h);
    const bool row_inside = iy >= 0 && static_cast<std::size_t>(iy) < conv.in_h;
    for (std::size_t kx = 0; kx < window.kernel_w; ++kx, ++first, ++steps) {
      const std::ptrdiff_t ix =
          tap_position(ox, window.stride_w, window.pad_left, kx, window.dilation_w);
      *first = zeroes;
      *steps = 0;
      if (row_inside && ix >= 0 && static_cast<std::size_t>(ix) < conv.in_w) {
        const std::size_t row = n * conv.in_h + static_cast<std::size_t>(iy);
        *first = conv.x + (row * conv.in_w + static_cast<std::size_t>(ix)) * conv.x_pitch;
        *steps = step;
      }
    }
  }
}

void run_pixels(const DepthwiseJob& job, std::size_t row, std::size_t ox, std::size_t pixels,
                std::byte* scratch) {
  const Conv2d& conv = job.conv;
  const Window2d& window = conv.attributes.window;
  point_taps(job, row / conv.out_h, row % conv.out_h, ox, scratch);
  DepthwiseRun run;
  run.first = reinterpret_cast<const float* const*>(scratch);
  run.steps = reinterpret_cast<const std::size_t*>(scratch + job.plan.steps);
  run.taps = std::size_t{window.kernel_h} * window.kernel_w;
  const bool three = window.kernel_h == 3 && window.kernel_w == 3 && window.dilation_w == 1;
  run.column_stride = three && pixels > 1 && window.stride_w <= 2 ? window.stride_w : 0;
  run.pixels = pixels;
  run.channels = conv.in_c;
  run.weights = conv.weights;
  run.y = conv.y + (row * conv.out_w + ox) * conv.y_pitch;
  run.y_pitch = conv.y_pitch;
  if (conv.residual != nullptr) {
    run.residual = conv.residual + (row * conv.out_w + ox) * conv.residual_pitch;
    run.residual_pitch = conv.residual_pitch;
  }
  run.activation = conv.attributes.activation;
  job.kernel(run);
}

void run_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  const auto& job = *static_cast<const DepthwiseJob*>(context);
  std::byte* scratch = job.context.scratch_of(worker);
  fill_bytes(scratch + job.plan.zeroes, 0, job.conv.in_c * sizeof(float));
  const RowSplit::Part part = job.split.part(chunk);
  for (std::size_t row = part.row_begin; row < part.row_end; ++row) {
    for (std::size_t ox = 0; ox < job.inner_begin; ++ox) run_pixels(job, row, ox, 1, scratch);
    if (job.inner_end > job.inner_begin) {
      run_pixels(job, row, job.inner_begin, job.inner_end - job.inner_begin, scratch);
    }
    for (std::size_t ox = job.inner_end; ox < job.conv.out_w; ++ox) {
      run_pixels(job, row, ox, 1, scratch);
    }
  }
}

}  // namespace

std::uint64_t depthwise_scratch(const Conv2d& conv) { return ScratchPlan(conv).bytes; }

bool depthwise_vector(const Conv2d& conv, const RunContext& context) {
  DepthwiseJob job{
      conv, context, ScratchPlan(conv),
      RowSplit(conv.batch * conv.out_h, conv.out_w * conv.out_c, false, context.wanted_chunks()),
      depthwise_run_kernel()};
  if (job.kernel == nullptr) return false;
  find_inner_columns(&job);
  context.share(run_chunk, &job, job.split.chunks());
  return true;
}

}  // namespace sz::ops
