#include "ops/transformer/cache.h"

namespace sz::ops {

Status check_cache(const CacheAttributes& cache) {
  const bool format = cache.format == BlockFormat::kF32 || cache.format == BlockFormat::kF16 ||
                      cache.format == BlockFormat::kQ8_0;
  const std::uint32_t step = cache.format == BlockFormat::kQ8_0 ? 8 : 4;
  const bool head = cache.head >= step && cache.head <= kMaxHead && cache.head % step == 0;
  const bool heads = cache.kv_heads >= 1 && cache.heads >= 1 && cache.heads <= kMaxHeads &&
                     cache.heads % cache.kv_heads == 0;
  const bool context = cache.context >= 1 && cache.context <= kMaxContext;
  return format && head && heads && context ? Status::kOk : Status::kBadAttribute;
}

bool is_cache(const TensorView& view, const CacheAttributes& cache, bool keys) {
  return view.rank == 2 && view.dense() && view.dims[0] == cache.kv_heads &&
         view.dims[1] == cache_head_bytes(cache.format, keys, cache.context, cache.head);
}

bool is_rows(const TensorView& view, std::uint64_t columns) {
  return view.rank == 2 && view.dense() && view.dims[1] == columns;
}

bool rows_in_use(const RunContext& context, std::uint64_t rows, const CacheAttributes& cache,
                 std::size_t* count) {
  *count = static_cast<std::size_t>(rows < context.rows ? rows : context.rows);
  return std::uint64_t{context.position} + *count <= cache.context;
}

}  // namespace sz::ops
