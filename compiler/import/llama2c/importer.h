// llama2.c's checkpoints and tokenizers: to a language model, and nothing else.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "compiler/language/language_model.h"

namespace sz::compiler {

// Both files are taken as hostile. Matrices of f32 stay so. Those of version 2 become q8_0 where
// its groups are whole blocks of a row (group size and row multiples of 32; the scales are rounded
// to f16, a relative 2^-11), else f32, which is exact; `stored_as` tells the group size. Throws
// CompileError "source: what", with the tensor (or token) and the byte.
LanguageModel import_llama2c(std::span<const std::byte> checkpoint,
                             std::span<const std::byte> tokenizer, const std::string& source,
                             const std::string& tokenizer_source);

}  // namespace sz::compiler
