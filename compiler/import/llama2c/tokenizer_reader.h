// llama2.c's tokenizer.bin: the longest token's length, then score, length and bytes of each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "compiler/language/language_model.h"

namespace sz::compiler {

// Tokens 0, 1 and 2 are what stands for unknown text, begins and ends texts, 3 to 258 are the
// bytes. llama2.c ends a text where the model begins a new one, so 1 is the end of turns. The file
// does not say how many tokens it has: `vocabulary` must be right. Throws CompileError "source:
// what".
TokenizerData read_llama2c_tokenizer(std::span<const std::byte> bytes, std::uint32_t vocabulary,
                                     const std::string& source);

}  // namespace sz::compiler
