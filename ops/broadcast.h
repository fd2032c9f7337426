// NumPy broadcasting of up to three inputs to one output: shapes aligned at the innermost
// dimension, each dimension of an input equal to the output's or 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ops/operator.h"

namespace sz::ops {

inline constexpr std::uint32_t kMaxBroadcastInputs = 3;

// True if each input can be broadcast to the output and each dimension of the output is that of
// an input. All views are well formed.
bool is_broadcast(const Step& step);

// Where the elements of all operands are. Operand number `inputs` is the output.
struct Broadcast {
  std::uint32_t inputs = 0;
  std::uint32_t rank = 0;  // 1 or more
  std::size_t dims[kMaxRank] = {};
  // Elements from one index to the next in each dimension; 0 where broadcast. Along the innermost
  // dimension: 0 or 1, and 1 for the output.
  std::size_t strides[kMaxBroadcastInputs + 1][kMaxRank] = {};

  std::size_t inner() const { return dims[rank - 1]; }
  std::size_t rows() const {
    std::size_t n = 1;
    for (std::uint32_t i = 0; i + 1 < rank; ++i) n *= dims[i];
    return n;
  }
  // One element of the operand for a whole row.
  bool repeats(std::uint32_t operand) const { return strides[operand][rank - 1] == 0; }
};

// The computation of a step for which is_broadcast holds, neighbouring dimensions merged where
// memory allows.
Broadcast broadcast_of(const Step& step);

// Walks over rows (all dimensions but the innermost, in order).
class RowWalk {
 public:
  RowWalk(const Broadcast& shape, std::size_t row);

  // Elements from the beginning of the operand to its part of the row.
  std::size_t offset(std::uint32_t operand) const { return offsets_[operand]; }
  void next();

 private:
  const Broadcast& shape_;
  std::size_t index_[kMaxRank] = {};
  std::size_t offsets_[kMaxBroadcastInputs + 1] = {};
};

}  // namespace sz::ops
