#include "ops/pool/pool.h"

#include "ops/check.h"
#include "ops/quantized/qpool.h"

namespace sz::ops {
namespace {

// A size that fits, and windows that each touch the input.
bool axis_matches(const WindowAxis& axis, std::uint64_t in, std::uint64_t out) {
  if (!axis.fits(in) || (out != axis.floor_size(in) && out != axis.ceil_size(in))) return false;
  // The last window begins inside.
  const std::uint64_t last_begin = (out - 1) * axis.stride;  // out <= in + pads: no overflow
  if (last_begin >= in + axis.pad_begin) return false;
  // A window that begins in the padding has, as pad_begin < extent, a tap in [0, dilation).
  return axis.pad_begin == 0 || in >= axis.dilation;
}

TapRange taps_of(std::size_t out, std::size_t in, const WindowAxis& axis) {
  TapRange range;
  range.begin =
      static_cast<std::ptrdiff_t>(out * axis.stride) - static_cast<std::ptrdiff_t>(axis.pad_begin);
  range.dilation = axis.dilation;
  const auto end = static_cast<std::ptrdiff_t>(in);
  const auto padded_end = static_cast<std::ptrdiff_t>(in + axis.pad_end);
  for (std::size_t tap = 0; tap < axis.kernel; ++tap) {
    const std::ptrdiff_t at = range.begin + static_cast<std::ptrdiff_t>(tap * axis.dilation);
    if (at < 0) range.first = tap + 1;
    if (at < end) range.last = tap + 1;
    if (at < padded_end) range.counted = tap + 1;
  }
  return range;
}

// Quantised, not f32.
bool holds_bytes(const Step& step) {
  const TensorView* x = step.inputs[0];
  return x != nullptr && (x->dtype == DType::kI8 || x->dtype == DType::kU8);
}

Pool2d unpack(const Step& step) {
  Pool2d pool;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  pool.x = x.f32();
  pool.y = y.mutable_f32();
  pool.x_pitch = x.pitch;
  pool.y_pitch = y.pitch;
  pool.batch = x.dims[0];
  pool.in_h = x.dims[1];
  pool.in_w = x.dims[2];
  pool.channels = x.dims[3];
  pool.out_h = y.dims[1];
  pool.out_w = y.dims[2];
  (void)read_attributes(step.attributes, &pool.attributes);  // checked; none for global
  return pool;
}

}  // namespace

TapRange vertical_taps(const Pool2d& pool, std::size_t oy) {
  return taps_of(oy, pool.in_h, vertical(pool.attributes.window));
}

TapRange horizontal_taps(const Pool2d& pool, std::size_t ox) {
  return taps_of(ox, pool.in_w, horizontal(pool.attributes.window));
}

float average_divisor(const Pool2d& pool, const TapRange& rows, const TapRange& columns) {
  const std::size_t taps = pool.attributes.count_include_pad != 0
                               ? rows.counted * columns.counted
                               : (rows.last - rows.first) * (columns.last - columns.first);
  return static_cast<float>(taps);
}

Status check_pool2d(const Step& step) {
  if (holds_bytes(step)) return check_max_pool_bytes(step);
  if (const Status status = check_operands(step); status != Status::kOk) return status;
  Pool2dAttributes attributes;
  if (!read_attributes(step.attributes, &attributes)) return Status::kBadAttribute;
  const bool known = attributes.kind == PoolKind::kMax || attributes.kind == PoolKind::kAverage;
  if (!known || attributes.count_include_pad > 1) return Status::kBadAttribute;
  return check_pool_window(attributes.window, *step.inputs[0], *step.outputs[0]);
}

Status check_pool_window(const Window2d& window, const TensorView& x, const TensorView& y) {
  const WindowAxis rows = vertical(window);
  const WindowAxis columns = horizontal(window);
  if (!rows.valid() || !columns.valid() || !rows.windows_touch_input() ||
      !columns.windows_touch_input()) {
    return Status::kBadAttribute;
  }
  if (x.rank != 4 || y.rank != 4 || x.dims[0] != y.dims[0] || x.dims[3] != y.dims[3] ||
      !axis_matches(rows, x.dims[1], y.dims[1]) || !axis_matches(columns, x.dims[2], y.dims[2])) {
    return Status::kShapeMismatch;
  }
  return Status::kOk;
}

Status check_global_average_pool(const Step& step) {
  if (const Status status = check_operands(step); status != Status::kOk) return status;
  if (!step.attributes.empty()) return Status::kBadAttribute;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  if (x.rank != 4 || y.rank != 4 || x.dims[0] != y.dims[0] || y.dims[1] != 1 || y.dims[2] != 1 ||
      x.dims[3] != y.dims[3]) {
    return Status::kShapeMismatch;
  }
  return Status::kOk;
}

std::uint64_t pool2d_cost(const Step& step) {
  const Pool2d pool = unpack(step);
  const Window2d& window = pool.attributes.window;
  return step.outputs[0]->elements() * window.kernel_h * window.kernel_w;
}

std::uint64_t global_average_pool_cost(const Step& step) { return step.inputs[0]->elements(); }

Status run_pool2d(const Step& step, const RunContext& context) noexcept {
  if (holds_bytes(step)) return run_max_pool_bytes(step, context);
  const Pool2d pool = unpack(step);
  if (step.kernel == Kernel::kReference) {
    pool2d_reference(pool);
  } else {
    pool2d_vector(pool, context);
  }
  return Status::kOk;
}

Status run_global_average_pool(const Step& step, const RunContext& context) noexcept {
  const Pool2d pool = unpack(step);
  if (step.kernel == Kernel::kReference) {
    global_average_pool_reference(pool);
  } else {
    global_average_pool_vector(pool, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
