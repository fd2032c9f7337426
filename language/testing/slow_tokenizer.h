// The tokenizer again, as plainly as it can be said: what language/tokenizer.h is compared with.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "language/testing/tables_builder.h"

namespace sz::language::testing {

// The same tokens as Tokenizer::encode. Searches and copies again for every merge. kBpe: the words
// are those of language/words.h.
std::vector<std::uint32_t> encode_slowly(const TestVocabulary& vocabulary, std::string_view text,
                                         const EncodeOptions& options);

}  // namespace sz::language::testing
