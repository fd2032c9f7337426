// Elements of any type, one at a time and in blocks. What works on all integer types does so on
// 64-bit integers in between: one piece of code instead of one for each type.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/memory.h"
#include "tensor/tensor.h"

namespace sz::ops {

// Elements of a block: three blocks of 64-bit integers fit into 1 KiB of stack.
inline constexpr std::size_t kBlock = 32;

// Bits of an element; 1 of bool.
constexpr std::uint32_t bits_of(DType type) {
  return type == DType::kBool ? 1 : 8 * dtype_bytes(type);
}

// Element `index` of an integer type (bool: 0 or 1, anything but 0 is 1).
inline std::int64_t load_integer(DType type, const std::byte* data, std::size_t index) {
  switch (type) {
    case DType::kI8:
      return reinterpret_cast<const std::int8_t*>(data)[index];
    case DType::kU8:
      return reinterpret_cast<const std::uint8_t*>(data)[index];
    case DType::kI32:
      return reinterpret_cast<const std::int32_t*>(data)[index];
    case DType::kI64:
      return reinterpret_cast<const std::int64_t*>(data)[index];
    default:
      return reinterpret_cast<const std::uint8_t*>(data)[index] != 0;
  }
}

// The low bits of `value` as element `index` of an integer type (bool: whether it is not 0).
inline void store_integer(DType type, std::byte* data, std::size_t index, std::int64_t value) {
  switch (type) {
    case DType::kI8:
    case DType::kU8:
      reinterpret_cast<std::uint8_t*>(data)[index] = static_cast<std::uint8_t>(value);
      return;
    case DType::kI32:
      reinterpret_cast<std::int32_t*>(data)[index] = static_cast<std::int32_t>(value);
      return;
    case DType::kI64:
      reinterpret_cast<std::int64_t*>(data)[index] = value;
      return;
    default:
      reinterpret_cast<std::uint8_t*>(data)[index] = value != 0;
  }
}

// `count` elements (at most kBlock) from `index` on, `step` (0 or 1, or more) apart, to `block`,
// and back. Not of f32.
void load_block(DType type, const std::byte* data, std::size_t index, std::size_t step,
                std::size_t count, std::int64_t* block);
void store_block(DType type, std::byte* data, std::size_t index, std::size_t count,
                 const std::int64_t* block);

}  // namespace sz::ops
