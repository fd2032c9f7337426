#include "ops/elementwise/elementwise.h"
#include "ops/split.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/elementwise/vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/vector_inl.h"

#ifndef SZ_OPS_ELEMENTWISE_JOB
#define SZ_OPS_ELEMENTWISE_JOB
namespace sz::ops {
namespace {

struct UnaryJob {
  const Unary& unary;
  RowSplit split;
};

struct BinaryJob {
  const Binary& binary;
  RowSplit split;
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

void unary_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const UnaryJob*>(context);
  const Unary& unary = job.unary;
  const RowSplit::Part part = job.split.part(chunk);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    const float* x = unary.x + r * unary.x_pitch + part.column_begin;
    float* y = unary.y + r * unary.y_pitch + part.column_begin;
    for_each_vector(part.columns(), [&](auto d, std::size_t i) HWY_ATTR {
      const auto low = hn::Set(d, unary.clamp.low);
      const auto high = hn::Set(d, unary.clamp.high);
      hn::StoreU(finish_vector(d, hn::LoadU(d, x + i), low, high), d, y + i);
    });
  }
}

void leaky_relu_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const UnaryJob*>(context);
  const Unary& unary = job.unary;
  const RowSplit::Part part = job.split.part(chunk);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    const float* x = unary.x + r * unary.x_pitch + part.column_begin;
    float* y = unary.y + r * unary.y_pitch + part.column_begin;
    for_each_vector(part.columns(), [&](auto d, std::size_t i) HWY_ATTR {
      const auto value = hn::LoadU(d, x + i);
      const auto scaled = hn::Mul(value, hn::Set(d, unary.slope));
      const auto chosen = hn::IfThenElse(hn::Lt(value, hn::Zero(d)), scaled, value);
      hn::StoreU(canonical_vector(d, chosen), d, y + i);
    });
  }
}

template <BinaryKind kKind, class V>
HWY_INLINE V combine(V a, V b) {
  if constexpr (kKind == BinaryKind::kAdd) return hn::Add(a, b);
  if constexpr (kKind == BinaryKind::kSub) return hn::Sub(a, b);
  if constexpr (kKind == BinaryKind::kMul) return hn::Mul(a, b);
  if constexpr (kKind == BinaryKind::kDiv) return hn::Div(a, b);
}

// A run of elements. kOneA: the same element of a for all (likewise kOneB).
template <BinaryKind kKind, bool kOneA, bool kOneB>
HWY_INLINE void combine_run(const float* a, const float* b, float* y, std::size_t count,
                            const Clamp& clamp) {
  for_each_vector(count, [&](auto d, std::size_t i) HWY_ATTR {
    const auto left = kOneA ? hn::Set(d, *a) : hn::LoadU(d, a + i);
    const auto right = kOneB ? hn::Set(d, *b) : hn::LoadU(d, b + i);
    const auto low = hn::Set(d, clamp.low);
    const auto high = hn::Set(d, clamp.high);
    hn::StoreU(finish_vector(d, combine<kKind>(left, right), low, high), d, y + i);
  });
}

template <BinaryKind kKind>
HWY_NOINLINE void binary_part(const Binary& binary, const RowSplit::Part& part) {
  const std::uint32_t last = binary.rank - 1;
  const bool one_a = binary.a_strides[last] == 0;
  const bool one_b = binary.b_strides[last] == 0;
  const std::size_t count = part.columns();
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    const RowOffsets at = row_offsets(binary, r);
    const float* a = binary.a + at.a + (one_a ? 0 : part.column_begin);
    const float* b = binary.b + at.b + (one_b ? 0 : part.column_begin);
    float* y = binary.y + at.y + part.column_begin;
    if (one_a && one_b) {
      combine_run<kKind, true, true>(a, b, y, count, binary.clamp);
    } else if (one_a) {
      combine_run<kKind, true, false>(a, b, y, count, binary.clamp);
    } else if (one_b) {
      combine_run<kKind, false, true>(a, b, y, count, binary.clamp);
    } else {
      combine_run<kKind, false, false>(a, b, y, count, binary.clamp);
    }
  }
}

void binary_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const BinaryJob*>(context);
  const RowSplit::Part part = job.split.part(chunk);
  switch (job.binary.kind) {
    case BinaryKind::kAdd:
      return binary_part<BinaryKind::kAdd>(job.binary, part);
    case BinaryKind::kSub:
      return binary_part<BinaryKind::kSub>(job.binary, part);
    case BinaryKind::kMul:
      return binary_part<BinaryKind::kMul>(job.binary, part);
    case BinaryKind::kDiv:
      return binary_part<BinaryKind::kDiv>(job.binary, part);
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

void unary_vector(const Unary& unary, const RunContext& context) {
  Unary flat = unary;
  if (unary.x_pitch == unary.inner && unary.y_pitch == unary.inner) {
    flat.inner = unary.rows * unary.inner;
    flat.rows = 1;
  }
  UnaryJob job{flat, RowSplit(flat.rows, flat.inner, true, context.wanted_chunks())};
  const bool leaky = unary.kind == UnaryKind::kLeakyRelu;
  const ChunkFn chunk = leaky ? SZ_VECTOR_SELECT(leaky_relu_chunk) : SZ_VECTOR_SELECT(unary_chunk);
  if (chunk == nullptr) {
    unary_reference(unary);
    return;
  }
  if (leaky && unary.in_place) {
    // Twice would scale twice, so it is not handed out. A clamp is: to clamp an element twice is to
    // clamp it once.
    for (std::uint32_t i = 0; i < job.split.chunks(); ++i) chunk(&job, i, 0);
    return;
  }
  context.share(chunk, &job, job.split.chunks());
}

void binary_vector(const Binary& binary, const RunContext& context) {
  const Binary merged = merge_dimensions(binary);
  BinaryJob job{merged, RowSplit(merged.rows(), merged.inner(), true, context.wanted_chunks())};
  const ChunkFn chunk = SZ_VECTOR_SELECT(binary_chunk);
  if (chunk == nullptr) {
    binary_reference(binary);
    return;
  }
  if (binary.in_place) {
    // A chunk that overwrites its own input must not run twice, so it is not handed out.
    for (std::uint32_t i = 0; i < job.split.chunks(); ++i) chunk(&job, i, 0);
    return;
  }
  context.share(chunk, &job, job.split.chunks());
}

}  // namespace sz::ops
#endif  // HWY_ONCE
