// What the checks of the quantised operators share.
#pragma once

#include <cstdint>

#include "ops/check.h"
#include "ops/quantized/attributes.h"

namespace sz::ops {

// A kernel that exists; operands present and well formed. Types are the operator's own matter.
inline Status check_views(const Step& step) {
  if (step.kernel != Kernel::kReference && step.kernel != Kernel::kVector) {
    return Status::kUnknownKernel;
  }
  for (const auto operands : {step.inputs, step.outputs}) {
    for (const TensorView* view : operands) {
      if (view == nullptr || !well_formed(*view)) return Status::kShapeMismatch;
    }
  }
  return Status::kOk;
}

inline bool is_byte(DType type) { return type == DType::kI8 || type == DType::kU8; }

// The values of i8 or u8.
inline std::int32_t least_of(DType type) { return type == DType::kU8 ? 0 : -128; }
inline std::int32_t greatest_of(DType type) { return type == DType::kU8 ? 255 : 127; }
inline bool in_range(std::int32_t value, DType type) {
  return value >= least_of(type) && value <= greatest_of(type);
}

// Positive and finite.
inline bool valid_scale(float scale) { return scale > 0.0f && scale - scale == 0.0f; }

inline bool valid_output(const QuantOutput& y, DType type) {
  return in_range(y.zero, type) && in_range(y.low, type) && in_range(y.high, type) &&
         y.low <= y.high;
}

// A convolution's or product's end: its mode fits y's type, which is i8 or i32.
inline bool valid_output(Rescaling mode, const QuantOutput& y, DType type) {
  if (type == DType::kI32) {
    return mode == Rescaling::kNone && y.zero == 0 && y.low == 0 && y.high == 0;
  }
  return (mode == Rescaling::kFixedPoint || mode == Rescaling::kFloat) && valid_output(y, type);
}

inline bool valid_factor(const QuantFactor& factor) {
  switch (factor.mode) {
    case Rescaling::kFixedPoint:
      return factor.multiplier > -0x7fffffff - 1 && factor.shift >= -31 && factor.shift <= 30 &&
             factor.scale == 1.0f;
    case Rescaling::kFloat:
      return valid_scale(factor.scale) && factor.multiplier == 0 && factor.shift == 0;
    case Rescaling::kNone:
      return factor.scale == 1.0f && factor.multiplier == 0 && factor.shift == 0;
  }
  return false;
}

// An rank-1 constant with one element for each of `count`.
inline bool is_list(const TensorView& view, DType type, std::uint64_t count) {
  return view.rank == 1 && view.dtype == type && view.dims[0] == count;
}

inline const std::int8_t* bytes_of(const TensorView& view) {
  return reinterpret_cast<const std::int8_t*>(view.data);
}
inline std::int8_t* mutable_bytes_of(const TensorView& view) {
  return reinterpret_cast<std::int8_t*>(view.data);
}

// Kernels know i8 only: a u8 is the i8 of the same bits with the top bit flipped, and 128 less.
inline std::uint32_t flip_of(DType type) { return type == DType::kU8 ? 0x80u : 0u; }
inline std::int32_t offset_of(DType type) { return type == DType::kU8 ? 128 : 0; }

// The value of a byte of type `type`.
inline std::int32_t value_of(std::int8_t byte, DType type) {
  return type == DType::kU8 ? static_cast<std::uint8_t>(byte) : byte;
}

}  // namespace sz::ops
