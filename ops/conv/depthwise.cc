// Cuts a depthwise convolution into runs of neighbouring output pixels whose taps all move by the
// same step: along rows, and at the left and right edges of the image along columns. Where a tap is
// in the padding, it points to a row of zeroes and does not move.
#include "ops/conv/depthwise.h"

#include "base/checked.h"
#include "base/memory.h"
#include "ops/check.h"
#include "ops/isa.h"
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

// Outputs [begin, end) along an axis: those with no tap outside the image.
struct Inner {
  std::size_t begin = 0, end = 0;

  Inner(const WindowAxis& axis, std::size_t in, std::size_t out) {
    const std::size_t reach = (axis.kernel - 1) * axis.dilation;
    const std::size_t first = (axis.pad_begin + axis.stride - 1) / axis.stride;
    // The last one with position * stride - pad_begin + reach < in.
    const std::size_t room = in + axis.pad_begin;
    const std::size_t past = room > reach ? (room - reach - 1) / axis.stride + 1 : 0;
    begin = first < out ? first : out;
    end = past < out ? past : out;
    if (end < begin) end = begin;
  }
  bool has(std::size_t position) const { return position >= begin && position < end; }
};

struct DepthwiseJob {
  const Conv2d& conv;
  const RunContext& context;
  ScratchPlan plan;
  RowSplit split;  // output rows [N * OH] x OW * C
  DepthwiseRunFn kernel;
  Inner rows, columns;
};

// A run, from output pixel (row, ox) on, rows counted over [N * OH].
struct Place {
  std::size_t row, ox, pixels;
  bool down;  // along a column
};

// Taps of the first pixel.
void point_taps(const DepthwiseJob& job, const Place& at, std::byte* scratch) {
  const Conv2d& conv = job.conv;
  const Window2d& window = conv.attributes.window;
  auto** first = reinterpret_cast<const float**>(scratch);
  auto* steps = reinterpret_cast<std::size_t*>(scratch + job.plan.steps);
  const auto* zeroes = reinterpret_cast<const float*>(scratch + job.plan.zeroes);
  const std::size_t n = at.row / conv.out_h, oy = at.row % conv.out_h;
  const std::size_t step = (at.down ? window.stride_h * conv.in_w : window.stride_w) * conv.x_pitch;
  for (std::size_t ky = 0; ky < window.kernel_h; ++ky) {
    const std::ptrdiff_t iy =
        tap_position(oy, window.stride_h, window.pad_top, ky, window.dilation_h);
    const bool row_inside = iy >= 0 && static_cast<std::size_t>(iy) < conv.in_h;
    for (std::size_t kx = 0; kx < window.kernel_w; ++kx, ++first, ++steps) {
      const std::ptrdiff_t ix =
          tap_position(at.ox, window.stride_w, window.pad_left, kx, window.dilation_w);
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

void run_pixels(const DepthwiseJob& job, const Place& at, std::byte* scratch) {
  const Conv2d& conv = job.conv;
  const Window2d& window = conv.attributes.window;
  point_taps(job, at, scratch);
  const std::size_t pixel = at.row * conv.out_w + at.ox;
  const std::size_t step = at.down ? conv.out_w : 1;
  DepthwiseRun run;
  run.first = reinterpret_cast<const float* const*>(scratch);
  run.steps = reinterpret_cast<const std::size_t*>(scratch + job.plan.steps);
  run.taps = std::size_t{window.kernel_h} * window.kernel_w;
  const bool three = window.kernel_h == 3 && window.kernel_w == 3 && window.dilation_w == 1;
  const bool pairs = three && !at.down && at.pixels > 1 && window.stride_w <= 2;
  run.column_stride = pairs ? window.stride_w : 0;
  run.pixels = at.pixels;
  run.channels = conv.in_c;
  run.weights = conv.weights;
  run.y = conv.y + pixel * conv.y_pitch;
  run.y_pitch = step * conv.y_pitch;
  if (conv.residual != nullptr) {
    run.residual = conv.residual + pixel * conv.residual_pitch;
    run.residual_pitch = step * conv.residual_pitch;
  }
  run.activation = conv.attributes.activation;
  job.kernel(run);
}

// Column ox of some rows, at an edge of the image: together those whose taps keep away from the
// upper and lower edge, in which the kernel shares the weights; each by itself where it would not.
void run_column(const DepthwiseJob& job, const RowSplit::Part& part, std::size_t ox,
                std::byte* scratch) {
  const bool together = vector_isa() != Isa::kNeon;  // whose best kernel takes neighbours of a row
  for (std::size_t row = part.row_begin; row < part.row_end;) {
    const std::size_t oy = row % job.conv.out_h;
    std::size_t pixels = 1;
    if (together && job.rows.has(oy)) {
      const std::size_t left = part.row_end - row;
      pixels = job.rows.end - oy < left ? job.rows.end - oy : left;
    }
    run_pixels(job, {row, ox, pixels, true}, scratch);
    row += pixels;
  }
}

void run_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  const auto& job = *static_cast<const DepthwiseJob*>(context);
  std::byte* scratch = job.context.scratch_of(worker);
  fill_bytes(scratch + job.plan.zeroes, 0, job.conv.in_c * sizeof(float));
  const RowSplit::Part part = job.split.part(chunk);
  const Inner& columns = job.columns;
  for (std::size_t ox = 0; ox < columns.begin; ++ox) run_column(job, part, ox, scratch);
  for (std::size_t row = part.row_begin; row < part.row_end; ++row) {
    if (columns.end == columns.begin) break;
    run_pixels(job, {row, columns.begin, columns.end - columns.begin, false}, scratch);
  }
  for (std::size_t ox = columns.end; ox < job.conv.out_w; ++ox) run_column(job, part, ox, scratch);
}

}  // namespace

std::uint64_t depthwise_scratch(const Conv2d& conv) { return ScratchPlan(conv).bytes; }

bool depthwise_vector(const Conv2d& conv, const RunContext& context) {
  DepthwiseJob job{
      conv,
      context,
      ScratchPlan(conv),
      RowSplit(conv.batch * conv.out_h, conv.out_w * conv.out_c, false, context.wanted_chunks()),
      depthwise_run_kernel(),
      Inner(vertical(conv.attributes.window), conv.in_h, conv.out_h),
      Inner(horizontal(conv.attributes.window), conv.in_w, conv.out_w)};
  if (job.kernel == nullptr) return false;
  context.share(run_chunk, &job, job.split.chunks());
  return true;
}

}  // namespace sz::ops
