#include "ops/quantized/qbinary.h"
#include "ops/split.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/quantized/qbinary_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/quantized/rescale_inl.h"

#ifndef SZ_OPS_QUANTIZED_QBINARY_JOB
#define SZ_OPS_QUANTIZED_QBINARY_JOB
namespace sz::ops {
namespace {

struct QBinaryJob {
  const QBinary& binary;
  RowSplit split;
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// A factor of kFixedPoint in every lane.
struct FixedFactor {
  Int32V multiplier;
  Shifts shifts;
  HWY_INLINE explicit FixedFactor(const QuantFactor& factor)
      : multiplier(hn::Set(Full32(), factor.multiplier)), shifts(hn::Set(Full32(), factor.shift)) {}
  HWY_INLINE Int32V times(Int32V x) const { return multiply_fixed_vector(x, multiplier, shifts); }
};

// What is the same for all elements of a step.
struct Combine {
  const QBinaryAttributes& t;
  Bounds bounds;
  FixedFactor a, b, y;

  HWY_INLINE explicit Combine(const QBinaryAttributes& attributes)
      : t(attributes),
        bounds(attributes.y),
        a(attributes.a),
        b(attributes.b),
        y(attributes.y_factor) {}

  template <BinaryKind kKind>
  HWY_INLINE Int32V fixed(Int32V da, Int32V db) const {
    if constexpr (kKind == BinaryKind::kMul) {
      return finish_fixed_vector(y.times(hn::Mul(da, db)), bounds);
    } else {
      const Int32V left = a.times(hn::ShiftLeftSame(da, t.left_shift));
      const Int32V right = b.times(hn::ShiftLeftSame(db, t.left_shift));
      const Int32V sum = kKind == BinaryKind::kAdd ? hn::Add(left, right) : hn::Sub(left, right);
      return finish_fixed_vector(y.times(sum), bounds);
    }
  }

  template <BinaryKind kKind>
  HWY_INLINE Int32V floating(Int32V da, Int32V db) const {
    const Full d;
    const auto left = hn::Mul(hn::ConvertTo(d, da), hn::Set(d, t.a.scale));
    const auto right = hn::Mul(hn::ConvertTo(d, db), hn::Set(d, t.b.scale));
    auto value = kKind == BinaryKind::kAdd   ? hn::Add(left, right)
                 : kKind == BinaryKind::kSub ? hn::Sub(left, right)
                                             : hn::Mul(left, right);
    value = hn::Div(value, hn::Set(d, t.y_factor.scale));
    value = hn::IfThenElseZero(hn::Eq(value, value), value);
    return finish_float_vector(value, bounds);
  }
};

template <BinaryKind kKind, bool kFloat>
HWY_INLINE void combine_run(const Combine& combine, const std::int8_t* a, bool one_a,
                            const std::int8_t* b, bool one_b, std::int8_t* y, std::size_t count) {
  const Full32 d;
  const Int32V zero_a = hn::Set(d, combine.t.a_zero);
  const Int32V zero_b = hn::Set(d, combine.t.b_zero);
  const Int32V only_a = hn::Sub(hn::Set(d, *a), zero_a);
  const Int32V only_b = hn::Sub(hn::Set(d, *b), zero_b);
  for_each_full_vector(
      count,
      [&](std::size_t i) HWY_ATTR {
        const Int32V da = one_a ? only_a : hn::Sub(load_bytes(a + i), zero_a);
        const Int32V db = one_b ? only_b : hn::Sub(load_bytes(b + i), zero_b);
        if constexpr (kFloat) {
          store_bytes(combine.template floating<kKind>(da, db), y + i);
        } else {
          store_bytes(combine.template fixed<kKind>(da, db), y + i);
        }
      },
      [&](std::size_t i) {
        y[i] = static_cast<std::int8_t>(
            qbinary_element(a[one_a ? 0 : i], b[one_b ? 0 : i], combine.t));
      });
}

template <BinaryKind kKind, bool kFloat>
HWY_NOINLINE void combine_part(const QBinary& binary, const RowSplit::Part& part) {
  const Broadcast& shape = binary.shape;
  const bool one_a = shape.repeats(0);
  const bool one_b = shape.repeats(1);
  const Combine combine(binary.attributes);
  RowWalk row(shape, part.row_begin);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r, row.next()) {
    const std::int8_t* a = binary.a + row.offset(0) + (one_a ? 0 : part.column_begin);
    const std::int8_t* b = binary.b + row.offset(1) + (one_b ? 0 : part.column_begin);
    std::int8_t* y = binary.y + row.offset(2) + part.column_begin;
    combine_run<kKind, kFloat>(combine, a, one_a, b, one_b, y, part.columns());
  }
}

template <bool kFloat>
void combine_kinds(const QBinary& binary, const RowSplit::Part& part) {
  switch (binary.attributes.kind) {
    case BinaryKind::kAdd:
      return combine_part<BinaryKind::kAdd, kFloat>(binary, part);
    case BinaryKind::kSub:
      return combine_part<BinaryKind::kSub, kFloat>(binary, part);
    default:
      return combine_part<BinaryKind::kMul, kFloat>(binary, part);
  }
}

void qbinary_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const QBinaryJob*>(context);
  const RowSplit::Part part = job.split.part(chunk);
  if (job.binary.attributes.y_factor.mode == Rescaling::kFloat) {
    combine_kinds<true>(job.binary, part);
  } else {
    combine_kinds<false>(job.binary, part);
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

void qbinary_vector(const QBinary& binary, const RunContext& context) {
  const ChunkFn chunk = SZ_VECTOR_SELECT(qbinary_chunk);
  if (chunk == nullptr) return qbinary_reference(binary);
  QBinaryJob job{
      binary, RowSplit(binary.shape.rows(), binary.shape.inner(), true, context.wanted_chunks())};
  context.share(chunk, &job, job.split.chunks());
}

}  // namespace sz::ops
#endif  // HWY_ONCE
