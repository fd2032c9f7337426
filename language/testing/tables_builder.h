// Makes the tables of language/tokenizer_format.h for tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory.h"
#include "language/tokenizer.h"

namespace sz::language::testing {

struct TestToken {
  std::string text;
  float score = 0;
  TokenKind kind = TokenKind::kNormal;
};

struct TestMerge {
  std::uint32_t left, right;  // in rising order of rank
};

struct TestVocabulary {
  TokenizerKind kind = TokenizerKind::kSpm;
  PreTokenizer pre = PreTokenizer::kNone;
  std::vector<TestToken> tokens;
  std::vector<TestMerge> merges;
  std::uint32_t bos = kNoToken, eos = kNoToken, unknown = kNoToken, end_of_turn = kNoToken;
  std::uint32_t flags = 0;

  std::uint32_t add(std::string text, float score = 0, TokenKind kind_of = TokenKind::kNormal);
  std::uint32_t add_merge(std::uint32_t left, std::uint32_t right);  // and the token, if it is new
  void add_bytes(TokenKind kind_of);  // a token for each byte, 0 to 255

  // The lowest token of these bytes; throws if there is none.
  std::uint32_t find(std::string_view text) const;
  std::vector<std::byte> tables() const;
};

// A tokenizer.bin of llama2.c (unknown, bos, eos, 256 bytes, pieces). Throws if it is cut off.
TestVocabulary read_llama2c(const std::string& path);

// A tokenizer with the memory that it wants. Throws where the tables are refused.
class TestTokenizer {
 public:
  explicit TestTokenizer(const TestVocabulary& vocabulary);

  // Throws on every failure. The memory lent is exactly what is asked for, and so are the tokens.
  std::vector<std::uint32_t> encode(std::string_view text, EncodeOptions options = {}) const;
  // The pieces of all tokens, from the first of a text on.
  std::string decode(const std::vector<std::uint32_t>& tokens) const;
  const Tokenizer& get() const { return tokenizer_; }

 private:
  std::vector<std::byte> tables_;
  Tokenizer tokenizer_;
};

}  // namespace sz::language::testing
