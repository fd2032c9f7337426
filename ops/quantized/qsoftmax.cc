#include "ops/quantized/qsoftmax.h"

#include "ops/quantized/check.h"
#include "ops/quantized/rescale.h"
#include "ops/split.h"

namespace sz::ops {
namespace {

constexpr std::int32_t kMaxI32 = 0x7fffffff;
constexpr std::int32_t kSumBits = 12;  // integer bits of the sum: 4095 elements of 1 fit

// x * 2^by, the nearest i32.
std::int32_t saturating_shift_left(std::int32_t x, std::int32_t by) {
  const std::int64_t shifted = std::int64_t{x} << by;
  if (shifted > kMaxI32) return kMaxI32;
  if (shifted < -std::int64_t{kMaxI32} - 1) return -kMaxI32 - 1;
  return static_cast<std::int32_t>(shifted);
}

struct QSoftmax {
  const std::int8_t* x = nullptr;
  std::int8_t* y = nullptr;
  const std::byte* table = nullptr;
  std::size_t x_pitch = 0, y_pitch = 0;
  std::size_t inner = 0;
  Rescaling mode = Rescaling::kFixedPoint;
  RowSplit split;
};

std::int32_t greatest_in(const std::int8_t* x, std::size_t count) {
  std::int32_t greatest = -128;
  for (std::size_t i = 0; i < count; ++i) greatest = x[i] > greatest ? x[i] : greatest;
  return greatest;
}

void fixed_row(const std::int32_t* table, const std::int8_t* x, std::int8_t* y, std::size_t count) {
  const std::int32_t greatest = greatest_in(x, count);
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    sum = wrapping_add(sum, rounding_shift_right(table[greatest - x[i]], kSumBits));
  }
  if (sum < 1) sum = 1;  // never with a table of exponentials
  // sum = (1 + f) * 2^k; the reciprocal of 1 + f, then shifts.
  const auto leading = static_cast<std::int32_t>(__builtin_clz(static_cast<std::uint32_t>(sum)));
  const std::uint32_t normal = static_cast<std::uint32_t>(sum) << leading;
  const std::int32_t reciprocal =
      reciprocal_of_one_plus(static_cast<std::int32_t>(normal - 0x80000000u));
  const std::int32_t shift = kSumBits - leading + 31 - 8;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int32_t product = doubling_high_multiply(reciprocal, table[greatest - x[i]]);
    const std::int32_t value = rounding_shift_right(product, shift);
    y[i] = static_cast<std::int8_t>(clamp_int(value, 0, 255) - 128);
  }
}

void float_row(const float* table, const std::int8_t* x, std::int8_t* y, std::size_t count) {
  const std::int32_t greatest = greatest_in(x, count);
  float sum = 0.0f;
  for (std::size_t i = 0; i < count; ++i) sum += table[greatest - x[i]];
  const float factor = 1.0f / (sum * (1.0f / 256.0f));
  for (std::size_t i = 0; i < count; ++i) {
    const float value = clamp_float(table[greatest - x[i]] * factor, 0.0f, 255.0f);
    const auto whole = static_cast<std::int32_t>(value);
    const bool up = value - static_cast<float>(whole) >= 0.5f;
    y[i] = static_cast<std::int8_t>(whole + (up ? 1 : 0) - 128);
  }
}

void run_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const QSoftmax*>(context);
  const RowSplit::Part part = job.split.part(chunk);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    const std::int8_t* x = job.x + r * job.x_pitch;
    std::int8_t* y = job.y + r * job.y_pitch;
    if (job.mode == Rescaling::kFloat) {
      float_row(reinterpret_cast<const float*>(job.table), x, y, job.inner);
    } else {
      fixed_row(reinterpret_cast<const std::int32_t*>(job.table), x, y, job.inner);
    }
  }
}

}  // namespace

std::int32_t reciprocal_of_one_plus(std::int32_t x) {
  // Q2.29 constants of the first guess, 48/17 - 32/17 * d, for d = (1 + x) / 2 in [1/2, 1).
  constexpr std::int32_t k48Over17 = 1515870810;
  constexpr std::int32_t kMinus32Over17 = -1010580540;
  const auto half =
      static_cast<std::int32_t>((std::int64_t{x} + kMaxI32 + 1) / 2);  // rounded, x >= 0
  std::int32_t y = wrapping_add(k48Over17, doubling_high_multiply(half, kMinus32Over17));
  for (int i = 0; i < 3; ++i) {
    const std::int32_t error = wrapping_sub(1 << 29, doubling_high_multiply(half, y));
    y = wrapping_add(y, saturating_shift_left(doubling_high_multiply(y, error), 2));
  }
  return saturating_shift_left(y, 1);
}

Status check_qsoftmax(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& table = *step.inputs[1];
  const TensorView& y = *step.outputs[0];
  if (x.dtype != DType::kI8 || y.dtype != DType::kI8) return Status::kDtypeMismatch;
  QSoftmaxAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) ||
      (attributes.mode != Rescaling::kFixedPoint && attributes.mode != Rescaling::kFloat)) {
    return Status::kBadAttribute;
  }
  const bool fixed = attributes.mode == Rescaling::kFixedPoint;
  if (table.dtype != (fixed ? DType::kI32 : DType::kF32)) return Status::kDtypeMismatch;
  const bool shapes =
      same_shape(x, y) && x.inner() <= kMaxQSoftmax && table.rank == 1 && table.dims[0] == 256;
  return shapes ? Status::kOk : Status::kShapeMismatch;
}

std::uint64_t qsoftmax_cost(const Step& step) { return step.inputs[0]->elements() * 8; }

Status run_qsoftmax(const Step& step, const RunContext& context) noexcept {
  QSoftmaxAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  QSoftmax job{bytes_of(x),
               mutable_bytes_of(y),
               step.inputs[1]->data,
               x.pitch,
               y.pitch,
               x.inner(),
               attributes.mode,
               RowSplit(x.rows(), x.inner(), false, context.wanted_chunks())};
  context.share(run_chunk, &job, job.split.chunks());
  return Status::kOk;
}

}  // namespace sz::ops
