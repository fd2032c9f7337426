#include "ops/conv/indirection.h"

#include "base/checked.h"
#include "base/memory.h"

namespace sz::ops {
namespace {

// Up to here, a row of taps is cheaper as one segment than as kernel_w segments.
constexpr std::size_t kMergeChannels = 16;

// One output pixel.
struct Pixel {
  std::size_t n, oy, ox;
};

// The address of x[n, iy, ix, channel]; iy and ix inside.
const float* input_at(const Conv2d& conv, std::size_t n, std::ptrdiff_t iy, std::ptrdiff_t ix,
                      std::size_t channel) {
  const std::size_t row = n * conv.in_h + static_cast<std::size_t>(iy);
  return conv.x + (row * conv.in_w + static_cast<std::size_t>(ix)) * conv.x_pitch + channel;
}

bool inside(std::ptrdiff_t position, std::size_t size) {
  return position >= 0 && static_cast<std::size_t>(position) < size;
}

// A row of taps that is partly padding, completed with zeroes.
void copy_padded_row(const Conv2d& conv, std::size_t n, std::ptrdiff_t iy, std::ptrdiff_t ix,
                     float* slot) {
  const std::size_t taps = conv.attributes.window.kernel_w;
  for (std::size_t kx = 0; kx < taps; ++kx, slot += conv.in_c) {
    const std::ptrdiff_t column = ix + static_cast<std::ptrdiff_t>(kx);
    if (inside(column, conv.in_w)) {
      copy_bytes(slot, input_at(conv, n, iy, column, 0), conv.in_c * sizeof(float));
    } else {
      fill_bytes(slot, 0, conv.in_c * sizeof(float));
    }
  }
}

// Pointers of one pixel, a segment for each row of taps.
void point_merged(const Conv2d& conv, const IndirectionPlan& plan, const Pixel& pixel,
                  std::size_t r, const float** table, float* slots, const float* zeroes) {
  const Window2d& window = conv.attributes.window;
  const std::ptrdiff_t ix = tap_position(pixel.ox, window.stride_w, window.pad_left, 0, 1);
  const std::ptrdiff_t last = ix + static_cast<std::ptrdiff_t>(window.kernel_w) - 1;
  const bool columns_inside = inside(ix, conv.in_w) && inside(last, conv.in_w);
  const std::ptrdiff_t top = tap_position(pixel.oy, window.stride_h, window.pad_top, 0, 1);
  const auto height = static_cast<std::ptrdiff_t>((window.kernel_h - 1) * window.dilation_h);
  if (columns_inside && top >= 0 && inside(top + height, conv.in_h)) {
    const float* segment = input_at(conv, pixel.n, top, ix, 0);
    const std::size_t step = window.dilation_h * conv.in_w * conv.x_pitch;
    for (std::size_t ky = 0; ky < window.kernel_h; ++ky) {
      table[ky * plan.block_rows + r] = segment + ky * step;
    }
    return;
  }
  for (std::size_t ky = 0; ky < window.kernel_h; ++ky) {
    const std::ptrdiff_t iy =
        tap_position(pixel.oy, window.stride_h, window.pad_top, ky, window.dilation_h);
    const float* segment = zeroes;
    if (inside(iy, conv.in_h)) {
      if (columns_inside) {
        segment = input_at(conv, pixel.n, iy, ix, 0);
      } else {
        float* slot = slots + (ky * plan.block_rows + r) * plan.length;
        copy_padded_row(conv, pixel.n, iy, ix, slot);
        segment = slot;
      }
    }
    table[ky * plan.block_rows + r] = segment;
  }
}

// Distance of each tap from a pixel's first, in elements. Written to scratch once per block.
void fill_tap_offsets(const Conv2d& conv, std::size_t* offsets) {
  const Window2d& window = conv.attributes.window;
  for (std::size_t ky = 0; ky < window.kernel_h; ++ky) {
    for (std::size_t kx = 0; kx < window.kernel_w; ++kx) {
      *offsets++ = (ky * window.dilation_h * conv.in_w + kx * window.dilation_w) * conv.x_pitch;
    }
  }
}

// Pointers of one pixel, a segment for each tap.
void point_taps(const Conv2d& conv, const IndirectionPlan& plan, const Pixel& pixel,
                std::size_t channel, const float** table, const float* zeroes,
                const std::size_t* offsets) {
  const Window2d& window = conv.attributes.window;
  const std::ptrdiff_t iy = tap_position(pixel.oy, window.stride_h, window.pad_top, 0, 1);
  const std::ptrdiff_t ix = tap_position(pixel.ox, window.stride_w, window.pad_left, 0, 1);
  const auto height = static_cast<std::ptrdiff_t>((window.kernel_h - 1) * window.dilation_h);
  const auto width = static_cast<std::ptrdiff_t>((window.kernel_w - 1) * window.dilation_w);
  if (iy >= 0 && ix >= 0 && inside(iy + height, conv.in_h) && inside(ix + width, conv.in_w)) {
    const float* first = input_at(conv, pixel.n, iy, ix, channel);
    for (std::size_t s = 0; s < plan.segments; ++s) table[s * plan.block_rows] = first + offsets[s];
    return;
  }
  for (std::size_t ky = 0; ky < window.kernel_h; ++ky) {
    const auto down = iy + static_cast<std::ptrdiff_t>(ky * window.dilation_h);
    for (std::size_t kx = 0; kx < window.kernel_w; ++kx, table += plan.block_rows) {
      const auto right = ix + static_cast<std::ptrdiff_t>(kx * window.dilation_w);
      const bool real = inside(down, conv.in_h) && inside(right, conv.in_w);
      *table = real ? input_at(conv, pixel.n, down, right, channel) : zeroes;
    }
  }
}

}  // namespace

IndirectionPlan plan_indirection(const Conv2d& conv) {
  const Window2d& window = conv.attributes.window;
  IndirectionPlan plan;
  plan.merged = conv.attributes.groups == 1 && conv.in_c <= kMergeChannels && window.kernel_w > 1 &&
                window.dilation_w == 1 && conv.x_pitch == conv.in_c;
  const std::size_t width = conv.group_in();
  const bool padded =
      (window.pad_top | window.pad_left | window.pad_bottom | window.pad_right) != 0;
  plan.pointwise = window.kernel_h == 1 && window.kernel_w == 1 && window.stride_h == 1 &&
                   window.stride_w == 1 && !padded;
  plan.segments = plan.merged ? window.kernel_h : std::size_t{window.kernel_h} * window.kernel_w;
  plan.length = plan.merged ? width * window.kernel_w : width;
  plan.block_rows = conv.out_rows() < kBlockRows ? conv.out_rows() : kBlockRows;

  const bool slots = plan.merged && (window.pad_left | window.pad_right) != 0;
  const std::size_t table_bytes = plan.segments * plan.block_rows * sizeof(const float*);
  const std::size_t zero_bytes = padded ? plan.length * sizeof(float) : 0;
  plan.tap_offset = align_up(table_bytes, 64);
  plan.zero_offset = align_up(plan.tap_offset + plan.segments * sizeof(std::size_t), 64);
  plan.slot_offset = align_up(plan.zero_offset + zero_bytes, 64);
  plan.scratch_bytes = plan.slot_offset +
                       (slots ? plan.segments * plan.block_rows * plan.length * sizeof(float) : 0);
  return plan;
}

void clear_zero_row(const IndirectionPlan& plan, std::byte* scratch) {
  if (plan.slot_offset > plan.zero_offset) {
    fill_bytes(scratch + plan.zero_offset, 0, plan.length * sizeof(float));
  }
}

const float* const* build_indirection(const Conv2d& conv, const IndirectionPlan& plan,
                                      std::size_t first, std::size_t rows, std::size_t channel,
                                      std::byte* scratch) {
  auto** table = reinterpret_cast<const float**>(scratch);
  const auto* zeroes = reinterpret_cast<const float*>(scratch + plan.zero_offset);
  auto* slots = reinterpret_cast<float*>(scratch + plan.slot_offset);
  auto* offsets = reinterpret_cast<std::size_t*>(scratch + plan.tap_offset);
  if (plan.pointwise) {
    for (std::size_t r = 0; r < rows; ++r) table[r] = conv.x + (first + r) * conv.x_pitch + channel;
    return table;
  }
  if (!plan.merged) fill_tap_offsets(conv, offsets);
  const std::size_t image = conv.out_h * conv.out_w;
  Pixel pixel{first / image, first % image / conv.out_w, first % conv.out_w};
  for (std::size_t r = 0; r < rows; ++r) {
    if (plan.merged) {
      point_merged(conv, plan, pixel, r, table, slots, zeroes);
    } else {
      point_taps(conv, plan, pixel, channel, table + r, zeroes, offsets);
    }
    if (++pixel.ox == conv.out_w) {
      pixel.ox = 0;
      if (++pixel.oy == conv.out_h) {
        pixel.oy = 0;
        ++pixel.n;
      }
    }
  }
  return table;
}

}  // namespace sz::ops
