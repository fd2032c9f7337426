#include "ops/pool/pool.h"
#include "ops/split.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/pool/vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/vector_inl.h"

#ifndef SZ_OPS_POOL_JOB
#define SZ_OPS_POOL_JOB
namespace sz::ops {
namespace {

struct PoolJob {
  const Pool2d& pool;
  RowSplit split;  // Pool2d: output rows [N * OH] x OW * C. Global: [N] x C.
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// `kVectors` vectors of one output pixel, from channel `c` on.
template <bool kMax, std::size_t kVectors, class D>
HWY_INLINE void pool_vectors(D d, const Pool2d& pool, const float* image, const TapRange& rows,
                             const TapRange& columns, float divisor, std::size_t c, float* y) {
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<D> results[kVectors];
  HWY_UNROLL(4) for (auto& result : results) result = hn::Set(d, kMax ? -__builtin_inff() : 0.0f);
  for (std::size_t ky = rows.first; ky < rows.last; ++ky) {
    const float* row = image + rows.position(ky) * pool.in_w * pool.x_pitch + c;
    for (std::size_t kx = columns.first; kx < columns.last; ++kx) {
      const float* tap = row + columns.position(kx) * pool.x_pitch;
      HWY_UNROLL(4) for (std::size_t j = 0; j < kVectors; ++j) {
        const auto value = hn::LoadU(d, tap + j * lanes);
        results[j] = kMax ? maximum_vector(results[j], value) : hn::Add(results[j], value);
      }
    }
  }
  HWY_UNROLL(4) for (std::size_t j = 0; j < kVectors; ++j) {
    if (!kMax) results[j] = hn::Div(results[j], hn::Set(d, divisor));
    hn::StoreU(canonical_vector(d, results[j]), d, y + c + j * lanes);
  }
}

// One output pixel. `image` is the first pixel of the image, `y` the output pixel.
template <bool kMax>
HWY_INLINE void pool_pixel(const Pool2d& pool, const float* image, const TapRange& rows,
                           const TapRange& columns, float* y) {
  const float divisor = average_divisor(pool, rows, columns);
  std::size_t c = 0;
  for (; c + 4 * kLanes <= pool.channels; c += 4 * kLanes) {
    pool_vectors<kMax, 4>(Full(), pool, image, rows, columns, divisor, c, y);
  }
  for_each_vector(pool.channels - c, [&](auto d, std::size_t more) HWY_ATTR {
    pool_vectors<kMax, 1>(d, pool, image, rows, columns, divisor, c + more, y);
  });
}

void pool_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const PoolJob*>(context);
  const Pool2d& pool = job.pool;
  const RowSplit::Part part = job.split.part(chunk);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    const float* image = pool.x + r / pool.out_h * pool.in_h * pool.in_w * pool.x_pitch;
    const TapRange rows = vertical_taps(pool, r % pool.out_h);
    float* y = pool.y + r * pool.out_w * pool.y_pitch;
    for (std::size_t ox = 0; ox < pool.out_w; ++ox, y += pool.y_pitch) {
      const TapRange columns = horizontal_taps(pool, ox);
      if (pool.attributes.kind == PoolKind::kMax) {
        pool_pixel<true>(pool, image, rows, columns, y);
      } else {
        pool_pixel<false>(pool, image, rows, columns, y);
      }
    }
  }
}

void global_average_pool_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const PoolJob*>(context);
  const Pool2d& pool = job.pool;
  const RowSplit::Part part = job.split.part(chunk);
  const auto divisor = static_cast<float>(pool.in_h * pool.in_w);
  for (std::size_t n = part.row_begin; n < part.row_end; ++n) {
    const float* image = pool.x + n * pool.in_h * pool.in_w * pool.x_pitch + part.column_begin;
    float* y = pool.y + n * pool.y_pitch + part.column_begin;
    for_each_vector(part.columns(), [&](auto d, std::size_t c) HWY_ATTR {
      auto total = hn::Zero(d);
      const float* x = image + c;
      for (std::size_t h = 0; h < pool.in_h; ++h) {
        auto sum = hn::Zero(d);
        for (std::size_t w = 0; w < pool.in_w; ++w, x += pool.x_pitch) {
          sum = hn::Add(sum, hn::LoadU(d, x));
        }
        total = hn::Add(total, sum);
      }
      hn::StoreU(canonical_vector(d, hn::Div(total, hn::Set(d, divisor))), d, y + c);
    });
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

void pool2d_vector(const Pool2d& pool, const RunContext& context) {
  PoolJob job{pool, RowSplit(pool.batch * pool.out_h, pool.out_w * pool.channels, false,
                             context.wanted_chunks())};
  const ChunkFn chunk = SZ_VECTOR_SELECT(pool_chunk);
  if (chunk == nullptr) {
    pool2d_reference(pool);
    return;
  }
  context.share(chunk, &job, job.split.chunks());
}

void global_average_pool_vector(const Pool2d& pool, const RunContext& context) {
  PoolJob job{pool, RowSplit(pool.batch, pool.channels, false)};
  // A column costs H * W elements: chunks of a few vectors.
  job.split.rows_per_chunk = 1;
  job.split.columns_per_chunk = pool.channels < 128 ? pool.channels : 128;
  job.split.column_chunks =
      (pool.channels + job.split.columns_per_chunk - 1) / job.split.columns_per_chunk;
  const ChunkFn chunk = SZ_VECTOR_SELECT(global_average_pool_chunk);
  if (chunk == nullptr) {
    global_average_pool_reference(pool);
    return;
  }
  context.share(chunk, &job, job.split.chunks());
}

}  // namespace sz::ops
#endif  // HWY_ONCE
