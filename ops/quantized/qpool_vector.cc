#include "ops/quantized/qpool.h"
#include "ops/split.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/quantized/qpool_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/quantized/rescale_inl.h"

#ifndef SZ_OPS_QUANTIZED_QPOOL_JOB
#define SZ_OPS_QUANTIZED_QPOOL_JOB
namespace sz::ops {
namespace {

template <typename Pool>
struct QPoolJob {
  const Pool& pool;
  RowSplit split;  // QPool2d: output rows [N * OH] x OW * C. Global: [N] x C.
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// Calls pixel(image, rows, columns, y) for the output pixels of a part.
template <class Pixel>
HWY_INLINE void for_each_pixel(const QPool2d& pool, const RowSplit::Part& part, Pixel pixel) {
  const Pool2d& shape = pool.shape;
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    const std::int8_t* image = pool.x + r / shape.out_h * pool.image_elements();
    const TapRange rows = vertical_taps(shape, r % shape.out_h);
    std::int8_t* y = pool.y + r * shape.out_w * shape.y_pitch;
    for (std::size_t ox = 0; ox < shape.out_w; ++ox, y += shape.y_pitch) {
      pixel(image, rows, horizontal_taps(shape, ox), y);
    }
  }
}

// Calls tap(x) for each tap, x being its channel 0.
template <class Tap>
HWY_INLINE void for_each_tap(const Pool2d& shape, const std::int8_t* image, const TapRange& rows,
                             const TapRange& columns, Tap tap) {
  for (std::size_t ky = rows.first; ky < rows.last; ++ky) {
    const std::int8_t* row = image + rows.position(ky) * shape.in_w * shape.x_pitch;
    for (std::size_t kx = columns.first; kx < columns.last; ++kx) {
      tap(row + columns.position(kx) * shape.x_pitch);
    }
  }
}

// average_of() of kFixedPoint. The quotient of the floats is off by less than 1.
HWY_INLINE Int32V divide_by_count(Int32V sum, std::int32_t count) {
  const Full d;
  const Full32 di;
  const Int32V divisor = hn::Set(di, count);
  const Int32V dividend = hn::Add(hn::Abs(sum), hn::Set(di, count / 2));
  Int32V q =
      hn::ConvertTo(di, hn::Div(hn::ConvertTo(d, dividend), hn::Set(d, static_cast<float>(count))));
  const Int32V rest = hn::Sub(dividend, hn::Mul(q, divisor));
  q = hn::Add(q, hn::IfThenElseZero(hn::Lt(rest, hn::Zero(di)), hn::Set(di, -1)));
  q = hn::Add(q, hn::IfThenZeroElse(hn::Lt(rest, divisor), hn::Set(di, 1)));
  return hn::IfThenElse(hn::Lt(sum, hn::Zero(di)), hn::Neg(q), q);
}

void qpool2d_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const QPoolJob<QPool2d>*>(context);
  const QPool2d& pool = job.pool;
  const QPool2dAttributes& t = pool.attributes;
  const Full d;
  const Full32 di;
  const Bounds bounds(t.y);
  for_each_pixel(
      pool, job.split.part(chunk),
      [&](const std::int8_t* image, const TapRange& rows, const TapRange& columns,
          std::int8_t* y) HWY_ATTR {
        const std::int32_t count = count_of(pool, rows, columns);
        const auto taps =
            static_cast<std::int32_t>((rows.last - rows.first) * (columns.last - columns.first));
        const auto scale = hn::Set(d, t.scale / static_cast<float>(count));
        for_each_full_vector(
            pool.shape.channels,
            [&](std::size_t c) HWY_ATTR {
              Int32V sum = hn::Set(di, -taps * t.x_zero);
              for_each_tap(pool.shape, image, rows, columns, [&](const std::int8_t* x) HWY_ATTR {
                sum = hn::Add(sum, load_bytes(x + c));
              });
              const Int32V q =
                  t.mode == Rescaling::kFloat
                      ? finish_float_vector(hn::Mul(hn::ConvertTo(d, sum), scale), bounds)
                      : finish_fixed_vector(divide_by_count(sum, count), bounds);
              store_bytes(q, y + c);
            },
            [&](std::size_t c) {
              std::int32_t sum = -taps * t.x_zero;
              for_each_tap(pool.shape, image, rows, columns,
                           [&](const std::int8_t* x) { sum += x[c]; });
              y[c] = static_cast<std::int8_t>(average_of(sum, count, t));
            });
      });
}

// The channels [c, c + lanes of D) of one pixel.
template <class D>
HWY_INLINE void max_of_taps(D d, const QPool2d& pool, const std::int8_t* image,
                            const TapRange& rows, const TapRange& columns, std::size_t c,
                            std::int8_t* y) {
  const auto flip = hn::Set(d, static_cast<std::int8_t>(pool.flip));
  auto most = hn::Set(d, static_cast<std::int8_t>(-128));
  for_each_tap(pool.shape, image, rows, columns, [&](const std::int8_t* x) HWY_ATTR {
    most = hn::Max(most, hn::Xor(hn::LoadU(d, x + c), flip));
  });
  hn::StoreU(hn::Xor(most, flip), d, y + c);
}

void max_pool_bytes_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const QPoolJob<QPool2d>*>(context);
  const QPool2d& pool = job.pool;
  const hn::ScalableTag<std::int8_t> full;
  const hn::CappedTag<std::int8_t, 16> sixteen;
  const hn::CappedTag<std::int8_t, 1> one;
  const std::size_t lanes = hn::Lanes(full);
  const std::size_t channels = pool.shape.channels;
  for_each_pixel(
      pool, job.split.part(chunk),
      [&](const std::int8_t* image, const TapRange& rows, const TapRange& columns, std::int8_t* y)
          HWY_ATTR {
            std::size_t c = 0;
            for (; c + lanes <= channels; c += lanes)
              max_of_taps(full, pool, image, rows, columns, c, y);
            for (; c + 16 <= channels; c += 16)
              max_of_taps(sixteen, pool, image, rows, columns, c, y);
            if (c < channels && channels >= 16) {  // the last ones again, with some before them
              max_of_taps(sixteen, pool, image, rows, columns, channels - 16, y);
              return;
            }
            for (; c < channels; ++c) max_of_taps(one, pool, image, rows, columns, c, y);
          });
}

void qglobal_average_pool_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const QPoolJob<QGlobalAveragePool>*>(context);
  const QGlobalAveragePool& pool = job.pool;
  const QGlobalAveragePoolAttributes& t = pool.attributes;
  const RowSplit::Part part = job.split.part(chunk);
  const Full d;
  const Full32 di;
  const Bounds bounds(t.y);
  const Int32V multiplier = hn::Set(di, t.factor.multiplier);
  const Shifts shifts(hn::Set(di, t.factor.shift));
  const auto scale = hn::Set(d, t.factor.scale);
  const std::int32_t start = -static_cast<std::int32_t>(pool.pixels) * t.x_zero;
  for (std::size_t n = part.row_begin; n < part.row_end; ++n) {
    const std::int8_t* image = pool.x + n * pool.pixels * pool.x_pitch + part.column_begin;
    std::int8_t* y = pool.y + n * pool.y_pitch + part.column_begin;
    for_each_full_vector(
        part.columns(),
        [&](std::size_t c) HWY_ATTR {
          Int32V sum = hn::Set(di, start);
          const std::int8_t* x = image + c;
          for (std::size_t p = 0; p < pool.pixels; ++p, x += pool.x_pitch) {
            sum = hn::Add(sum, load_bytes(x));
          }
          const Int32V q =
              t.factor.mode == Rescaling::kFloat
                  ? finish_float_vector(hn::Mul(hn::ConvertTo(d, sum), scale), bounds)
                  : finish_fixed_vector(multiply_fixed_vector(sum, multiplier, shifts), bounds);
          store_bytes(q, y + c);
        },
        [&](std::size_t c) {
          std::int32_t sum = start;
          for (std::size_t p = 0; p < pool.pixels; ++p) sum += image[p * pool.x_pitch + c];
          y[c] = static_cast<std::int8_t>(rescale(sum, t.factor, t.y));
        });
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {
namespace {

RowSplit split_of(const Pool2d& shape, const RunContext& context) {
  return RowSplit(shape.batch * shape.out_h, shape.out_w * shape.channels, false,
                  context.wanted_chunks());
}

}  // namespace

void qpool2d_vector(const QPool2d& pool, const RunContext& context) {
  const ChunkFn chunk = SZ_VECTOR_SELECT(qpool2d_chunk);
  if (chunk == nullptr) return qpool2d_reference(pool);
  QPoolJob<QPool2d> job{pool, split_of(pool.shape, context)};
  context.share(chunk, &job, job.split.chunks());
}

void max_pool_bytes_vector(const QPool2d& pool, const RunContext& context) {
  const ChunkFn chunk = SZ_VECTOR_SELECT(max_pool_bytes_chunk);
  if (chunk == nullptr) return max_pool_bytes_reference(pool);
  QPoolJob<QPool2d> job{pool, split_of(pool.shape, context)};
  context.share(chunk, &job, job.split.chunks());
}

void qglobal_average_pool_vector(const QGlobalAveragePool& pool, const RunContext& context) {
  const ChunkFn chunk = SZ_VECTOR_SELECT(qglobal_average_pool_chunk);
  if (chunk == nullptr) return qglobal_average_pool_reference(pool);
  QPoolJob<QGlobalAveragePool> job{pool, RowSplit(pool.batch, pool.channels, false)};
  // A column costs H * W elements: chunks of a few vectors.
  job.split.rows_per_chunk = 1;
  job.split.columns_per_chunk = pool.channels < 128 ? pool.channels : 128;
  job.split.column_chunks =
      (pool.channels + job.split.columns_per_chunk - 1) / job.split.columns_per_chunk;
  context.share(chunk, &job, job.split.chunks());
}

}  // namespace sz::ops
#endif  // HWY_ONCE
