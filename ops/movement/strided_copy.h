// StridedCopy: one pass that slices, reverses, reorders, repeats, splits, joins and pads.
//
// y is written once from its first element to its last; its place is counted by a nest of loops, of
// which the last inner_loops walk along y's rows and the others count the rows. Every loop moves
// through x by a signed number of rows and columns a round, or fills while it stands outside
// [begin, end). x and y are of one type, any, with any pitches, and do not overlap. Bits are moved
// unchanged.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/movement/attributes.h"
#include "ops/operator.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute (also a walk that leaves x), kShapeMismatch,
// kDtypeMismatch.
Status check_strided_copy(const Step& step);
Status run_strided_copy(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Steps in elements; an element has `element` bytes.
struct StridedCopy {
  struct Loop {
    std::size_t size, begin, end;
    std::ptrdiff_t x_step;
    std::size_t y_step;

    bool fills() const { return begin != 0 || end != size; }
  };
  const std::byte* x = nullptr;  // where all loops stand at their `begin`
  std::byte* y = nullptr;
  std::uint32_t element = 1;
  std::uint32_t loops = 0;
  std::uint64_t fill = 0;
  Loop loop[kMaxLoops] = {};
};

void strided_copy_reference(const StridedCopy& copy);
void strided_copy_vector(const StridedCopy& copy, const RunContext& context);

}  // namespace sz::ops
