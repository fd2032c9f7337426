#include "ops/quantized/qindirection.h"

#include "base/checked.h"
#include "base/memory.h"
#include "ops/conv/conv.h"

namespace sz::ops {
namespace {

struct Pixel {
  std::size_t n, oy, ox;
};

// What copies of whole vectors may write too much.
constexpr std::size_t kCopySlack = 16;

// Builds one table.
class Builder {
 public:
  Builder(const QConv2d& conv, const QuantIndirection& plan, std::size_t channel,
          std::byte* scratch)
      : conv_(conv),
        window_(conv.attributes.window),
        plan_(plan),
        channel_(channel),
        table_(reinterpret_cast<const std::int8_t**>(scratch)),
        taps_(reinterpret_cast<const std::size_t*>(scratch + plan.tap_offset)),
        padding_(reinterpret_cast<const std::int8_t*>(scratch + plan.padding_offset)),
        slots_(reinterpret_cast<std::int8_t*>(scratch + plan.slot_offset)) {}

  void point(std::size_t r, const Pixel& pixel) {
    if (plan_.gathered) {
      table_[r] = gather_window(r, pixel);
    } else if (plan_.merged) {
      point_rows(r, pixel);
    } else {
      point_taps(r, pixel);
    }
  }

  // Enters a segment that lies in memory, or a copy of it if it ends too close to the end of x.
  void enter(std::size_t s, std::size_t r, const std::int8_t* segment) {
    const auto left = static_cast<std::size_t>(conv_.x_end - segment);
    if (left < plan_.padded) {
      std::int8_t* slot = slot_of(s, r);
      copy_bytes(slot, segment, plan_.length);
      segment = slot;
    }
    table_[s * plan_.block_rows + r] = segment;
  }

 private:
  static bool inside(std::ptrdiff_t position, std::size_t size) {
    return position >= 0 && static_cast<std::size_t>(position) < size;
  }
  const std::int8_t* input_at(std::size_t n, std::ptrdiff_t iy, std::ptrdiff_t ix) const {
    const std::size_t row = n * conv_.in_h + static_cast<std::size_t>(iy);
    return conv_.x + (row * conv_.in_w + static_cast<std::size_t>(ix)) * conv_.x_pitch + channel_;
  }
  std::int8_t* slot_of(std::size_t s, std::size_t r) const {
    return slots_ + (s * plan_.block_rows + r) * plan_.padded;
  }

  // Bytes of x to a slot. Windows are gathered sixteen bytes at a time: what that writes too much
  // is written again, as slots are filled in their order, or lies in the slack behind them.
  void copy_inputs(std::int8_t* to, const std::int8_t* from, std::size_t count) const {
    if (!plan_.gathered || static_cast<std::size_t>(conv_.x_end - from) < count + kCopySlack) {
      return copy_bytes(to, from, count);
    }
    for (std::size_t i = 0; i < count; i += kCopySlack) copy_bytes(to + i, from + i, kCopySlack);
  }

  // Zero points to a slot, with the same liberty.
  void fill_inputs(std::int8_t* to, std::size_t count) const {
    const auto zero = static_cast<std::uint8_t>(conv_.attributes.x_zero);
    if (!plan_.gathered) return fill_bytes(to, zero, count);
    for (std::size_t i = 0; i < count; i += kCopySlack) fill_bytes(to + i, zero, kCopySlack);
  }

  // A row of taps from (n, iy, ix) on.
  void gather_row(std::int8_t* to, std::size_t n, std::ptrdiff_t iy, std::ptrdiff_t ix) const {
    const auto taps = static_cast<std::ptrdiff_t>(window_.kernel_w);
    const auto width = static_cast<std::ptrdiff_t>(conv_.in_w);
    const bool row_inside = inside(iy, conv_.in_h);
    if (row_inside && plan_.contiguous) {
      // Taps to the left of the image, inside, to the right.
      const std::ptrdiff_t left = ix >= 0 ? 0 : -ix < taps ? -ix : taps;
      const std::ptrdiff_t right = ix + taps <= width ? taps : width > ix ? width - ix : 0;
      if (left > 0) fill_inputs(to, bytes_of_taps(left));
      if (right > left) {
        copy_inputs(to + bytes_of_taps(left), input_at(n, iy, ix + left),
                    bytes_of_taps(right - left));
      }
      const std::ptrdiff_t rest = right > left ? right : left;
      if (rest < taps) fill_inputs(to + bytes_of_taps(rest), bytes_of_taps(taps - rest));
      return;
    }
    for (std::size_t kx = 0; kx < window_.kernel_w; ++kx, to += conv_.in_c) {
      if (row_inside && inside(ix, conv_.in_w)) {
        copy_inputs(to, input_at(n, iy, ix), conv_.in_c);
      } else {
        fill_inputs(to, conv_.in_c);
      }
      ix += static_cast<std::ptrdiff_t>(window_.dilation_w);
    }
  }
  std::size_t bytes_of_taps(std::ptrdiff_t taps) const {
    return static_cast<std::size_t>(taps) * conv_.in_c;
  }

  const std::int8_t* gather_window(std::size_t r, const Pixel& pixel) const {
    std::int8_t* slot = slot_of(0, r);
    std::int8_t* to = slot;
    const std::ptrdiff_t ix = tap_position(pixel.ox, window_.stride_w, window_.pad_left, 0, 1);
    std::ptrdiff_t iy = tap_position(pixel.oy, window_.stride_h, window_.pad_top, 0, 1);
    for (std::size_t ky = 0; ky < window_.kernel_h; ++ky, to += window_.kernel_w * conv_.in_c) {
      gather_row(to, pixel.n, iy, ix);
      iy += static_cast<std::ptrdiff_t>(window_.dilation_h);
    }
    return slot;
  }

  void point_rows(std::size_t r, const Pixel& pixel) {
    const std::ptrdiff_t ix = tap_position(pixel.ox, window_.stride_w, window_.pad_left, 0, 1);
    const std::ptrdiff_t top = tap_position(pixel.oy, window_.stride_h, window_.pad_top, 0, 1);
    const auto last = ix + static_cast<std::ptrdiff_t>(window_.kernel_w) - 1;
    const bool columns_inside = inside(ix, conv_.in_w) && inside(last, conv_.in_w);
    const auto height = static_cast<std::ptrdiff_t>((window_.kernel_h - 1) * window_.dilation_h);
    const std::int8_t** entry = table_ + r;
    if (columns_inside && top >= 0 && inside(top + height, conv_.in_h)) {
      const std::int8_t* segment = input_at(pixel.n, top, ix);
      const std::size_t step = window_.dilation_h * conv_.in_w * conv_.x_pitch;
      for (std::size_t ky = 0; ky < window_.kernel_h; ++ky, entry += plan_.block_rows) {
        *entry = segment + ky * step;
      }
      return;
    }
    for (std::size_t ky = 0; ky < window_.kernel_h; ++ky, entry += plan_.block_rows) {
      const std::ptrdiff_t iy = top + static_cast<std::ptrdiff_t>(ky * window_.dilation_h);
      if (!inside(iy, conv_.in_h)) {
        *entry = padding_;
      } else if (columns_inside) {
        *entry = input_at(pixel.n, iy, ix);
      } else {
        std::int8_t* slot = slot_of(ky, r);
        gather_row(slot, pixel.n, iy, ix);
        *entry = slot;
      }
    }
  }

  void point_taps(std::size_t r, const Pixel& pixel) {
    const std::ptrdiff_t top = tap_position(pixel.oy, window_.stride_h, window_.pad_top, 0, 1);
    const std::ptrdiff_t left = tap_position(pixel.ox, window_.stride_w, window_.pad_left, 0, 1);
    const auto height = static_cast<std::ptrdiff_t>((window_.kernel_h - 1) * window_.dilation_h);
    const auto width = static_cast<std::ptrdiff_t>((window_.kernel_w - 1) * window_.dilation_w);
    if (plan_.padded == plan_.length && top >= 0 && left >= 0 && inside(top + height, conv_.in_h) &&
        inside(left + width, conv_.in_w)) {
      const std::int8_t* first = input_at(pixel.n, top, left);
      for (std::size_t s = 0; s < plan_.segments; ++s) {
        table_[s * plan_.block_rows + r] = first + taps_[s];
      }
      return;
    }
    std::size_t s = 0;
    for (std::size_t ky = 0; ky < window_.kernel_h; ++ky) {
      const auto iy = top + static_cast<std::ptrdiff_t>(ky * window_.dilation_h);
      for (std::size_t kx = 0; kx < window_.kernel_w; ++kx, ++s) {
        const auto ix = left + static_cast<std::ptrdiff_t>(kx * window_.dilation_w);
        if (inside(iy, conv_.in_h) && inside(ix, conv_.in_w)) {
          enter(s, r, input_at(pixel.n, iy, ix));
        } else {
          table_[s * plan_.block_rows + r] = padding_;
        }
      }
    }
  }

  const QConv2d& conv_;
  const Window2d& window_;
  const QuantIndirection& plan_;
  std::size_t channel_;
  const std::int8_t** table_;
  const std::size_t* taps_;
  const std::int8_t* padding_;
  std::int8_t* slots_;
};

}  // namespace

QuantIndirection::QuantIndirection(const QConv2d& conv) {
  const Window2d& window = conv.attributes.window;
  const QuantLayout& layout = conv.blob.layout;
  const bool padded_image =
      (window.pad_top | window.pad_left | window.pad_bottom | window.pad_right) != 0;
  contiguous = window.dilation_w == 1 && conv.x_pitch == conv.in_c;
  gathered = layout.gathered;
  // Rows of taps of few channels that fill quads.
  merged = conv.attributes.groups == 1 && conv.in_c % 4 == 0 && conv.in_c <= kGatherChannels &&
           window.kernel_w > 1 && contiguous;
  segments = merged ? window.kernel_h : layout.segments;
  length = merged ? conv.in_c * window.kernel_w : layout.length;
  padded = align_up(length, 4);
  pointwise = !gathered && window.kernel_h == 1 && window.kernel_w == 1 && window.stride_h == 1 &&
              window.stride_w == 1 && !padded_image;
  block_rows = conv.out_rows() < kQuantBlockRows ? conv.out_rows() : kQuantBlockRows;

  const bool copies =
      gathered || padded != length || (merged && (window.pad_left | window.pad_right) != 0);
  const std::size_t slots = copies ? segments * block_rows * padded + kCopySlack : 0;
  const std::size_t sums = conv.attributes.weight_zero != 0 ? block_rows * 4 : 0;
  tap_offset = align_up(segments * block_rows * sizeof(const std::int8_t*), 64);
  sum_offset = align_up(tap_offset + segments * sizeof(std::size_t), 64);
  padding_offset = align_up(sum_offset + sums, 64);
  slot_offset = align_up(padding_offset + (padded_image ? padded : 0), 64);
  scratch_bytes = slot_offset + slots;
}

void prepare_table(const QConv2d& conv, const QuantIndirection& plan, std::byte* scratch) {
  if (plan.slot_offset > plan.padding_offset) {
    fill_bytes(scratch + plan.padding_offset, static_cast<std::uint8_t>(conv.attributes.x_zero),
               plan.padded);
  }
  if (plan.merged || plan.gathered || plan.pointwise) return;
  const Window2d& window = conv.attributes.window;
  auto* taps = reinterpret_cast<std::size_t*>(scratch + plan.tap_offset);
  for (std::size_t ky = 0; ky < window.kernel_h; ++ky) {
    for (std::size_t kx = 0; kx < window.kernel_w; ++kx) {
      *taps++ = (ky * window.dilation_h * conv.in_w + kx * window.dilation_w) * conv.x_pitch;
    }
  }
}

const std::int8_t* const* build_table(const QConv2d& conv, const QuantIndirection& plan,
                                      std::size_t first, std::size_t rows, std::size_t channel,
                                      std::byte* scratch) {
  Builder builder(conv, plan, channel, scratch);
  if (plan.pointwise) {
    const std::int8_t* segment = conv.x + first * conv.x_pitch + channel;
    for (std::size_t r = 0; r < rows; ++r, segment += conv.x_pitch) builder.enter(0, r, segment);
  } else {
    const std::size_t image = conv.out_h * conv.out_w;
    Pixel pixel{first / image, first % image / conv.out_w, first % conv.out_w};
    for (std::size_t r = 0; r < rows; ++r) {
      builder.point(r, pixel);
      if (++pixel.ox < conv.out_w) continue;
      pixel.ox = 0;
      if (++pixel.oy < conv.out_h) continue;
      pixel.oy = 0;
      ++pixel.n;
    }
  }
  return reinterpret_cast<const std::int8_t* const*>(scratch);
}

const std::int32_t* sum_rows(const QuantIndirection& plan, const std::int8_t* const* table,
                             std::size_t rows, std::byte* scratch) {
  auto* sums = reinterpret_cast<std::int32_t*>(scratch + plan.sum_offset);
  for (std::size_t r = 0; r < rows; ++r) {
    std::int32_t sum = 0;
    for (std::size_t s = 0; s < plan.segments; ++s) {
      const std::int8_t* x = table[s * plan.block_rows + r];
      for (std::size_t i = 0; i < plan.length; ++i) sum += x[i];
    }
    sums[r] = sum;
  }
  return sums;
}

}  // namespace sz::ops
