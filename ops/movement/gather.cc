#include "ops/movement/indexed_walk.h"
#include "ops/split.h"

namespace sz::ops {
namespace {

struct GatherJob {
  const Indexed& indexed;
  const std::byte* x;
  std::byte* y;
  std::size_t element;
  std::size_t blocks_per_chunk;
};

typedef std::uint8_t Bits8 __attribute__((may_alias));
typedef std::uint32_t Bits32 __attribute__((may_alias));
typedef std::uint64_t Bits64 __attribute__((may_alias));

// T has the bytes of a block, where blocks are single elements.
template <typename T>
void gather_elements(const GatherJob& job, std::uint64_t begin, std::uint64_t end) {
  const T* x = reinterpret_cast<const T*>(job.x);
  T* y = reinterpret_cast<T*>(job.y);
  IndexedWalk walk(job.indexed, begin);
  for (std::uint64_t i = begin; i < end; ++i, walk.next()) y[i] = x[walk.place()];
}

void gather_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const GatherJob*>(context);
  const std::uint64_t begin = std::uint64_t{chunk} * job.blocks_per_chunk;
  const std::uint64_t most = begin + job.blocks_per_chunk;
  const std::uint64_t end = most < job.indexed.blocks ? most : job.indexed.blocks;
  const std::size_t bytes = job.indexed.a.head.block * job.element;
  if (bytes == 1) return gather_elements<Bits8>(job, begin, end);
  if (bytes == 4 && job.element == 4) return gather_elements<Bits32>(job, begin, end);
  if (bytes == 8 && job.element == 8) return gather_elements<Bits64>(job, begin, end);
  IndexedWalk walk(job.indexed, begin);
  for (std::uint64_t i = begin; i < end; ++i, walk.next()) {
    copy_bytes(job.y + i * bytes, job.x + walk.place() * job.element, bytes);
  }
}

void gather_reference(const GatherJob& job) {
  const std::size_t bytes = job.indexed.a.head.block * job.element;
  for (std::uint64_t i = 0; i < job.indexed.blocks; ++i) {
    const std::byte* x = job.x + IndexedWalk(job.indexed, i).place() * job.element;
    for (std::size_t b = 0; b < bytes; ++b) job.y[i * bytes + b] = x[b];
  }
}

}  // namespace

Status check_gather(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  if (x.dtype != y.dtype || !is_index_type(step.inputs[1]->dtype)) return Status::kDtypeMismatch;
  IndexedHead head;
  if (step.attributes.size() < kAttributeWords<IndexedHead>) return Status::kBadAttribute;
  read_structs(step.attributes, 0, &head, 1);
  if (head.reduction != 0) return Status::kBadAttribute;
  return check_walk(step, y, x);
}

Status run_gather(const Step& step, const RunContext& context) noexcept {
  const Indexed indexed = unpack_indexed(step);
  if (!indexed.in_range()) return Status::kIndexOutOfRange;
  const TensorView& x = *step.inputs[0];
  GatherJob job{indexed, x.data, step.outputs[0]->data, dtype_bytes(x.dtype), 1};
  if (step.kernel == Kernel::kReference) {
    gather_reference(job);
    return Status::kOk;
  }
  const RowSplit split(indexed.blocks, indexed.a.head.block, false, context.wanted_chunks());
  job.blocks_per_chunk = split.rows_per_chunk;
  context.share(gather_chunk, &job, split.chunks());
  return Status::kOk;
}

}  // namespace sz::ops
