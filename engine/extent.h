// Which bytes of a region a tensor occupies, and what two tensors have in common. Pure
// arithmetic; the checker's rules about aliases and about what has been written rest on it.
#pragma once

#include <cstdint>

#include "package/plan_format.h"
#include "tensor/tensor.h"

namespace sz::engine {

// `rows` runs of `row_bytes` bytes, the first at `begin`, each `pitch_bytes` after the one before.
// rows >= 1, 1 <= row_bytes <= pitch_bytes; the sums fit 64 bits (the tensor lies in its region).
struct Extent {
  std::uint8_t region = 0;
  std::uint64_t begin = 0;
  std::uint64_t rows = 1;
  std::uint64_t row_bytes = 1;
  std::uint64_t pitch_bytes = 1;

  std::uint64_t bytes() const { return rows * row_bytes; }
  std::uint64_t end() const { return begin + (rows - 1) * pitch_bytes + row_bytes; }
  bool solid() const { return rows == 1 || row_bytes == pitch_bytes; }  // has no gaps
};

// The extent of a tensor that has passed the checker; `view` is the resolved `record`.
Extent extent_of(const package::TensorRecord& record, const TensorView& view);

// Whether a byte may belong to both. Exact for equal pitches, so that channel slices of one
// buffer are told apart although they interleave; true in doubt for different pitches.
bool overlap(const Extent& a, const Extent& b);

// The number of bytes that belong to both; in doubt fewer, never more. Exact if one of them has
// no gaps.
std::uint64_t shared_bytes(const Extent& a, const Extent& b);

}  // namespace sz::engine
