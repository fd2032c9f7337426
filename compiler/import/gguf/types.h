// The types of tensors in GGUF files.
//
// A type is blocks of numbers along a row. d and m are f16, q unsigned whole numbers:
//   Q4_0, Q5_0   32 numbers d (q - 8), d (q - 16)
//   Q4_1, Q5_1   32 numbers d q + m
//   Q8_0         32 numbers d q, q signed
//   Q4_K, Q5_K   256 numbers in 8 groups: (d s) q - (m t), s and t of 6 bits for each group
//   Q6_K         256 numbers in 16 groups: (d s) (q - 32), s of 8 bits, signed, for each group
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sz::compiler::gguf {

// As in the file. Others exist and are not read: type_name() knows them.
enum class TensorType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kBF16 = 30,
};

// "Q4_K", of all types that GGUF has had; "number 99" of others.
std::string type_name(std::uint32_t type);

struct TypeLayout {
  std::uint32_t numbers = 0;  // of a block; 0: the type is not read
  std::uint32_t bytes = 0;    // of a block
};
TypeLayout layout_of(std::uint32_t type);

// The numbers of whole blocks of a type that is read.
std::vector<float> dequantize(TensorType type, std::span<const std::byte> blocks);

}  // namespace sz::compiler::gguf
