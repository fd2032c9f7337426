// llama2.c's checkpoints, read and checked: sizes that fit together, and a file that has just the
// numbers that they ask for. Three forms: "legacy" (28 bytes of header, f32, and tables of the
// rotary embedding that nobody reads), version 1 (256 bytes of header, f32), version 2 (256 bytes
// of header, matrices in groups of bytes with a scale, "q80").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sz::compiler::llama2c {

inline constexpr std::uint32_t kMaxLayers = 1024;
inline constexpr std::uint32_t kMaxWidth = 1u << 20;  // of rows of a matrix
inline constexpr std::uint32_t kMaxContext = 1u << 26;

enum class Part {
  kEmbedding,
  kAttentionNorm,
  kQ,
  kK,
  kV,
  kO,
  kFfnNorm,
  kGate,
  kDown,
  kUp,
  kFinalNorm,
  kRotaryTables,
  kHead,
};

// A matrix, or a vector (one row).
struct Tensor {
  Part part = Part::kEmbedding;
  std::uint32_t layer = 0;
  std::string name;  // as in llama2.c: "layers.2.attention.wq"
  std::uint32_t outputs = 0, inputs = 0;
  bool grouped = false;               // bytes and scales; else floats
  std::span<const std::byte> values;  // outputs x inputs floats, or as many bytes
  std::span<const std::byte> scales;  // f32, one for each group of values
};

struct Checkpoint {
  std::uint32_t version = 0;  // 0: legacy
  std::uint32_t width = 0, hidden = 0, layers = 0, heads = 0, kv_heads = 0, vocabulary = 0;
  std::uint32_t context = 0;
  std::uint32_t group = 0;      // of version 2
  bool tied = false;            // the embedding is the head too
  std::vector<Tensor> tensors;  // without the tables; in the order of the file
};

// Throws CompileError "source: what". `bytes` must outlive the result.
Checkpoint read_checkpoint(std::span<const std::byte> bytes, const std::string& source);

}  // namespace sz::compiler::llama2c
