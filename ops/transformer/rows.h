// RmsNorm and QuantizeRows (ops/transformer/transformer.h): rows of floats, normalised, quantised,
// or both.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/operator.h"
#include "ops/transformer/transformer.h"

namespace sz::ops {

Status check_rms_norm(const Step& step);
std::uint64_t rms_norm_cost(const Step& step);
Status run_rms_norm(const Step& step, const RunContext& context) noexcept;

Status check_quantize_rows(const Step& step);
Status run_quantize_rows(const Step& step, const RunContext& context) noexcept;

// Blocks whose largest number is below this are blocks of zeroes: 127 / it would not be finite.
inline constexpr float kLeastToQuantize = 0x1p-100f;

struct RowsJob {
  const float* x = nullptr;          // rows of `width`
  const float* weight = nullptr;     // nullptr: not normalised
  float* y = nullptr;                // rows of `width`; or
  QuantizedBlock* blocks = nullptr;  // rows of blocks_of(width)
  std::size_t rows = 0, width = 0;
  float epsilon = 0.0f;
};

// The factor of a row, from the sum of its squares.
float rms_factor(float squares, const RowsJob& job);

void rows_reference(const RowsJob& job);
void rows_vector(const RowsJob& job, const RunContext& context);

}  // namespace sz::ops
