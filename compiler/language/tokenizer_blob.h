// A vocabulary as the bytes that the trusted tokenizer reads: language/tokenizer_format.h.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "compiler/language/language_model.h"

namespace sz::compiler {

// `source` begins messages. Throws CompileError: too many tokens or merges, tokens that are too
// long, numbers of tokens that do not exist, scores that are not finite, merges that make no token
// or stand there twice.
std::vector<std::byte> tokenizer_blob(const TokenizerData& tokenizer, const std::string& source);

}  // namespace sz::compiler
