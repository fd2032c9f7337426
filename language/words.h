// Cuts text into the words in which byte-pair encoding merges.
#pragma once

#include <cstddef>

#include "base/memory.h"
#include "language/tokenizer_format.h"

namespace sz::language {

// Where the word ends that begins at text[at]: > at; at < text.size(). Each is the first match at
// its place of a regular expression:
//   kGpt2    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//   kLlama3  (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
//             ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
//   kNone    the whole text is one word
// (?i) knows ASCII only, as llama.cpp does. A byte that is no UTF-8 counts as a symbol. To cut a
// whole text takes time in proportion to its length.
std::size_t word_end(PreTokenizer pre, ByteSpan text, std::size_t at);

}  // namespace sz::language
