// Rows in use (ops/transformer/transformer.h).
#pragma once

#include <cstdint>

#include "ops/check.h"
#include "ops/operator.h"

namespace sz::ops {

// How many of an operand's rows are in use.
inline std::uint32_t rows_in_use(const RunContext& context, std::uint32_t rows) {
  return context.rows < rows ? context.rows : rows;
}

// The context of a run that costs `part` where the step at most costs `whole`.
inline RunContext cost_of_part(const RunContext& context, std::uint64_t part, std::uint64_t whole) {
  RunContext result = context;
  if (part < whole) result.cost = context.cost / whole * part;
  return result;
}

// A dense operand of `type` that is [rows, columns].
inline bool is_matrix(const TensorView& view, DType type, std::uint64_t rows,
                      std::uint64_t columns) {
  return view.rank == 2 && view.dtype == type && view.dims[0] == rows && view.dims[1] == columns &&
         view.dense();
}

// Types first: it is the more telling of the two refusals.
inline Status check_matrix(const TensorView& view, DType type, std::uint64_t rows,
                           std::uint64_t columns) {
  if (view.dtype != type) return Status::kDtypeMismatch;
  return is_matrix(view, type, rows, columns) ? Status::kOk : Status::kShapeMismatch;
}

}  // namespace sz::ops
