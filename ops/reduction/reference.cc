#include "math/elementary.h"
#include "ops/reduction/reduction.h"
#include "ops/rules.h"

namespace sz::ops {
namespace {

#define SZ_OPS_INLINE inline
#include "ops/reduction/terms.inc"
#undef SZ_OPS_INLINE

using math::Scalar;

template <ReduceKind kind>
float along(const float* x, const Lines& lines) {
  float whole[kReduceLanes];
  float rest[kReduceLanes];
  for (std::size_t j = 0; j < kReduceLanes; ++j) whole[j] = rest[j] = neutral<kind>();
  const std::size_t grouped = lines.columns - lines.columns % kReduceLanes;
  for (std::size_t r = 0; r < lines.rows; ++r) {
    for (std::size_t c = 0; c < lines.columns; ++c) {
      float* parts = c < grouped ? whole : rest;
      float& part = parts[c % kReduceLanes];
      part = accumulate<kind, Scalar>(part, x[r * lines.row_step + c]);
    }
  }
  for (std::size_t j = 0; j < kReduceLanes; ++j) whole[j] = join<kind, Scalar>(whole[j], rest[j]);
  for (std::size_t half = kReduceLanes / 2; half > 0; half /= 2) {
    for (std::size_t j = 0; j < half; ++j) {
      whole[j] = join<kind, Scalar>(whole[j], whole[j + half]);
    }
  }
  return whole[0];
}

template <ReduceKind kind>
float across(const float* x, const Lines& lines) {
  float total = neutral<kind>();
  for (std::size_t begin = 0; begin < lines.rows; begin += kReduceBlock) {
    float block = neutral<kind>();
    for (std::size_t r = begin; r < lines.rows && r < begin + kReduceBlock; ++r) {
      block = accumulate<kind, Scalar>(block, x[r * lines.row_step]);
    }
    total = join<kind, Scalar>(total, block);
  }
  return total;
}

template <ReduceKind kind>
void reduce_lines(const Reduce& reduce) {
  const Lines& lines = reduce.lines;
  for (std::size_t line = 0; line < lines.count; ++line) {
    const float* x = reduce.x + lines.x_begin(line);
    const float result = lines.along ? along<kind>(x, lines) : across<kind>(x, lines);
    reduce.y[lines.y_begin(line)] = canonical(conclude<kind, Scalar>(result, reduce.divisor));
  }
}

}  // namespace

void reduce_reference(const Reduce& reduce) {
  switch (reduce.kind) {
    case ReduceKind::kSum:
      return reduce_lines<ReduceKind::kSum>(reduce);
    case ReduceKind::kMean:
      return reduce_lines<ReduceKind::kMean>(reduce);
    case ReduceKind::kMax:
      return reduce_lines<ReduceKind::kMax>(reduce);
    case ReduceKind::kMin:
      return reduce_lines<ReduceKind::kMin>(reduce);
    case ReduceKind::kProd:
      return reduce_lines<ReduceKind::kProd>(reduce);
    case ReduceKind::kL1:
      return reduce_lines<ReduceKind::kL1>(reduce);
    case ReduceKind::kSumSquare:
      return reduce_lines<ReduceKind::kSumSquare>(reduce);
  }
}

}  // namespace sz::ops
