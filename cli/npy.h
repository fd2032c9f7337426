// NumPy's .npy files: a strict reader for tensors from outside, and a writer.
//
// Read: format 1.0 and 2.0, C order, little-endian f32, i8, u8, i32, i64, bool, at most 8
// dimensions. Everything else is refused by name, never guessed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "include/smartzone/smartzone.hpp"

namespace sz::cli {

struct Npy {
  ElementType type = ElementType::kF32;
  std::vector<std::int64_t> shape;  // empty: a scalar
  std::vector<std::byte> data;      // dense, row-major
};

// Parses the bytes of a .npy file; `name` is what errors call it. Throws Error.
Npy parse_npy(std::span<const std::byte> bytes, const std::string& name);

// Reads a .npy file. Throws Error.
Npy read_npy(const std::string& path);

// The bytes of a .npy file (format 1.0) with this content. `data` must have the size that type and
// shape say.
std::vector<std::byte> format_npy(ElementType type, const std::vector<std::int64_t>& shape,
                                  std::span<const std::byte> data);

}  // namespace sz::cli
