// A vocabulary as the bytes that the trusted tokenizer reads: language/tokenizer_format.h.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "compiler/language/language_model.h"

namespace sz::compiler {

// `source` begins messages. Throws CompileError for all that the trusted reader would refuse: too
// many tokens or merges, or too many of the same bytes; tokens that are too long; bytes that no
// token stands for; numbers of tokens that do not exist; scores that are not finite; merges that
// make no token or stand there twice; settings that the kind does not have.
std::vector<std::byte> tokenizer_blob(const TokenizerData& tokenizer, const std::string& source);

}  // namespace sz::compiler
