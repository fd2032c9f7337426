// Makes GGUF files in memory, for tests. Nothing is checked: hostile files are the purpose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/import/gguf/reader.h"
#include "compiler/import/gguf/types.h"

namespace sz::compiler::testing {

// A value as it stands in the file, with its type in front.
class GgufValue {
 public:
  static GgufValue whole(std::uint32_t value);
  static GgufValue signed_whole(std::int32_t value);
  static GgufValue long_whole(std::uint64_t value);
  static GgufValue real(float value);
  static GgufValue flag(bool value);
  static GgufValue text(const std::string& value);
  static GgufValue texts(const std::vector<std::string>& values);
  static GgufValue reals(const std::vector<float>& values);
  static GgufValue signed_wholes(const std::vector<std::int32_t>& values);
  static GgufValue raw(std::vector<std::byte> bytes);  // with its type
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

struct GgufTensor {
  std::string name;
  std::uint32_t type = 0;
  std::vector<std::uint64_t> shape;  // that of a row first
  std::vector<std::byte> data;
};

struct GgufFile {
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;  // key general.alignment is not added
  std::vector<std::pair<std::string, GgufValue>> entries;
  std::vector<GgufTensor> tensors;

  void set(const std::string& key, const GgufValue& value);  // replaces
  void remove(const std::string& key);
  GgufTensor& tensor(const std::string& name);
  std::vector<std::byte> bytes() const;
};

// A model: 259 + 5 tokens, width 32, 2 layers, 4 heads of 8 numbers, 2 key-value heads, hidden 64.
// Matrices are random f32, norms near 1.
GgufFile small_gguf(std::uint32_t seed);

// A tokenizer of kind "gpt2": the 256 letters, "Ġt" (256), "he" (257), "Ġthe" (258), and the
// control token "<|eot_id|>" (259). Replaces that of `file`.
void set_bpe(GgufFile* file, const std::string& pre);

// Replaces a tensor's numbers by random blocks of this type; the numbers that they stand for, from
// the whole numbers that were packed into them.
std::vector<float> set_random_blocks(GgufTensor* tensor, gguf::TensorType type, std::uint32_t seed);

}  // namespace sz::compiler::testing
