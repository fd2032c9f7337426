#include "ops/movement/select.h"

#include "ops/movement/check.h"

namespace sz::ops {
namespace {

typedef std::uint8_t Bits8 __attribute__((may_alias));
typedef std::uint32_t Bits32 __attribute__((may_alias));
typedef std::uint64_t Bits64 __attribute__((may_alias));

// The index of element i, counted from the front; -1 where it names none of `depth` places.
std::int64_t place_of(const TensorView& x, std::uint64_t i, std::uint64_t depth) {
  const auto most = static_cast<std::int64_t>(depth);
  std::int64_t index = 0;
  if (x.dtype == DType::kF32) {
    const float value = x.f32()[i];
    if (!(value > -4294967296.0f && value < 4294967296.0f)) return -1;
    index = static_cast<std::int64_t>(value);
  } else if (x.dtype == DType::kI32) {
    index = reinterpret_cast<const std::int32_t*>(x.data)[i];
  } else {
    index = reinterpret_cast<const std::int64_t*>(x.data)[i];
  }
  if (index < -most || index >= most) return -1;
  return index < 0 ? index + most : index;
}

template <typename T>
void one_hot(const TensorView& x, const std::byte* values, const TensorView& y,
             std::uint32_t axis) {
  const T* value = reinterpret_cast<const T*>(values);
  T* to = reinterpret_cast<T*>(y.data);
  const std::uint64_t depth = y.dims[axis];
  std::uint64_t inner = 1;
  for (std::uint32_t i = axis + 1; i < y.rank; ++i) inner *= y.dims[i];
  for (std::uint64_t i = 0, count = y.elements(); i < count; ++i) to[i] = value[0];
  for (std::uint64_t i = 0, count = x.elements(); i < count; ++i) {
    const std::int64_t place = place_of(x, i, depth);
    if (place < 0) continue;
    to[(i / inner * depth + static_cast<std::uint64_t>(place)) * inner + i % inner] = value[1];
  }
}

struct TriangleJob {
  const TensorView& x;
  const TensorView& y;
  TriangleAttributes attributes;
  std::uint64_t rows_per_chunk;
};

void triangle_row(const TriangleJob& job, std::uint64_t r) {
  const std::size_t element = dtype_bytes(job.x.dtype);
  const std::int64_t width = job.x.inner();
  const auto row = static_cast<std::int64_t>(r % job.x.dims[job.x.rank - 2u]);
  // Columns [0, edge) are below the diagonal, or on it if the lower triangle is kept.
  std::int64_t edge = row + job.attributes.diagonal + (job.attributes.upper != 0 ? 0 : 1);
  edge = edge < 0 ? 0 : edge > width ? width : edge;
  const std::int64_t begin = job.attributes.upper != 0 ? edge : 0;
  const std::int64_t end = job.attributes.upper != 0 ? width : edge;
  const std::byte* x = job.x.data + r * job.x.pitch * element;
  std::byte* y = job.y.data + r * job.y.pitch * element;
  fill_bytes(y, 0, static_cast<std::size_t>(begin) * element);
  if (y != x) {
    copy_bytes(y + static_cast<std::size_t>(begin) * element,
               x + static_cast<std::size_t>(begin) * element,
               static_cast<std::size_t>(end - begin) * element);
  }
  fill_bytes(y + static_cast<std::size_t>(end) * element, 0,
             static_cast<std::size_t>(width - end) * element);
}

void triangle_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const TriangleJob*>(context);
  const std::uint64_t begin = chunk * job.rows_per_chunk;
  const std::uint64_t rows = job.x.rows();
  for (std::uint64_t r = begin; r < rows && r < begin + job.rows_per_chunk; ++r) {
    triangle_row(job, r);
  }
}

}  // namespace

Status check_one_hot(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& values = *step.inputs[1];
  const TensorView& y = *step.outputs[0];
  if ((!is_index_type(x.dtype) && x.dtype != DType::kF32) || values.dtype != y.dtype) {
    return Status::kDtypeMismatch;
  }
  OneHotAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || attributes.axis >= y.rank) {
    return Status::kBadAttribute;
  }
  if (y.rank != x.rank + 1u || values.elements() != 2 || !x.dense() || !values.dense() ||
      !y.dense()) {
    return Status::kShapeMismatch;
  }
  for (std::uint32_t i = 0; i < x.rank; ++i) {
    if (x.dims[i] != y.dims[i < attributes.axis ? i : i + 1]) return Status::kShapeMismatch;
  }
  return Status::kOk;
}

Status run_one_hot(const Step& step, const RunContext&) noexcept {
  OneHotAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  const TensorView& x = *step.inputs[0];
  const std::byte* values = step.inputs[1]->data;
  const TensorView& y = *step.outputs[0];
  switch (dtype_bytes(y.dtype)) {
    case 1:
      one_hot<Bits8>(x, values, y, attributes.axis);
      break;
    case 4:
      one_hot<Bits32>(x, values, y, attributes.axis);
      break;
    default:
      one_hot<Bits64>(x, values, y, attributes.axis);
      break;
  }
  return Status::kOk;
}

Status check_triangle(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  if (x.dtype != step.outputs[0]->dtype) return Status::kDtypeMismatch;
  TriangleAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || attributes.upper > 1) {
    return Status::kBadAttribute;
  }
  return x.rank >= 2 && same_shape(x, *step.outputs[0]) ? Status::kOk : Status::kShapeMismatch;
}

Status run_triangle(const Step& step, const RunContext& context) noexcept {
  TriangleJob job{*step.inputs[0], *step.outputs[0], {}, 1};
  (void)read_attributes(step.attributes, &job.attributes);  // checked before
  const std::uint64_t rows = job.x.rows();
  const std::uint64_t wanted = step.kernel == Kernel::kReference ? 1 : context.wanted_chunks();
  job.rows_per_chunk = (rows + wanted - 1) / wanted;
  context.share(triangle_chunk, &job, (rows + job.rows_per_chunk - 1) / job.rows_per_chunk);
  return Status::kOk;
}

}  // namespace sz::ops
