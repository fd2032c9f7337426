#include "ops/conv/indirection.h"

#include "base/checked.h"
#include "base/memory.h"

namespace sz::ops {
namespace {

// Up to here, a row of taps is cheaper as one segment than as kernel_w segments.
constexpr std::size_t kMergeChannels = 16;

// Output columns [begin, end): those whose taps (or one tap of which) lie inside the image.
struct ColumnRange {
  std::size_t begin, end;
};

// Neighbouring output pixels of one row.
struct Span {
  std::size_t n, oy, ox, count;

  // Of the pixels of the span, counted from its first, those in `range`.
  ColumnRange within(const ColumnRange& range) const {
    const std::size_t begin = range.begin < ox ? 0 : range.begin - ox;
    const std::size_t end = range.end < ox ? 0 : range.end - ox;
    const std::size_t first = begin < count ? begin : count;
    const std::size_t past = end < count ? end : count;
    return {first, past < first ? first : past};
  }
};

bool inside(std::ptrdiff_t position, std::size_t size) {
  return position >= 0 && static_cast<std::size_t>(position) < size;
}

// Those whose taps at distances `first` to `last` are all inside.
ColumnRange columns_inside(const Conv2d& conv, std::size_t first, std::size_t last) {
  const Window2d& window = conv.attributes.window;
  const std::size_t stride = window.stride_w;
  const std::size_t before = window.pad_left > first ? window.pad_left - first : 0;
  const std::size_t room = conv.in_w + window.pad_left;
  ColumnRange range{before, room > last ? room - last : 0};
  if (stride > 1) {
    range.begin = (range.begin + stride - 1) / stride;
    range.end = (range.end + stride - 1) / stride;
  }
  return range;
}

// Of each tap of a row, or, merged, of all of them together.
void fill_ranges(const Conv2d& conv, const IndirectionPlan& plan, ColumnRange* ranges) {
  const Window2d& window = conv.attributes.window;
  if (plan.merged) {
    *ranges = columns_inside(conv, 0, window.kernel_w - 1);
    return;
  }
  for (std::size_t kx = 0; kx < window.kernel_w; ++kx) {
    ranges[kx] = columns_inside(conv, kx * window.dilation_w, kx * window.dilation_w);
  }
}

void point_to(const float* where, std::size_t step, std::size_t count, const float** table) {
  for (std::size_t i = 0; i < count; ++i) table[i] = where + i * step;
}

// Channel 0 of column 0 of input row iy, which is inside.
const float* input_row(const Conv2d& conv, std::size_t n, std::ptrdiff_t iy) {
  return conv.x + (n * conv.in_h + static_cast<std::size_t>(iy)) * conv.in_w * conv.x_pitch;
}

// Columns [ix, ix + columns) of a dense row, with zeroes for those outside the image.
void copy_padded(const Conv2d& conv, const float* row, std::ptrdiff_t ix, std::size_t columns,
                 float* to) {
  const auto past = static_cast<std::ptrdiff_t>(columns);
  const auto right = static_cast<std::ptrdiff_t>(conv.in_w) - ix;  // the first beyond the image
  const std::ptrdiff_t begin = ix >= 0 ? 0 : -ix < past ? -ix : past;
  const std::ptrdiff_t end = right < begin ? begin : right < past ? right : past;
  const auto elements = [&](std::ptrdiff_t n) { return static_cast<std::size_t>(n) * conv.in_c; };
  if (begin > 0) fill_bytes(to, 0, elements(begin) * sizeof(float));
  if (end > begin) {
    copy_bytes(to + elements(begin), row + elements(ix + begin),
               elements(end - begin) * sizeof(float));
  }
  if (past > end) fill_bytes(to + elements(end), 0, elements(past - end) * sizeof(float));
}

// Pixels [begin, end) of a span, whose rows of taps reach beyond the image: they read copies in
// `slots`, of which pixel i may use that at i * length. Where windows overlap, one copy serves all.
void point_to_copies(const Conv2d& conv, const IndirectionPlan& plan, const float* row,
                     std::size_t ox, ColumnRange pixels, float* slots, const float** table) {
  const Window2d& window = conv.attributes.window;
  const std::size_t all = pixels.end - pixels.begin;
  const std::size_t together = window.stride_w <= window.kernel_w ? all : 1;
  for (std::size_t i = pixels.begin; i < pixels.end; i += together) {
    float* slot = slots + i * plan.length;
    copy_padded(conv, row, tap_position(ox + i, window.stride_w, window.pad_left, 0, 1),
                (together - 1) * window.stride_w + window.kernel_w, slot);
    point_to(slot, window.stride_w * conv.in_c, together, table + i);
  }
}

// A segment for each row of taps. `table` and `slots` are those of the span's first pixel.
void point_merged(const Conv2d& conv, const IndirectionPlan& plan, const Span& span,
                  const ColumnRange& range, const float* zeroes, const float** table,
                  float* slots) {
  const Window2d& window = conv.attributes.window;
  const ColumnRange inner = span.within(range);
  for (std::size_t ky = 0; ky < window.kernel_h; ++ky) {
    const std::ptrdiff_t iy =
        tap_position(span.oy, window.stride_h, window.pad_top, ky, window.dilation_h);
    if (inside(iy, conv.in_h)) {
      const float* row = input_row(conv, span.n, iy);
      if (inner.begin > 0) {
        point_to_copies(conv, plan, row, span.ox, {0, inner.begin}, slots, table);
      }
      if (inner.end > inner.begin) {
        const std::size_t ix = (span.ox + inner.begin) * window.stride_w - window.pad_left;
        point_to(row + ix * conv.x_pitch, window.stride_w * conv.x_pitch, inner.end - inner.begin,
                 table + inner.begin);
      }
      if (span.count > inner.end) {
        point_to_copies(conv, plan, row, span.ox, {inner.end, span.count}, slots, table);
      }
    } else {
      point_to(zeroes, 0, span.count, table);
    }
    table += plan.block_rows;
    slots += plan.block_rows * plan.length;
  }
}

// A segment for each tap. `table` is that of the span's first pixel.
void point_taps(const Conv2d& conv, const IndirectionPlan& plan, const Span& span,
                const ColumnRange* ranges, std::size_t channel, const float* zeroes,
                const float** table) {
  const Window2d& window = conv.attributes.window;
  for (std::size_t ky = 0; ky < window.kernel_h; ++ky) {
    const std::ptrdiff_t iy =
        tap_position(span.oy, window.stride_h, window.pad_top, ky, window.dilation_h);
    const bool real = inside(iy, conv.in_h);
    const float* row = real ? input_row(conv, span.n, iy) + channel : zeroes;
    for (std::size_t kx = 0; kx < window.kernel_w; ++kx, table += plan.block_rows) {
      const ColumnRange inner = real ? span.within(ranges[kx]) : ColumnRange{0, 0};
      point_to(zeroes, 0, inner.begin, table);
      if (inner.end > inner.begin) {
        const std::size_t ix =
            (span.ox + inner.begin) * window.stride_w + kx * window.dilation_w - window.pad_left;
        point_to(row + ix * conv.x_pitch, window.stride_w * conv.x_pitch, inner.end - inner.begin,
                 table + inner.begin);
      }
      point_to(zeroes, 0, span.count - inner.end, table + inner.end);
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
  const std::size_t ranges = plan.pointwise ? 0 : plan.merged ? 1 : window.kernel_w;
  plan.range_offset = align_up(table_bytes, 64);
  plan.zero_offset = align_up(plan.range_offset + ranges * sizeof(ColumnRange), 64);
  plan.slot_offset = align_up(plan.zero_offset + zero_bytes, 64);
  plan.scratch_bytes = plan.slot_offset +
                       (slots ? plan.segments * plan.block_rows * plan.length * sizeof(float) : 0);
  return plan;
}

void prepare_indirection(const Conv2d& conv, const IndirectionPlan& plan, std::byte* scratch) {
  if (plan.slot_offset > plan.zero_offset) {
    fill_bytes(scratch + plan.zero_offset, 0, plan.length * sizeof(float));
  }
  if (!plan.pointwise) {
    fill_ranges(conv, plan, reinterpret_cast<ColumnRange*>(scratch + plan.range_offset));
  }
}

const float* const* build_indirection(const Conv2d& conv, const IndirectionPlan& plan,
                                      std::size_t first, std::size_t rows, std::size_t channel,
                                      std::byte* scratch) {
  auto** table = reinterpret_cast<const float**>(scratch);
  const auto* zeroes = reinterpret_cast<const float*>(scratch + plan.zero_offset);
  auto* slots = reinterpret_cast<float*>(scratch + plan.slot_offset);
  const auto* ranges = reinterpret_cast<const ColumnRange*>(scratch + plan.range_offset);
  if (plan.pointwise) {
    point_to(conv.x + first * conv.x_pitch + channel, conv.x_pitch, rows, table);
    return table;
  }
  const std::size_t image = conv.out_h * conv.out_w;
  Span span{first / image, first % image / conv.out_w, first % conv.out_w, 0};
  for (std::size_t r = 0; r < rows; r += span.count) {
    const std::size_t left = conv.out_w - span.ox;
    span.count = left < rows - r ? left : rows - r;
    if (plan.merged) {
      point_merged(conv, plan, span, *ranges, zeroes, table + r, slots + r * plan.length);
    } else {
      point_taps(conv, plan, span, ranges, channel, zeroes, table + r);
    }
    span.ox = 0;
    if (++span.oy == conv.out_h) {
      span.oy = 0;
      ++span.n;
    }
  }
  return table;
}

}  // namespace sz::ops
