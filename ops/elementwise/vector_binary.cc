#include "ops/elementwise/combine.h"
#include "ops/elementwise/elementwise.h"
#include "ops/split.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/elementwise/vector_binary.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/vector_inl.h"

#ifndef SZ_OPS_BINARY_JOB
#define SZ_OPS_BINARY_JOB
namespace sz::ops {
namespace {

struct BinaryJob {
  const Binary& binary;
  RowSplit split;
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

template <BinaryKind kKind, class D>
HWY_INLINE hn::Vec<D> combine_vector(D d, hn::Vec<D> a, hn::Vec<D> b) {
  if constexpr (kKind == BinaryKind::kAdd) return hn::Add(a, b);
  if constexpr (kKind == BinaryKind::kSub) return hn::Sub(a, b);
  if constexpr (kKind == BinaryKind::kMul) return hn::Mul(a, b);
  if constexpr (kKind == BinaryKind::kDiv) return hn::Div(a, b);
  if constexpr (kKind == BinaryKind::kMin) return minimum_vector(a, b);
  if constexpr (kKind == BinaryKind::kMax) return maximum_vector(a, b);
  if constexpr (kKind == BinaryKind::kPRelu) {
    return hn::IfThenElse(hn::Lt(a, hn::Zero(d)), hn::Mul(a, b), a);
  }
}

// A run of elements. kOneA: the same element of a for all (likewise kOneB). The clamp comes by
// value: y may be anywhere, for all the compiler knows, and would have it loaded again each time.
template <BinaryKind kKind, bool kOneA, bool kOneB>
HWY_INLINE void combine_run(const float* a, const float* b, float* y, std::size_t count,
                            Clamp clamp) {
  for_each_vector(count, [&](auto d, std::size_t i) HWY_ATTR {
    const auto left = kOneA ? hn::Set(d, *a) : hn::LoadU(d, a + i);
    const auto right = kOneB ? hn::Set(d, *b) : hn::LoadU(d, b + i);
    const auto low = hn::Set(d, clamp.low);
    const auto high = hn::Set(d, clamp.high);
    hn::StoreU(finish_vector(d, combine_vector<kKind>(d, left, right), low, high), d, y + i);
  });
}

template <BinaryKind kKind>
HWY_NOINLINE void binary_part(const Binary& binary, const RowSplit::Part& part) {
  const std::size_t count = part.columns();
  // Rows of one element need no special case. Otherwise at least one of both is as long as y.
  const bool one_a = binary.shape.repeats(0) && count > 1;
  const bool one_b = binary.shape.repeats(1) && count > 1;
  const std::size_t begin = part.column_begin;
  RowWalk at(binary.shape, part.row_begin);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r, at.next()) {
    const float* a = reinterpret_cast<const float*>(binary.a) + at.offset(0);
    const float* b = reinterpret_cast<const float*>(binary.b) + at.offset(1);
    float* y = reinterpret_cast<float*>(binary.y) + at.offset(2) + begin;
    if (one_a) {
      combine_run<kKind, true, false>(a, b + begin, y, count, binary.clamp);
    } else if (one_b) {
      combine_run<kKind, false, true>(a + begin, b, y, count, binary.clamp);
    } else {
      combine_run<kKind, false, false>(a + begin, b + begin, y, count, binary.clamp);
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
    case BinaryKind::kMin:
      return binary_part<BinaryKind::kMin>(job.binary, part);
    case BinaryKind::kMax:
      return binary_part<BinaryKind::kMax>(job.binary, part);
    case BinaryKind::kPRelu:
      return binary_part<BinaryKind::kPRelu>(job.binary, part);
    default:
      return;  // binary_vector sees to the others
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {
namespace {

bool has_vectors(const Binary& binary) {
  return binary.all_f32() && binary.kind != BinaryKind::kPow && binary.kind != BinaryKind::kFmod;
}

// What has no vectors: types other than f32, comparisons, powers and remainders.
void block_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const BinaryJob*>(context);
  const RowSplit::Part part = job.split.part(chunk);
  RowWalk at(job.binary.shape, part.row_begin);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r, at.next()) {
    binary_run(job.binary, at, part.column_begin, part.columns());
  }
}

}  // namespace

void binary_vector(const Binary& binary, const RunContext& context) {
  BinaryJob job{binary,
                RowSplit(binary.shape.rows(), binary.shape.inner(), true, context.wanted_chunks())};
  const ChunkFn chunk = has_vectors(binary) ? SZ_VECTOR_SELECT(binary_chunk) : block_chunk;
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
