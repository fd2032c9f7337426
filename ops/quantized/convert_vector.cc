#include "ops/quantized/check.h"
#include "ops/quantized/convert.h"
#include "ops/split.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/quantized/convert_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/quantized/rescale_inl.h"

#ifndef SZ_OPS_QUANTIZED_CONVERT_JOB
#define SZ_OPS_QUANTIZED_CONVERT_JOB
namespace sz::ops {
namespace {

template <typename Operation>
struct ConvertJob {
  const Operation& operation;
  RowSplit split;
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// quantize() of ops/quantized/rescale.h for a vector at x.
HWY_INLINE void quantize_at(const float* x, hn::Vec<Full> scale, const Bounds& bounds,
                            std::uint32_t flip, std::byte* y) {
  const Full d;
  auto value = hn::Div(hn::LoadU(d, x), scale);
  value = hn::IfThenElseZero(hn::Eq(value, value), value);
  const Int32V q = finish_float_vector(value, bounds);
  const hn::Rebind<std::int8_t, Full32> bytes;
  const auto flips = hn::Set(bytes, static_cast<std::int8_t>(flip));
  hn::StoreU(hn::Xor(hn::DemoteTo(bytes, q), flips), bytes, reinterpret_cast<std::int8_t*>(y));
}

void quantize_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const ConvertJob<Quantize>*>(context);
  const Quantize& quantize = job.operation;
  const RowSplit::Part part = job.split.part(chunk);
  const Full d;
  const Full32 di;
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    const auto* x = reinterpret_cast<const float*>(quantize.rows.x + r * quantize.rows.x_pitch) +
                    part.column_begin;
    std::byte* y = quantize.rows.y + r * quantize.rows.y_pitch + part.column_begin;
    const auto scalar = [&](std::size_t i) HWY_ATTR {
      const std::size_t column = part.column_begin + i;
      const auto q = ops::quantize(x[i], quantize.scale_of(column), quantize.output_of(column));
      y[i] = static_cast<std::byte>(static_cast<std::uint32_t>(q) ^ quantize.flip);
    };
    Bounds bounds(quantize.y);
    if (quantize.scales == nullptr) {
      const auto scale = hn::Set(d, quantize.scale);
      for_each_full_vector(
          part.columns(),
          [&](std::size_t i) HWY_ATTR { quantize_at(x + i, scale, bounds, quantize.flip, y + i); },
          scalar);
      continue;
    }
    const auto offset = hn::Set(di, quantize.offset);
    const auto least = hn::Set(di, -128);
    const auto greatest = hn::Set(di, 127);
    for_each_full_vector(
        part.columns(),
        [&](std::size_t i) HWY_ATTR {
          const std::size_t column = part.column_begin + i;
          const auto zero = hn::LoadU(di, quantize.zeroes + column);
          const auto clamped =
              hn::Min(hn::Max(zero, hn::Add(least, offset)), hn::Add(greatest, offset));
          bounds.zero = hn::Sub(clamped, offset);
          bounds.low = hn::Sub(least, bounds.zero);
          bounds.high = hn::Sub(greatest, bounds.zero);
          quantize_at(x + i, hn::LoadU(d, quantize.scales + column), bounds, quantize.flip, y + i);
        },
        scalar);
  }
}

// Vectors of one row: `load(i)` gives the i32 at i, `scalar(i)` does one element.
template <class Load, class Scalar>
HWY_INLINE void dequantize_row(const Dequantize& dequantize, std::size_t begin, std::size_t count,
                               float* y, Load load, Scalar scalar) {
  const Full d;
  const Full32 di;
  const bool one = dequantize.scales == nullptr;
  const auto scale = hn::Set(d, dequantize.scale);
  const auto zero = hn::Set(di, dequantize.zero);
  for_each_full_vector(
      count,
      [&](std::size_t i) HWY_ATTR {
        const auto s = one ? scale : hn::LoadU(d, dequantize.scales + begin + i);
        const auto z = one ? zero : hn::LoadU(di, dequantize.zeroes + begin + i);
        hn::StoreU(hn::Mul(hn::ConvertTo(d, hn::Sub(load(i), z)), s), d, y + i);
      },
      scalar);
}

void dequantize_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const ConvertJob<Dequantize>*>(context);
  const Dequantize& dequantize = job.operation;
  const RowSplit::Part part = job.split.part(chunk);
  const std::size_t begin = part.column_begin;
  const auto flips = hn::Set(hn::Rebind<std::int8_t, Full32>(),
                             static_cast<std::int8_t>(flip_of(dequantize.type)));
  const auto offset = hn::Set(Full32(), offset_of(dequantize.type));
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    const std::byte* row = dequantize.rows.x + r * dequantize.rows.x_pitch;
    auto* y = reinterpret_cast<float*>(dequantize.rows.y + r * dequantize.rows.y_pitch) + begin;
    const auto put = [&](std::size_t i, std::int32_t value) HWY_ATTR {
      y[i] = ops::dequantize(value, dequantize.scale_of(begin + i), dequantize.zero_of(begin + i));
    };
    if (dequantize.type == DType::kI32) {
      const auto* x = reinterpret_cast<const std::int32_t*>(row) + begin;
      dequantize_row(
          dequantize, begin, part.columns(), y,
          [&](std::size_t i) HWY_ATTR { return hn::LoadU(Full32(), x + i); },
          [&](std::size_t i) HWY_ATTR { put(i, x[i]); });
      continue;
    }
    const auto* x = reinterpret_cast<const std::int8_t*>(row) + begin;
    dequantize_row(
        dequantize, begin, part.columns(), y,
        [&](std::size_t i) HWY_ATTR {
          const hn::Rebind<std::int8_t, Full32> bytes;
          const auto flipped = hn::Xor(hn::LoadU(bytes, x + i), flips);
          return hn::Add(hn::PromoteTo(Full32(), flipped), offset);
        },
        [&](std::size_t i) HWY_ATTR { put(i, value_of(x[i], dequantize.type)); });
  }
}

// Whether the table does no more than to flip the top bit.
bool only_flips(const std::uint8_t* table) {
  for (std::uint32_t i = 0; i < 256; ++i) {
    if (table[i] != (i ^ 0x80u)) return false;
  }
  return true;
}

HWY_INLINE void flip_row(const std::uint8_t* x, std::uint8_t* y, std::size_t count) {
  const hn::ScalableTag<std::uint8_t> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto flips = hn::Set(d, 0x80);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::Xor(hn::LoadU(d, x + i), flips), d, y + i);
  }
  for (; i < count; ++i) y[i] = static_cast<std::uint8_t>(x[i] ^ 0x80u);
}

#if HWY_TARGET == HWY_NEON
// 64 entries from entry 64 * `quarter` on; 0 for other indices.
HWY_INLINE uint8x16_t lookup_quarter(const std::uint8_t* table, int quarter, uint8x16_t index) {
  const uint8x16x4_t entries = vld1q_u8_x4(table + 64 * quarter);
  return vqtbl4q_u8(entries, vsubq_u8(index, vdupq_n_u8(static_cast<std::uint8_t>(64 * quarter))));
}
#endif

HWY_INLINE void lookup_row(const std::uint8_t* table, const std::uint8_t* x, std::uint8_t* y,
                           std::size_t count) {
  std::size_t i = 0;
#if HWY_TARGET == HWY_NEON
  for (; i + 16 <= count; i += 16) {
    const uint8x16_t index = vld1q_u8(x + i);
    const uint8x16_t low =
        vorrq_u8(lookup_quarter(table, 0, index), lookup_quarter(table, 1, index));
    const uint8x16_t high =
        vorrq_u8(lookup_quarter(table, 2, index), lookup_quarter(table, 3, index));
    vst1q_u8(y + i, vorrq_u8(low, high));
  }
#endif
  for (; i < count; ++i) y[i] = table[x[i]];
}

void lookup_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const ConvertJob<Lookup>*>(context);
  const Lookup& lookup = job.operation;
  const RowSplit::Part part = job.split.part(chunk);
  const bool flips = only_flips(lookup.table);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    const auto* x = reinterpret_cast<const std::uint8_t*>(lookup.rows.x) + r * lookup.rows.x_pitch +
                    part.column_begin;
    auto* y = reinterpret_cast<std::uint8_t*>(lookup.rows.y) + r * lookup.rows.y_pitch +
              part.column_begin;
    if (flips) {
      flip_row(x, y, part.columns());
    } else {
      lookup_row(lookup.table, x, y, part.columns());
    }
  }
}

Range range_of_rows(const Rows& rows) {
  const Full d;
  Range range;
  auto least = hn::Zero(d);
  auto greatest = hn::Zero(d);
  for (std::size_t r = 0; r < rows.rows; ++r) {
    const auto* x = reinterpret_cast<const float*>(rows.x + r * rows.x_pitch);
    for_each_full_vector(
        rows.inner,
        [&](std::size_t i) HWY_ATTR {
          const auto value = hn::LoadU(d, x + i);
          least = hn::IfThenElse(hn::Lt(value, least), value, least);
          greatest = hn::IfThenElse(hn::Gt(value, greatest), value, greatest);
        },
        [&](std::size_t i) HWY_ATTR {
          if (x[i] < range.least) range.least = x[i];
          if (x[i] > range.greatest) range.greatest = x[i];
        });
  }
  const float low = hn::GetLane(hn::MinOfLanes(d, least));
  const float high = hn::GetLane(hn::MaxOfLanes(d, greatest));
  if (low < range.least) range.least = low;
  if (high > range.greatest) range.greatest = high;
  return range;
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {
namespace {

// Rows without gaps are one long row, unless elements differ by their place in it.
RowSplit split_rows(Rows* rows, std::size_t x_bytes, std::size_t y_bytes, bool alike,
                    const RunContext& context) {
  if (alike && rows->x_pitch == rows->inner * x_bytes && rows->y_pitch == rows->inner * y_bytes) {
    rows->inner *= rows->rows;
    rows->rows = 1;
  }
  return RowSplit(rows->rows, rows->inner, true, context.wanted_chunks());
}

}  // namespace

void quantize_vector(const Quantize& quantize, const RunContext& context) {
  const ChunkFn chunk = SZ_VECTOR_SELECT(quantize_chunk);
  if (chunk == nullptr) return quantize_reference(quantize);
  Quantize flat = quantize;
  const bool alike = quantize.scales == nullptr;
  ConvertJob<Quantize> job{flat, split_rows(&flat.rows, sizeof(float), 1, alike, context)};
  context.share(chunk, &job, job.split.chunks());
}

void dequantize_vector(const Dequantize& dequantize, const RunContext& context) {
  const ChunkFn chunk = SZ_VECTOR_SELECT(dequantize_chunk);
  if (chunk == nullptr) return dequantize_reference(dequantize);
  Dequantize flat = dequantize;
  const bool alike = dequantize.scales == nullptr;
  ConvertJob<Dequantize> job{
      flat, split_rows(&flat.rows, dtype_bytes(flat.type), sizeof(float), alike, context)};
  context.share(chunk, &job, job.split.chunks());
}

void lookup_vector(const Lookup& lookup, const RunContext& context) {
  const ChunkFn chunk = SZ_VECTOR_SELECT(lookup_chunk);
  if (chunk == nullptr) return lookup_reference(lookup);
  Lookup flat = lookup;
  ConvertJob<Lookup> job{flat, split_rows(&flat.rows, 1, 1, true, context)};
  context.share(chunk, &job, job.split.chunks());
}

Range range_vector(const Rows& rows) {
  auto* find = SZ_VECTOR_SELECT(range_of_rows);
  return find == nullptr ? range_reference(rows) : find(rows);
}

}  // namespace sz::ops
#endif  // HWY_ONCE
