// Arg and CumulativeSum: along one dimension, line by line.
#include <bit>
#include <type_traits>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/reduction/reduction.h"
#include "ops/rules.h"
#include "ops/split.h"

namespace sz::ops {
namespace {

template <typename Attributes>
struct AxisJob {
  const TensorView& x;
  const TensorView& y;
  Attributes attributes;
  Lines lines;
  RowSplit split;
};

template <typename Attributes>
AxisJob<Attributes> job_of(const Step& step, const RunContext& context) {
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  Attributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  const Lines lines(x, y, attributes.axis, attributes.axis + 1);
  return {x, y, attributes, lines,
          RowSplit(lines.count, lines.elements(), false, context.wanted_chunks())};
}

// Where element `index` of a line is, from the line's first. Either rows or columns are 1.
std::size_t at(const Lines& lines, std::size_t index) {
  return lines.along ? index : index * lines.row_step;
}

// A number that is the greater, the earlier the element comes: by size, or, of the smallest, the
// other way round; NaN before everything.
std::int64_t rank_of(const TensorView& x, std::size_t index, bool smallest) {
  std::int64_t key = 0;
  if (x.dtype == DType::kF32) {
    const auto bits = std::bit_cast<std::uint32_t>(x.f32()[index]);
    const std::int64_t size = bits & 0x7fffffffu;
    if (size > 0x7f800000) return INT64_MAX;
    key = bits >> 31 != 0 ? -size : size;
  } else {
    key = load_integer(x.dtype, x.data, index);
  }
  return smallest ? ~key : key;
}

void arg_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const AxisJob<ArgAttributes>*>(context);
  const RowSplit::Part part = job.split.part(chunk);
  const bool smallest = job.attributes.smallest != 0;
  const bool last = job.attributes.last != 0;
  for (std::size_t line = part.row_begin; line < part.row_end; ++line) {
    const std::size_t begin = job.lines.x_begin(line);
    std::int64_t best = rank_of(job.x, begin, smallest);
    std::size_t place = 0;
    for (std::size_t i = 1; i < job.lines.elements(); ++i) {
      const std::int64_t key = rank_of(job.x, begin + at(job.lines, i), smallest);
      if (key > best || (last && key == best)) {
        best = key;
        place = i;
      }
    }
    store_integer(DType::kI64, job.y.data, job.lines.y_begin(line),
                  static_cast<std::int64_t>(place));
  }
}

template <typename T>
void sum_line(const AxisJob<CumulativeSumAttributes>& job, std::size_t line) {
  using Sum = std::conditional_t<std::is_same_v<T, float>, float, std::uint64_t>;
  const T* x = reinterpret_cast<const T*>(job.x.data) + job.lines.x_begin(line);
  T* y = reinterpret_cast<T*>(job.y.data) + job.lines.y_begin(line);
  const std::size_t y_step = job.lines.along ? 1 : job.lines.inner_rows * job.lines.y_pitch;
  const std::size_t count = job.lines.elements();
  Sum sum = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t i = job.attributes.reverse != 0 ? count - 1 - k : k;
    const Sum before = sum;
    sum = sum + static_cast<Sum>(x[at(job.lines, i)]);
    const auto result = static_cast<T>(job.attributes.exclusive != 0 ? before : sum);
    if constexpr (std::is_same_v<T, float>) {
      y[i * y_step] = canonical(result);
    } else {
      y[i * y_step] = result;
    }
  }
}

void cumulative_sum_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const AxisJob<CumulativeSumAttributes>*>(context);
  const RowSplit::Part part = job.split.part(chunk);
  for (std::size_t line = part.row_begin; line < part.row_end; ++line) {
    if (job.x.dtype == DType::kF32) {
      sum_line<float>(job, line);
    } else if (job.x.dtype == DType::kI32) {
      sum_line<std::int32_t>(job, line);
    } else {
      sum_line<std::int64_t>(job, line);
    }
  }
}

}  // namespace

Status check_arg(const Step& step) {
  if (const Status status = check_typed_operands(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  if (x.dtype == DType::kBool || y.dtype != DType::kI64) return Status::kDtypeMismatch;
  ArgAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || attributes.axis >= x.rank ||
      attributes.smallest > 1 || attributes.last > 1) {
    return Status::kBadAttribute;
  }
  TensorView reduced = x;
  reduced.dims[attributes.axis] = 1;
  return same_shape(reduced, y) ? Status::kOk : Status::kShapeMismatch;
}

Status check_cumulative_sum(const Step& step) {
  if (const Status status = check_typed_operands(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  const bool fits = x.dtype == DType::kF32 || x.dtype == DType::kI32 || x.dtype == DType::kI64;
  if (!fits || x.dtype != y.dtype) return Status::kDtypeMismatch;
  CumulativeSumAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || attributes.axis >= x.rank ||
      attributes.exclusive > 1 || attributes.reverse > 1) {
    return Status::kBadAttribute;
  }
  return same_shape(x, y) ? Status::kOk : Status::kShapeMismatch;
}

Status run_arg(const Step& step, const RunContext& context) noexcept {
  auto job = job_of<ArgAttributes>(step, context);
  context.share(arg_chunk, &job, job.split.chunks());
  return Status::kOk;
}

Status run_cumulative_sum(const Step& step, const RunContext& context) noexcept {
  auto job = job_of<CumulativeSumAttributes>(step, context);
  context.share(cumulative_sum_chunk, &job, job.split.chunks());
  return Status::kOk;
}

}  // namespace sz::ops
