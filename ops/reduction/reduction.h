// Operators along axes: Reduce, Arg, CumulativeSum.
//
// Reduce: y = the dimensions [begin, end) of x as one element. x and y have one type, the same
// rank, and the same dimensions but for those, which are 1 in y. Order of f32, where `+` stands for
// the kind's operation and begins at its neutral element:
//  - The innermost dimension is among them ("along"): each of 16 partial results takes, row by row,
//    the elements whose column modulo 16 it is, of whole groups of 16 columns; 16 others those of
//    the columns that are left at the end of each row. The second are added to the first, and those
//    in a tree (j and j + 8, then + 4, + 2, + 1).
//  - Otherwise ("across"): in rising order, in blocks of 64, whose results are added in order.
// Squares are added with fma. Integers wrap around. A f32 result that is NaN is the canonical one.
//
// Arg: the index of the largest (smallest) element along a dimension, i64; of equal ones the first
// (last). NaN comes before everything; -0 equals 0. Of all types but bool.
// CumulativeSum: sums of f32, i32 and i64 along a dimension, in that order.
// Operands of any pitch; none in place.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/operator.h"
#include "ops/reduction/attributes.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_reduce(const Step& step);
Status check_arg(const Step& step);
Status check_cumulative_sum(const Step& step);

// Every element of x once.
std::uint64_t reduce_cost(const Step& step);

Status run_reduce(const Step& step, const RunContext& context) noexcept;
Status run_arg(const Step& step, const RunContext& context) noexcept;
Status run_cumulative_sum(const Step& step, const RunContext& context) noexcept;

inline constexpr std::size_t kReduceLanes = 16;
inline constexpr std::size_t kReduceBlock = 64;

// The elements of x along the dimensions [begin, end), seen as lines: each has `rows` pieces of
// `columns` neighbours, row_step elements apart. Lines are counted in the order of the rest.
struct Lines {
  std::size_t count = 1;
  std::size_t rows = 1, row_step = 0, columns = 1;

  Lines(const TensorView& x, const TensorView& y, std::uint32_t begin, std::uint32_t end);

  std::size_t elements() const { return rows * columns; }
  // Where a line of x begins, and where its first result is in y.
  std::size_t x_begin(std::size_t line) const {
    return along ? line * rows * x_pitch : place(line, rows, x_pitch);
  }
  std::size_t y_begin(std::size_t line) const {
    return along ? line * y_rows * y_pitch : place(line, y_rows, y_pitch);
  }

  bool along = false;                             // the innermost dimension is among them
  std::size_t inner_rows = 1, inner_columns = 1;  // of the dimensions behind, otherwise
  std::size_t y_rows = 1;                         // of y, for the same lines
  std::size_t x_pitch = 1, y_pitch = 1;

 private:
  std::size_t place(std::size_t line, std::size_t length, std::size_t pitch) const {
    const std::size_t column = line % inner_columns;
    const std::size_t row = line / inner_columns;
    return (row / inner_rows * length * inner_rows + row % inner_rows) * pitch + column;
  }
};

// A checked Reduce step of f32, unpacked. Pointers are borrowed from the step.
struct Reduce {
  const float* x = nullptr;
  float* y = nullptr;
  Lines lines;
  ReduceKind kind = ReduceKind::kSum;
  float divisor = 1;
};

void reduce_reference(const Reduce& reduce);
void reduce_vector(const Reduce& reduce, const RunContext& context);

}  // namespace sz::ops
