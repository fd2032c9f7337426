// TopK, OneHot, Triangle: operators that put or choose elements by their value or place.
//
// TopK: x (f32, i32, i64, i8, u8) -> y (i64): along `axis` the places of the y.dims[axis] largest
// (smallest) elements, best first; of equal ones the lower place first. NaN counts as larger than
// every number. x and y dense, of one shape but for the axis.
//
// OneHot: x (i32, i64, or f32 of whole numbers), values [2] -> y, of the type of the values: y has
// one dimension more than x, of size D; y = values[1] where the place along it is x (or x + D for a
// negative x) and values[0] elsewhere. All dense.
//
// Triangle: y = x where column - row >= diagonal (upper) or <= diagonal (lower), else zero. Any
// type, any pitches, y may be x.
#pragma once

#include <cstdint>

#include "ops/movement/attributes.h"
#include "ops/operator.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_top_k(const Step& step);
Status check_one_hot(const Step& step);
Status check_triangle(const Step& step);

std::uint64_t top_k_scratch(const Step& step);
std::uint64_t top_k_cost(const Step& step);

Status run_top_k(const Step& step, const RunContext& context) noexcept;
Status run_one_hot(const Step& step, const RunContext& context) noexcept;
Status run_triangle(const Step& step, const RunContext& context) noexcept;

}  // namespace sz::ops
