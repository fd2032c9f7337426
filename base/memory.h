// Raw memory helpers for rooms that have no libc headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sz {

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

inline void copy_bytes(void* to, const void* from, std::size_t bytes) {
  __builtin_memcpy(to, from, bytes);
}

inline void fill_bytes(void* to, std::uint8_t value, std::size_t bytes) {
  __builtin_memset(to, value, bytes);
}

// Overwrites with zeroes in a way that the compiler may not drop.
inline void wipe_bytes(void* to, std::size_t bytes) {
  __builtin_memset(to, 0, bytes);
  __asm__ __volatile__("" : : "r"(to) : "memory");
}

// Equality in time that depends on the length only.
[[nodiscard]] inline bool equal_bytes(const void* a, const void* b, std::size_t bytes) {
  const auto* x = static_cast<const volatile unsigned char*>(a);
  const auto* y = static_cast<const volatile unsigned char*>(b);
  unsigned difference = 0;
  for (std::size_t i = 0; i < bytes; ++i) difference |= static_cast<unsigned>(x[i] ^ y[i]);
  return difference == 0;
}

}  // namespace sz
