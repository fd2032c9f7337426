// Gather and Scatter: elements, or blocks of them, whose place in a tensor is computed from
// indices.
//
// A walk of `positions` nested loops visits the blocks of the one tensor in order. For each, the
// place in the indexed tensor is the sum of the loops' steps and, for each of the `coordinates`
// numbers at the walk's place in the indices, of that index times its step. An index counts from
// the end where it is negative; one outside [-limit, limit) ends the run with kIndexOutOfRange
// before anything is written. That is Gather, GatherElements, GatherND and the Scatters of ONNX.
//
// Gather: x, indices (i32 or i64) -> y: y's blocks in order, from x. Scatter: x, indices, updates
// -> y: y is x (y may be x in place), then the blocks of the updates in order go to y, or are
// combined with what is there: of two that go to one place, the later one wins, or both take part
// in order. x, y, updates: one type. Combining: f32, i32 and i64; sums and products of integers
// wrap, NaN in a maximum or minimum wins. All operands dense. Gather moves bits unchanged.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/movement/attributes.h"
#include "ops/operator.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute (also places that leave a tensor), kShapeMismatch,
// kDtypeMismatch.
Status check_gather(const Step& step);
Status check_scatter(const Step& step);

// Error: kIndexOutOfRange.
Status run_gather(const Step& step, const RunContext& context) noexcept;
Status run_scatter(const Step& step, const RunContext& context) noexcept;

}  // namespace sz::ops
