// A depthwise convolution in blocks of channels, row by row: the input rows of an output row are
// copied to scratch, with their padding, each once as long as it is needed.
#include "ops/quantized/qdepthwise.h"

#include "base/checked.h"
#include "base/memory.h"
#include "ops/conv/conv.h"
#include "ops/split.h"

namespace sz::ops {
namespace {

constexpr std::size_t kVector = 16;  // channels of a pixel are filled up to a multiple
constexpr std::uint64_t kMostRowBytes = std::uint64_t{1} << 18;

// Worker scratch, in bytes: pointers [taps] at 0, which input row each slot holds [kernel_h], what
// the kernel prepared (for each channel 16 bytes of parameters and up to 2 for each tap), the
// slots.
struct ScratchPlan {
  std::size_t taps = 0;       // rounded up
  std::size_t block = 0;      // channels
  std::size_t pitch = 0;      // bytes from pixel to pixel
  std::size_t row_bytes = 0;  // of a slot
  std::size_t held = 0, prepared = 0, rows = 0;
  std::uint64_t bytes = 0;  // 0: rows are too long

  explicit ScratchPlan(const QConv2d& conv) {
    const Window2d& window = conv.attributes.window;
    const std::uint64_t width =
        std::uint64_t{conv.in_w} + window.pad_left + window.pad_right;  // below 2^33
    taps = align_up(std::size_t{window.kernel_h} * window.kernel_w, kTapGroup);
    block = conv.in_c < kDepthwiseBlock ? align_up(conv.in_c, kVector) : kDepthwiseBlock;
    if (width * block * window.kernel_h > kMostRowBytes) block = kVector;
    if (width * block * window.kernel_h > 4 * kMostRowBytes) return;
    pitch = block;
    row_bytes = static_cast<std::size_t>(width) * pitch;
    held = align_up(taps * sizeof(const std::int8_t*), 64);
    prepared = align_up(held + window.kernel_h * sizeof(std::uint64_t), 64);
    rows = prepared + kDepthwiseBlock * (16 + 2 * taps);
    bytes = rows + window.kernel_h * row_bytes;
  }
};

struct DepthwiseJob {
  const QConv2d& conv;
  const RunContext& context;
  ScratchPlan plan;
  RowSplit split;  // output rows [N * OH] x OW * C
  QDepthwiseKernel kernel;
};

// One block of channels in one worker's scratch.
class Block {
 public:
  Block(const DepthwiseJob& job, std::byte* scratch, std::size_t begin)
      : conv_(job.conv),
        window_(job.conv.attributes.window),
        plan_(job.plan),
        kernel_(job.kernel),
        begin_(begin),
        taps_(reinterpret_cast<const std::int8_t**>(scratch)),
        held_(reinterpret_cast<std::uint64_t*>(scratch + job.plan.held)),
        prepared_(scratch + job.plan.prepared),
        rows_(reinterpret_cast<std::int8_t*>(scratch + job.plan.rows)) {
    const std::size_t left = conv_.in_c - begin;
    channels_ = left < plan_.block ? left : plan_.block;
    kernel_.prepare(conv_, begin, channels_, prepared_);
    for (std::size_t slot = 0; slot < window_.kernel_h; ++slot) held_[slot] = ~std::uint64_t{0};
    for (std::size_t t = 0; t < plan_.taps; ++t) taps_[t] = rows_;  // the surplus: anything
  }

  void run(std::size_t row) {
    const std::size_t n = row / conv_.out_h;
    const std::size_t top = row % conv_.out_h * window_.stride_h;  // in the padded image
    const std::int8_t** tap = taps_;
    for (std::size_t ky = 0; ky < window_.kernel_h; ++ky) {
      const std::int8_t* line = hold(n, top + ky * window_.dilation_h, ky);
      for (std::size_t kx = 0; kx < window_.kernel_w; ++kx) {
        *tap++ = line + kx * window_.dilation_w * plan_.pitch;
      }
    }
    QDepthwiseRun run;
    run.first = taps_;
    run.step = window_.stride_w * plan_.pitch;
    run.pixels = conv_.out_w;
    run.channels = channels_;
    run.y = conv_.y + (row * conv_.out_w * conv_.y_pitch + begin_) * conv_.y_bytes();
    run.prepared = prepared_;
    kernel_.run(conv_, run);
  }

 private:
  // The slot with row `line` of the padded image n; neighbouring rows do not share a slot.
  const std::int8_t* hold(std::size_t n, std::size_t line, std::size_t ky) {
    const std::size_t slot = window_.dilation_h == 1 ? line % window_.kernel_h : ky;
    std::int8_t* to = rows_ + slot * plan_.row_bytes;
    const std::uint64_t wanted = (std::uint64_t{n} << 34) + line;  // line is below 2^33
    if (held_[slot] == wanted) return to;
    held_[slot] = wanted;
    const auto zero = static_cast<std::uint8_t>(conv_.attributes.x_zero);
    if (line < window_.pad_top || line - window_.pad_top >= conv_.in_h) {
      fill_bytes(to, zero, plan_.row_bytes);
      return to;
    }
    fill_bytes(to, zero, window_.pad_left * plan_.pitch);
    std::int8_t* inside = to + window_.pad_left * plan_.pitch;
    fill_bytes(inside + conv_.in_w * plan_.pitch, zero, window_.pad_right * plan_.pitch);
    const std::size_t pixel = (n * conv_.in_h + line - window_.pad_top) * conv_.in_w;
    copy_pixels(inside, conv_.x + pixel * conv_.x_pitch + begin_);
    return to;
  }

  // The pixels of a row. Whole vectors, where that does not read beyond x.
  void copy_pixels(std::int8_t* to, const std::int8_t* from) const {
    std::size_t pixels = conv_.in_w;
    if (plan_.pitch == conv_.x_pitch && channels_ == plan_.pitch) {
      copy_bytes(to, from, pixels * plan_.pitch);
      return;
    }
    const std::int8_t* last = from + (pixels - 1) * conv_.x_pitch;
    const std::size_t filled = align_up(channels_, kVector);
    if (static_cast<std::size_t>(conv_.x_end - last) < filled) {
      copy_bytes(to + --pixels * plan_.pitch, last, channels_);
    }
    for (; pixels > 0; --pixels, to += plan_.pitch, from += conv_.x_pitch) {
      for (std::size_t c = 0; c < filled; c += kVector) copy_bytes(to + c, from + c, kVector);
    }
  }

  const QConv2d& conv_;
  const Window2d& window_;
  const ScratchPlan& plan_;
  const QDepthwiseKernel& kernel_;
  std::size_t begin_;
  std::size_t channels_ = 0;
  const std::int8_t** taps_;
  std::uint64_t* held_;
  std::byte* prepared_;
  std::int8_t* rows_;
};

void run_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  const auto& job = *static_cast<const DepthwiseJob*>(context);
  const RowSplit::Part part = job.split.part(chunk);
  for (std::size_t begin = 0; begin < job.conv.in_c; begin += job.plan.block) {
    Block block(job, job.context.scratch_of(worker), begin);
    for (std::size_t row = part.row_begin; row < part.row_end; ++row) block.run(row);
  }
}

}  // namespace

std::uint64_t qdepthwise_scratch(const QConv2d& conv) { return ScratchPlan(conv).bytes; }

bool qdepthwise_vector(const QConv2d& conv, const RunContext& context) {
  const std::size_t rows = conv.batch * conv.out_h;
  DepthwiseJob job{conv, context, ScratchPlan(conv), RowSplit(rows, conv.out_w * conv.out_c, false),
                   qdepthwise_kernel(conv)};
  if (job.kernel.run == nullptr || job.plan.bytes == 0) return false;
  // Every chunk prepares anew: as few as are wanted.
  const std::size_t wanted = context.wanted_chunks();
  job.split.rows_per_chunk = (rows + wanted - 1) / wanted;
  context.share(run_chunk, &job, job.split.chunks());
  return true;
}

}  // namespace sz::ops
