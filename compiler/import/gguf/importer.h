// GGUF files with a model of the llama architecture: to a language model, and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "compiler/language/language_model.h"

namespace sz::compiler {

struct GgufImportOptions {
  std::string source = "model.gguf";               // the file's name, for messages
  std::uint64_t budget = std::uint64_t{32} << 30;  // most bytes of all matrices as they are kept
};

// The file is taken as hostile. Matrices in F32, F16, Q8_0 and Q4_0 stay as they are; those in
// BF16, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K become f32 (`stored_as` has their type). Refused by
// name: other architectures, keys of the architecture that are not known, other types, tensors that
// are missing or unknown (biases), mixtures of experts, files in several parts. Throws CompileError
// "source: what", with the key or tensor.
LanguageModel import_gguf(std::span<const std::byte> bytes, const GgufImportOptions& options);

// The vocabulary alone, also of files without tensors.
TokenizerData import_gguf_tokenizer(std::span<const std::byte> bytes, const std::string& source);

}  // namespace sz::compiler
