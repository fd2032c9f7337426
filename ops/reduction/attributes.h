// Attributes of the operators along axes, as they stand in the plan (see ops/attributes.h).
#pragma once

#include <cstdint>

namespace sz::ops {

enum class ReduceKind : std::uint32_t {
  kSum = 0,
  kMean = 1,  // the sum, divided by `divisor`
  kMax = 2,   // a NaN wins
  kMin = 3,
  kProd = 4,
  kL1 = 5,         // the sum of the absolute values
  kSumSquare = 6,  // the sum of the squares
};

// Reduce. The dimensions [begin, end) of x, in memory order, become 1. kMean, kL1 and kSumSquare
// are of f32 only, kSum and kProd of f32, i32 and i64.
struct ReduceAttributes {
  ReduceKind kind = ReduceKind::kSum;
  std::uint32_t begin = 0, end = 1;
  float divisor = 1;  // of kMean: finite, above 0; of the others: 1
};

// Arg: the index (i64) of the largest or smallest element along one dimension.
struct ArgAttributes {
  std::uint32_t axis = 0;
  std::uint32_t smallest = 0;  // 1: of the smallest
  std::uint32_t last = 0;      // 1: of equal ones the last
};

// CumulativeSum along one dimension.
struct CumulativeSumAttributes {
  std::uint32_t axis = 0;
  std::uint32_t exclusive = 0;  // 1: of the elements before
  std::uint32_t reverse = 0;    // 1: from the end
};

}  // namespace sz::ops
