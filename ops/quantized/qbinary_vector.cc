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

  // kRight: the shift is below 0.
  template <bool kRight>
  HWY_INLINE Int32V times(Int32V x) const {
    return kRight ? multiply_fixed_right(x, multiplier, shifts)
                  : multiply_fixed_vector(x, multiplier, shifts);
  }
};

// What is the same for all elements of a step.
struct Combine {
  const QBinaryAttributes& t;
  Finish finish;
  Bounds bounds;
  FixedFactor a, b, y;

  HWY_INLINE explicit Combine(const QBinaryAttributes& attributes)
      : t(attributes),
        finish(attributes.y),
        bounds(attributes.y),
        a(attributes.a),
        b(attributes.b),
        y(attributes.y_factor) {}

  // Without zero point and bounds.
  template <BinaryKind kKind, bool kRight>
  HWY_INLINE Int32V fixed(Int32V da, Int32V db) const {
    if constexpr (kKind == BinaryKind::kMul) {
      return y.times<kRight>(hn::Mul(da, db));
    } else {
      const Int32V left = a.times<kRight>(hn::ShiftLeftSame(da, t.left_shift));
      const Int32V right = b.times<kRight>(hn::ShiftLeftSame(db, t.left_shift));
      return y.times<kRight>(kKind == BinaryKind::kAdd ? hn::Add(left, right)
                                                       : hn::Sub(left, right));
    }
  }

  // Likewise, though bounded.
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
    return hn::Sub(finish_float_vector(value, bounds), bounds.zero);
  }
};

// kStored differences from a zero point.
HWY_INLINE void load_differences(const std::int8_t* from, std::int32_t zero, Int32V* to) {
#if HWY_TARGET == HWY_NEON
  const int16x8_t wide = vsubl_s8(vld1_s8(from), vdup_n_s8(static_cast<std::int8_t>(zero)));
  to[0] = Int32V(vmovl_s16(vget_low_s16(wide)));
  to[1] = Int32V(vmovl_high_s16(wide));
#else
  to[0] = hn::Sub(load_bytes(from), hn::Set(Full32(), zero));
#endif
}

// kWay kRight: fixed point, and the shifts of all factors are below 0.
template <BinaryKind kKind, Way kWay>
HWY_INLINE void combine_run(const Combine& combine, const std::int8_t* a, bool one_a,
                            const std::int8_t* b, bool one_b, std::int8_t* y, std::size_t count) {
  const Full32 d;
  const QBinaryAttributes& t = combine.t;
  if (count < kStored) {
    for (std::size_t i = 0; i < count; ++i) {
      y[i] = static_cast<std::int8_t>(qbinary_element(a[one_a ? 0 : i], b[one_b ? 0 : i], t));
    }
    return;
  }
  const Int32V only_a = hn::Set(d, *a - t.a_zero);
  const Int32V only_b = hn::Set(d, *b - t.b_zero);
  const auto combine_at = [&](std::size_t i) HWY_ATTR {
    Int32V da[kStoredVectors], db[kStoredVectors], result[kStoredVectors];
    HWY_UNROLL(2) for (std::size_t v = 0; v < kStoredVectors; ++v) da[v] = only_a, db[v] = only_b;
    if (!one_a) load_differences(a + i, t.a_zero, da);
    if (!one_b) load_differences(b + i, t.b_zero, db);
    HWY_UNROLL(2) for (std::size_t v = 0; v < kStoredVectors; ++v) {
      if constexpr (kWay == Way::kFloat) {
        result[v] = combine.template floating<kKind>(da[v], db[v]);
      } else {
        result[v] = combine.template fixed<kKind, kWay == Way::kRight>(da[v], db[v]);
      }
    }
    store_rescaled(result, combine.finish, y + i);
  };
  for (std::size_t i = 0; i + kStored <= count; i += kStored) combine_at(i);
  if (count % kStored != 0) combine_at(count - kStored);  // some of them again
}

template <BinaryKind kKind, Way kWay>
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
    combine_run<kKind, kWay>(combine, a, one_a, b, one_b, y, part.columns());
  }
}

template <Way kWay>
void combine_kinds(const QBinary& binary, const RowSplit::Part& part) {
  switch (binary.attributes.kind) {
    case BinaryKind::kAdd:
      return combine_part<BinaryKind::kAdd, kWay>(binary, part);
    case BinaryKind::kSub:
      return combine_part<BinaryKind::kSub, kWay>(binary, part);
    default:
      return combine_part<BinaryKind::kMul, kWay>(binary, part);
  }
}

void qbinary_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const QBinaryJob*>(context);
  const RowSplit::Part part = job.split.part(chunk);
  const QBinaryAttributes& t = job.binary.attributes;
  const bool unused = t.kind == BinaryKind::kMul;
  const bool right = t.y_factor.shift < 0 && (unused || (t.a.shift < 0 && t.b.shift < 0));
  switch (way_of(t.y_factor.mode, right)) {
    case Way::kFloat:
      return combine_kinds<Way::kFloat>(job.binary, part);
    case Way::kFixed:
      return combine_kinds<Way::kFixed>(job.binary, part);
    case Way::kRight:
      return combine_kinds<Way::kRight>(job.binary, part);
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
