// Overflow-checked size arithmetic. Every size that comes from outside goes through these.
#pragma once

#include <cstdint>

namespace sz {

// Stores a + b in *sum; false on overflow.
[[nodiscard]] constexpr bool checked_add(std::uint64_t a, std::uint64_t b, std::uint64_t* sum) {
  return !__builtin_add_overflow(a, b, sum);
}

// Stores a * b in *product; false on overflow.
[[nodiscard]] constexpr bool checked_mul(std::uint64_t a, std::uint64_t b, std::uint64_t* product) {
  return !__builtin_mul_overflow(a, b, product);
}

// Rounds `value` up to a multiple of `alignment` (a power of two); false on overflow.
[[nodiscard]] constexpr bool checked_align(std::uint64_t value, std::uint64_t alignment,
                                           std::uint64_t* aligned) {
  std::uint64_t sum = 0;
  if (!checked_add(value, alignment - 1, &sum)) return false;
  *aligned = sum & ~(alignment - 1);
  return true;
}

// Rounds up; the caller knows that the sum cannot overflow.
constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

}  // namespace sz
