#include "ops/movement/check.h"
#include "ops/movement/select.h"
#include "ops/split.h"

namespace sz::ops {
namespace {

struct TopK {
  const std::byte* x = nullptr;
  std::int64_t* y = nullptr;
  std::size_t size = 1;  // along the axis
  std::size_t k = 1;
  std::size_t inner = 1;  // elements from one to the next along the axis
  std::size_t rows = 1;
  bool largest = true;
  const RunContext* context = nullptr;
  RowSplit split{1, 1, false};
};

template <typename T>
bool above(T a, T b) {
  return a > b || (a != a && b == b);
}

// One row: elements `step` apart.
template <typename T>
struct Row {
  const T* x;
  std::size_t step;
  bool largest;

  // Element i is wanted before element j.
  bool better(std::uint32_t i, std::uint32_t j) const {
    const T a = x[i * step];
    const T b = x[j * step];
    if (largest ? above(a, b) : above(b, a)) return true;
    if (largest ? above(b, a) : above(a, b)) return false;
    return i < j;
  }
};

// Puts `place` at the root of a heap whose root is the worst of all.
template <typename T>
[[gnu::noinline]] void sift(const Row<T>& row, std::uint32_t* heap, std::size_t size,
                            std::size_t at, std::uint32_t place) {
  for (std::size_t child = 2 * at + 1; child < size; child = 2 * at + 1) {
    if (child + 1 < size && row.better(heap[child], heap[child + 1])) ++child;
    if (!row.better(place, heap[child])) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = place;
}

template <typename T>
void select_row(const TopK& top, const Row<T>& row, std::uint32_t* heap, std::int64_t* y) {
  const std::size_t k = top.k;
  for (std::size_t i = 0; i < k; ++i) heap[i] = static_cast<std::uint32_t>(i);
  for (std::size_t i = k / 2; i-- > 0;) sift(row, heap, k, i, heap[i]);
  for (std::size_t i = k; i < top.size; ++i) {
    const auto place = static_cast<std::uint32_t>(i);
    if (row.better(place, heap[0])) sift(row, heap, k, 0, place);
  }
  for (std::size_t left = k; left-- > 0;) {  // the worst goes last
    y[left * top.inner] = heap[0];
    const std::uint32_t last = heap[left];
    sift(row, heap, left, 0, last);
  }
}

// Element by element: its rank is the number of better ones.
template <typename T>
void rank_row(const TopK& top, const Row<T>& row, std::int64_t* y) {
  for (std::uint32_t i = 0; i < top.size; ++i) {
    std::size_t rank = 0;
    for (std::uint32_t j = 0; j < top.size; ++j) rank += row.better(j, i) ? 1u : 0u;
    if (rank < top.k) y[rank * top.inner] = i;
  }
}

template <typename T, bool reference>
void top_k_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  const auto& top = *static_cast<const TopK*>(context);
  const RowSplit::Part part = top.split.part(chunk);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    const std::size_t outer = r / top.inner;
    const std::size_t at = r % top.inner;
    const T* x = reinterpret_cast<const T*>(top.x) + outer * top.size * top.inner + at;
    std::int64_t* y = top.y + outer * top.k * top.inner + at;
    const Row<T> row{x, top.inner, top.largest};
    if constexpr (reference) {
      rank_row(top, row, y);
    } else {
      select_row(top, row, reinterpret_cast<std::uint32_t*>(top.context->scratch_of(worker)), y);
    }
  }
}

template <typename T>
ChunkFn chunk_of(Kernel kernel) {
  return kernel == Kernel::kReference ? top_k_chunk<T, true> : top_k_chunk<T, false>;
}

ChunkFn chunk_of(DType type, Kernel kernel) {
  switch (type) {
    case DType::kF32:
      return chunk_of<float>(kernel);
    case DType::kI32:
      return chunk_of<std::int32_t>(kernel);
    case DType::kI64:
      return chunk_of<std::int64_t>(kernel);
    case DType::kI8:
      return chunk_of<std::int8_t>(kernel);
    default:
      return chunk_of<std::uint8_t>(kernel);
  }
}

}  // namespace

Status check_top_k(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  if (y.dtype != DType::kI64 || x.dtype == DType::kBool) return Status::kDtypeMismatch;
  TopKAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || attributes.largest > 1) {
    return Status::kBadAttribute;
  }
  if (attributes.axis >= x.rank) return Status::kBadAttribute;
  if (x.rank != y.rank || !x.dense() || !y.dense()) return Status::kShapeMismatch;
  for (std::uint32_t i = 0; i < x.rank; ++i) {
    const bool fits = i == attributes.axis ? y.dims[i] <= x.dims[i] : y.dims[i] == x.dims[i];
    if (!fits) return Status::kShapeMismatch;
  }
  return Status::kOk;
}

std::uint64_t top_k_scratch(const Step& step) {
  TopKAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  return std::uint64_t{step.outputs[0]->dims[attributes.axis]} * sizeof(std::uint32_t);
}

std::uint64_t top_k_cost(const Step& step) {
  return (step.inputs[0]->elements() + step.outputs[0]->elements()) * 8;
}

Status run_top_k(const Step& step, const RunContext& context) noexcept {
  TopKAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  const TensorView& x = *step.inputs[0];
  TopK top;
  top.x = x.data;
  top.y = reinterpret_cast<std::int64_t*>(step.outputs[0]->data);
  top.size = x.dims[attributes.axis];
  top.k = step.outputs[0]->dims[attributes.axis];
  for (std::uint32_t i = attributes.axis + 1; i < x.rank; ++i) top.inner *= x.dims[i];
  top.rows = x.elements() / top.size;
  top.largest = attributes.largest != 0;
  top.context = &context;
  top.split = RowSplit(top.rows, top.size, false, context.wanted_chunks());
  context.share(chunk_of(x.dtype, step.kernel), &top, top.split.chunks());
  return Status::kOk;
}

}  // namespace sz::ops
