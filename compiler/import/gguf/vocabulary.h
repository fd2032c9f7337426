// The tokenizer of a GGUF file.
#pragma once

#include "compiler/import/gguf/metadata.h"
#include "compiler/language/language_model.h"

namespace sz::compiler::gguf {

inline constexpr std::size_t kMaxChatTemplate = std::size_t{1} << 16;  // bytes

// tokenizer.ggml.model "llama" (SentencePiece's BPE) and "gpt2" with tokenizer.ggml.pre of GPT-2 or
// Llama 3. What llama.cpp takes where a key is missing is taken here too. Throws CompileError.
TokenizerData read_vocabulary(const Metadata& metadata);

// tokenizer.chat_template; empty if there is none.
std::string read_chat_template(const Metadata& metadata);

}  // namespace sz::compiler::gguf
