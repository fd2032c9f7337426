// A GGUF file, read and checked: every length and count fits into the file, names are there once,
// tensors have as many bytes as shape and type say, and no two have bytes in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sz::compiler::gguf {

inline constexpr std::uint64_t kMaxEntries = 1u << 16;
inline constexpr std::uint64_t kMaxTensors = 1u << 16;
inline constexpr std::uint64_t kMaxNameBytes = 1u << 10;  // of keys and tensors
inline constexpr std::uint64_t kMaxListed = 1u << 22;     // values of an array
inline constexpr std::uint32_t kMaxDimensions = 4;
inline constexpr std::uint32_t kMaxAlignment = 1u << 20;

enum class ValueType : std::uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

struct Entry {
  std::string_view key;
  std::size_t offset = 0;  // of the value in the file
  ValueType type{};        // of an array: of its values
  bool array = false;
  std::size_t count = 1;
  std::span<const std::byte> bytes;       // the values, but for strings
  std::vector<std::string_view> strings;  // the values, if strings
};

struct Tensor {
  std::string_view name;
  std::uint32_t type = 0;            // one that layout_of() knows
  std::vector<std::uint64_t> shape;  // 1 to 4 dimensions, each 1 or more; that of a row first
  std::size_t offset = 0;            // of its bytes in the file
  std::span<const std::byte> data;
};

// Points into the bytes that it was read from.
struct File {
  std::string source;
  std::uint32_t version = 0;
  std::vector<Entry> entries;
  std::vector<Tensor> tensors;
};

// Reads versions 2 and 3, little endian. Throws CompileError "source: what".
File read_file(std::span<const std::byte> bytes, const std::string& source);

}  // namespace sz::compiler::gguf
