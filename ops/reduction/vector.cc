#include "ops/reduction/reduction.h"
#include "ops/split.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/reduction/vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "math/elementary_inl.h"
#include "ops/vector_inl.h"

#ifndef SZ_OPS_REDUCE_JOB
#define SZ_OPS_REDUCE_JOB
namespace sz::ops {
namespace {

// Along: rows are lines. Across: rows and columns of y.
struct ReduceJob {
  const Reduce& reduce;
  RowSplit split;
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

namespace em = sz::math::HWY_NAMESPACE;

#define SZ_OPS_INLINE HWY_INLINE
#include "ops/reduction/terms.inc"
#undef SZ_OPS_INLINE

template <ReduceKind kind>
HWY_INLINE float along(const float* x, const Lines& lines) {
  constexpr std::size_t kParts = kReduceLanes / kLanes;
  using A = em::Lanes<Full>;
  using S = math::Scalar;
  const Full d;
  hn::Vec<Full> parts[kParts];
  HWY_UNROLL(4) for (std::size_t j = 0; j < kParts; ++j) parts[j] = hn::Set(d, neutral<kind>());
  float rest[kReduceLanes];
  for (float& part : rest) part = neutral<kind>();
  for (std::size_t r = 0; r < lines.rows; ++r) {
    const float* row = x + r * lines.row_step;
    std::size_t c = 0;
    for (; c + kReduceLanes <= lines.columns; c += kReduceLanes) {
      HWY_UNROLL(4) for (std::size_t j = 0; j < kParts; ++j) {
        parts[j] = accumulate<kind, A>(parts[j], hn::LoadU(d, row + c + j * kLanes));
      }
    }
    for (std::size_t j = 0; c < lines.columns; ++c, ++j) {
      rest[j] = accumulate<kind, S>(rest[j], row[c]);
    }
  }
  HWY_ALIGN float whole[kReduceLanes];
  HWY_UNROLL(4) for (std::size_t j = 0; j < kParts; ++j) hn::Store(parts[j], d, whole + j * kLanes);
  for (std::size_t j = 0; j < kReduceLanes; ++j) whole[j] = join<kind, S>(whole[j], rest[j]);
  for (std::size_t half = kReduceLanes / 2; half > 0; half /= 2) {
    for (std::size_t j = 0; j < half; ++j) whole[j] = join<kind, S>(whole[j], whole[j + half]);
  }
  return whole[0];
}

// `vectors` vectors of neighbouring columns, from x and to y.
template <ReduceKind kind, std::size_t vectors, class D>
HWY_INLINE void across(D d, const float* x, float* y, const Lines& lines, float divisor) {
  using A = em::Lanes<D>;
  const auto start = hn::Set(d, neutral<kind>());
  hn::Vec<D> totals[vectors], block[vectors];
  HWY_UNROLL(4) for (std::size_t j = 0; j < vectors; ++j) totals[j] = start;
  for (std::size_t begin = 0; begin < lines.rows; begin += kReduceBlock) {
    const std::size_t left = lines.rows - begin;
    const std::size_t end = begin + (left < kReduceBlock ? left : kReduceBlock);
    HWY_UNROLL(4) for (std::size_t j = 0; j < vectors; ++j) block[j] = start;
    for (std::size_t r = begin; r < end; ++r) {
      const float* row = x + r * lines.row_step;
      HWY_UNROLL(4) for (std::size_t j = 0; j < vectors; ++j) {
        block[j] = accumulate<kind, A>(block[j], hn::LoadU(d, row + j * hn::Lanes(d)));
      }
    }
    HWY_UNROLL(4) for (std::size_t j = 0; j < vectors; ++j) {
      totals[j] = join<kind, A>(totals[j], block[j]);
    }
  }
  HWY_UNROLL(4) for (std::size_t j = 0; j < vectors; ++j) {
    const auto result = canonical_vector(d, conclude<kind, A>(totals[j], divisor));
    hn::StoreU(result, d, y + j * hn::Lanes(d));
  }
}

template <ReduceKind kind>
HWY_NOINLINE void reduce_part(const Reduce& reduce, const RowSplit::Part& part) {
  const Lines& lines = reduce.lines;
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    if (lines.along) {
      const float result = along<kind>(reduce.x + lines.x_begin(r), lines);
      reduce.y[lines.y_begin(r)] = canonical(conclude<kind, math::Scalar>(result, reduce.divisor));
      continue;
    }
    const std::size_t line = r * lines.inner_columns;
    const float* x = reduce.x + lines.x_begin(line);
    float* y = reduce.y + lines.y_begin(line);
    std::size_t c = part.column_begin;
    for (; c + 4 * kLanes <= part.column_end; c += 4 * kLanes) {
      across<kind, 4>(Full(), x + c, y + c, lines, reduce.divisor);
    }
    for (; c + kLanes <= part.column_end; c += kLanes) {
      across<kind, 1>(Full(), x + c, y + c, lines, reduce.divisor);
    }
    for (; c < part.column_end; ++c) {
      across<kind, 1>(hn::CappedTag<float, 1>(), x + c, y + c, lines, reduce.divisor);
    }
  }
}

void reduce_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const ReduceJob*>(context);
  const RowSplit::Part part = job.split.part(chunk);
  switch (job.reduce.kind) {
    case ReduceKind::kSum:
      return reduce_part<ReduceKind::kSum>(job.reduce, part);
    case ReduceKind::kMean:
      return reduce_part<ReduceKind::kMean>(job.reduce, part);
    case ReduceKind::kMax:
      return reduce_part<ReduceKind::kMax>(job.reduce, part);
    case ReduceKind::kMin:
      return reduce_part<ReduceKind::kMin>(job.reduce, part);
    case ReduceKind::kProd:
      return reduce_part<ReduceKind::kProd>(job.reduce, part);
    case ReduceKind::kL1:
      return reduce_part<ReduceKind::kL1>(job.reduce, part);
    case ReduceKind::kSumSquare:
      return reduce_part<ReduceKind::kSumSquare>(job.reduce, part);
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {
namespace {

// Chunks of about as many elements of x as other operators take. (RowSplit counts those of what it
// cuts; here each stands for a line.)
RowSplit split_of(const Lines& lines, std::size_t wanted) {
  if (lines.along) {
    RowSplit split(lines.count, lines.elements(), false, wanted);
    return split;
  }
  RowSplit split(lines.count / lines.inner_columns, lines.inner_columns, true, wanted);
  if (wanted > 1 && split.chunks() < wanted) {
    // Few long lines: cut between columns too, but at whole cache lines.
    constexpr std::size_t kColumns = 64;
    split.rows_per_chunk = 1;
    split.columns_per_chunk = split.columns < kColumns ? split.columns : kColumns;
    split.column_chunks = (split.columns + split.columns_per_chunk - 1) / split.columns_per_chunk;
  }
  return split;
}

}  // namespace

void reduce_vector(const Reduce& reduce, const RunContext& context) {
  Reduce merged = reduce;
  Lines& lines = merged.lines;
  const bool dense = lines.x_pitch == lines.inner_columns && lines.y_pitch == lines.inner_columns;
  if (!lines.along && dense) {  // rows behind the reduced ones are more columns
    lines.inner_columns *= lines.inner_rows;
    lines.x_pitch = lines.y_pitch = lines.inner_columns;
    lines.inner_rows = 1;
  }
  ReduceJob job{merged, split_of(lines, context.wanted_chunks())};
  const ChunkFn chunk = SZ_VECTOR_SELECT(reduce_chunk);
  if (chunk == nullptr) {
    reduce_reference(reduce);
    return;
  }
  context.share(chunk, &job, job.split.chunks());
}

}  // namespace sz::ops
#endif  // HWY_ONCE
