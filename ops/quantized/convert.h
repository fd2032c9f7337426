// Operators that change how values are written down: Quantize, Dequantize, Requantize, Lookup and
// DynamicQuantize. Formulas and inputs: ops/quantized/attributes.h. Operands of any pitch; an
// output must not overlap an input. Errors of each check: kUnknownKernel, kBadAttribute,
// kShapeMismatch, kDtypeMismatch.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/operator.h"
#include "ops/quantized/attributes.h"

namespace sz::ops {

Status check_quantize(const Step& step);
Status check_dequantize(const Step& step);
Status check_requantize(const Step& step);
Status check_lookup(const Step& step);
Status check_dynamic_quantize(const Step& step);

Status run_quantize(const Step& step, const RunContext& context) noexcept;
Status run_dequantize(const Step& step, const RunContext& context) noexcept;
Status run_requantize(const Step& step, const RunContext& context) noexcept;
Status run_lookup(const Step& step, const RunContext& context) noexcept;
Status run_dynamic_quantize(const Step& step, const RunContext& context) noexcept;

// Bytes moved.
std::uint64_t convert_cost(const Step& step);

// Rows of a checked step, unpacked. Pointers are borrowed from the step.
struct Rows {
  const std::byte* x = nullptr;
  std::byte* y = nullptr;
  std::size_t x_pitch = 0, y_pitch = 0;  // bytes
  std::size_t rows = 0, inner = 0;
};

struct Quantize {
  Rows rows;                      // x f32, y i8
  const float* scales = nullptr;  // for each innermost element, or none
  const std::int32_t* zeroes = nullptr;
  float scale = 1;
  std::int32_t offset = 0;  // u8: 128, subtracted from zero points
  QuantOutput y;            // of an i8
  std::uint32_t flip = 0;   // xor of every byte that is written

  float scale_of(std::size_t i) const { return scales == nullptr ? scale : scales[i]; }
  // Zero points stand in a tensor, which no check reads: they are brought into range.
  QuantOutput output_of(std::size_t i) const;
};

struct Dequantize {
  Rows rows;  // x of `type`, y f32
  DType type = DType::kI8;
  const float* scales = nullptr;
  const std::int32_t* zeroes = nullptr;
  float scale = 1;
  std::int32_t zero = 0;

  float scale_of(std::size_t i) const { return scales == nullptr ? scale : scales[i]; }
  std::int32_t zero_of(std::size_t i) const { return zeroes == nullptr ? zero : zeroes[i]; }
};

struct Lookup {
  Rows rows;
  const std::uint8_t* table = nullptr;  // [256]
};

// The least and the greatest of x and 0; NaN takes no part.
struct Range {
  float least = 0, greatest = 0;
};

void quantize_reference(const Quantize& quantize);
void quantize_vector(const Quantize& quantize, const RunContext& context);
void dequantize_reference(const Dequantize& dequantize);
void dequantize_vector(const Dequantize& dequantize, const RunContext& context);
void lookup_reference(const Lookup& lookup);
void lookup_vector(const Lookup& lookup, const RunContext& context);
Range range_reference(const Rows& rows);
Range range_vector(const Rows& rows);

}  // namespace sz::ops
