#include "ops/reduction/reduction.h"

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/split.h"

namespace sz::ops {
namespace {

// y has the dimensions of x, but 1 in [begin, end).
bool is_reduced(const TensorView& x, const TensorView& y, std::uint32_t begin, std::uint32_t end) {
  if (x.rank != y.rank) return false;
  for (std::uint32_t i = 0; i < x.rank; ++i) {
    if (y.dims[i] != (i >= begin && i < end ? 1 : x.dims[i])) return false;
  }
  return true;
}

bool takes(ReduceKind kind, DType type) {
  switch (kind) {
    case ReduceKind::kMax:
    case ReduceKind::kMin:
      return true;
    case ReduceKind::kSum:
    case ReduceKind::kProd:
      return type == DType::kF32 || type == DType::kI32 || type == DType::kI64;
    default:
      return type == DType::kF32;
  }
}

struct IntegerJob {
  const TensorView& x;
  const TensorView& y;
  Lines lines;
  ReduceKind kind;
  RowSplit split;
};

std::int64_t join(ReduceKind kind, std::int64_t a, std::int64_t b) {
  if (kind == ReduceKind::kMax) return b > a ? b : a;
  if (kind == ReduceKind::kMin) return b < a ? b : a;
  const auto x = static_cast<std::uint64_t>(a);
  const auto y = static_cast<std::uint64_t>(b);
  return static_cast<std::int64_t>(kind == ReduceKind::kProd ? x * y : x + y);
}

// Begins with the first element: no kind needs a neutral one.
std::int64_t reduce_line(const IntegerJob& job, std::size_t line) {
  const std::size_t begin = job.lines.x_begin(line);
  std::int64_t result = load_integer(job.x.dtype, job.x.data, begin);
  for (std::size_t r = 0; r < job.lines.rows; ++r) {
    for (std::size_t c = r == 0 ? 1 : 0; c < job.lines.columns; ++c) {
      const std::size_t at = begin + r * job.lines.row_step + c;
      result = join(job.kind, result, load_integer(job.x.dtype, job.x.data, at));
    }
  }
  return result;
}

void integer_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const IntegerJob*>(context);
  const RowSplit::Part part = job.split.part(chunk);
  for (std::size_t line = part.row_begin; line < part.row_end; ++line) {
    store_integer(job.y.dtype, job.y.data, job.lines.y_begin(line), reduce_line(job, line));
  }
}

}  // namespace

Lines::Lines(const TensorView& x, const TensorView& y, std::uint32_t begin, std::uint32_t end)
    : along(end == x.rank), x_pitch(x.pitch), y_pitch(y.pitch) {
  std::size_t outer = 1;
  for (std::uint32_t i = 0; i < begin; ++i) outer *= x.dims[i];
  for (std::uint32_t i = begin; i < end; ++i) {
    if (i + 1 == x.rank) {
      columns = x.dims[i];
    } else {
      rows *= x.dims[i];
      y_rows *= y.dims[i];
    }
  }
  for (std::uint32_t i = end; i < x.rank; ++i) {
    (i + 1 == x.rank ? inner_columns : inner_rows) *= x.dims[i];
  }
  count = outer * inner_rows * inner_columns;
  row_step = (along ? 1 : inner_rows) * x_pitch;
}

Status check_reduce(const Step& step) {
  if (const Status status = check_typed_operands(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  if (x.dtype != y.dtype) return Status::kDtypeMismatch;
  ReduceAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || attributes.kind > ReduceKind::kSumSquare ||
      attributes.begin >= attributes.end || attributes.end > x.rank) {
    return Status::kBadAttribute;
  }
  const float divisor = attributes.divisor;
  const bool mean = attributes.kind == ReduceKind::kMean;
  if (mean ? !(divisor > 0 && divisor < __builtin_inff()) : divisor != 1) {
    return Status::kBadAttribute;
  }
  if (!takes(attributes.kind, x.dtype)) return Status::kDtypeMismatch;
  return is_reduced(x, y, attributes.begin, attributes.end) ? Status::kOk : Status::kShapeMismatch;
}

std::uint64_t reduce_cost(const Step& step) { return step.inputs[0]->elements() * 4; }

Status run_reduce(const Step& step, const RunContext& context) noexcept {
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  ReduceAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  const Lines lines(x, y, attributes.begin, attributes.end);
  if (x.dtype != DType::kF32) {
    IntegerJob job{x, y, lines, attributes.kind,
                   RowSplit(lines.count, lines.elements(), false, context.wanted_chunks())};
    context.share(integer_chunk, &job, job.split.chunks());
    return Status::kOk;
  }
  const Reduce reduce{x.f32(), y.mutable_f32(), lines, attributes.kind, attributes.divisor};
  if (step.kernel == Kernel::kReference) {
    reduce_reference(reduce);
  } else {
    reduce_vector(reduce, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
