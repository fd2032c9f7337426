// Scatter is not shared out: two updates may go to one place, and their order counts.
#include <type_traits>

#include "ops/movement/indexed_walk.h"
#include "ops/rules.h"

namespace sz::ops {
namespace {

// What becomes of an element and an update. Sums and products of integers wrap.
float combined(Reduction reduction, float there, float update) {
  switch (reduction) {
    case Reduction::kAdd:
      return canonical(there + update);
    case Reduction::kMul:
      return canonical(there * update);
    case Reduction::kMax:
      return canonical(maximum(there, update));
    default:
      return canonical(update < there || update != update ? update : there);
  }
}
std::int64_t combined(Reduction reduction, std::int64_t there, std::int64_t update) {
  const auto a = static_cast<std::uint64_t>(there);
  const auto b = static_cast<std::uint64_t>(update);
  switch (reduction) {
    case Reduction::kAdd:
      return static_cast<std::int64_t>(a + b);
    case Reduction::kMul:
      return static_cast<std::int64_t>(a * b);
    case Reduction::kMax:
      return update > there ? update : there;
    default:
      return update < there ? update : there;
  }
}

template <typename T>
void combine_blocks(const Indexed& indexed, std::byte* to, const std::byte* from) {
  const auto reduction = static_cast<Reduction>(indexed.a.head.reduction);
  using Wide = std::conditional_t<std::is_same_v<T, float>, float, std::int64_t>;
  T* y = reinterpret_cast<T*>(to);
  const T* update = reinterpret_cast<const T*>(from);
  IndexedWalk walk(indexed, 0);
  for (std::uint64_t i = 0; i < indexed.blocks; ++i, walk.next()) {
    T* block = y + walk.place();
    for (std::uint32_t j = 0; j < indexed.a.head.block; ++j, ++update) {
      block[j] = static_cast<T>(combined(reduction, Wide{block[j]}, Wide{*update}));
    }
  }
}

void combine(const Indexed& indexed, DType type, std::byte* y, const std::byte* updates) {
  switch (type) {
    case DType::kF32:
      return combine_blocks<float>(indexed, y, updates);
    case DType::kI32:
      return combine_blocks<std::int32_t>(indexed, y, updates);
    default:
      return combine_blocks<std::int64_t>(indexed, y, updates);
  }
}

void replace_blocks(const Indexed& indexed, std::size_t element, std::byte* y,
                    const std::byte* updates) {
  const std::size_t bytes = indexed.a.head.block * element;
  IndexedWalk walk(indexed, 0);
  for (std::uint64_t i = 0; i < indexed.blocks; ++i, walk.next()) {
    copy_bytes(y + walk.place() * element, updates + i * bytes, bytes);
  }
}

}  // namespace

Status check_scatter(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  if (step.inputs[2]->dtype != x.dtype || y.dtype != x.dtype ||
      !is_index_type(step.inputs[1]->dtype)) {
    return Status::kDtypeMismatch;
  }
  IndexedHead head;
  if (step.attributes.size() < kAttributeWords<IndexedHead>) return Status::kBadAttribute;
  read_structs(step.attributes, 0, &head, 1);
  if (head.reduction > static_cast<std::uint32_t>(Reduction::kMin)) return Status::kBadAttribute;
  const bool number = x.dtype == DType::kF32 || x.dtype == DType::kI32 || x.dtype == DType::kI64;
  if (head.reduction != 0 && !number) return Status::kDtypeMismatch;
  if (!same_shape(x, y) || !x.dense()) return Status::kShapeMismatch;
  return check_walk(step, *step.inputs[2], y);
}

Status run_scatter(const Step& step, const RunContext&) noexcept {
  const Indexed indexed = unpack_indexed(step);
  if (!indexed.in_range()) return Status::kIndexOutOfRange;
  const TensorView& x = *step.inputs[0];
  const std::size_t element = dtype_bytes(x.dtype);
  std::byte* y = step.outputs[0]->data;
  const std::byte* updates = step.inputs[2]->data;
  if (!runs_in_place(step)) copy_bytes(y, x.data, x.elements() * element);
  if (static_cast<Reduction>(indexed.a.head.reduction) == Reduction::kNone) {
    replace_blocks(indexed, element, y, updates);
  } else {
    combine(indexed, x.dtype, y, updates);
  }
  return Status::kOk;
}

}  // namespace sz::ops
