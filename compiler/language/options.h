// How a language model is compiled.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "ops/transformer/blocks.h"

namespace sz::compiler {

struct LanguageOptions {
  // The format of all matrices. Nothing: as the file has them; types without a kernel become q8_0.
  std::optional<ops::BlockFormat> quantize{};
  // Of the key-value cache: f32, f16 or q8_0.
  ops::BlockFormat cache = ops::BlockFormat::kF32;
  // Tokens that the caches hold. 0: as many as the model was trained for, at most 4096.
  std::uint32_t context = 0;
  // Most tokens of a prompt that are computed at once. More is faster and takes more memory.
  std::uint32_t batch = 64;
  // Logits may leave the secure world (package::kLogitsMayLeave).
  bool logits_may_leave = false;
  // q4_0: tokens that the model writes so that matrices are rounded for its own texts. 0: every number is
  // rounded by itself.
  std::uint32_t calibration = 2048;
  // llama2.c: the file of the tokenizer. Empty: tokenizer.bin beside the model.
  std::string tokenizer_path{};
};

// "f32", "f16", "q8_0", "q4_0".
std::string_view format_name(ops::BlockFormat format);
std::optional<ops::BlockFormat> parse_format(std::string_view name);

}  // namespace sz::compiler
