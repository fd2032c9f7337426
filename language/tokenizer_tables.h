// The tables of language/tokenizer_format.h, proved sound, and how tokens are found in them.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/memory.h"
#include "base/status.h"
#include "language/tokenizer_format.h"

namespace sz::language {

// Borrows the bytes; trivially destructible.
struct TokenizerTables {
  const TokenizerHeader* header = nullptr;
  std::span<const std::uint32_t> offsets;
  std::span<const float> scores;
  std::span<const std::uint8_t> kinds;
  std::span<const std::uint32_t> order;
  std::span<const MergeRecord> merges;
  std::span<const std::uint32_t> specials;
  ByteSpan text;
  std::uint32_t longest = 0;  // bytes of the longest token
  // The token of a byte alone: kByte before pieces (kBpe: pieces before kByte), else `unknown`.
  std::array<std::uint32_t, 256> bytes = {};

  ByteSpan text_of(std::uint32_t token) const {
    return text.subspan(offsets[token], offsets[token + 1] - offsets[token]);
  }
  TokenKind kind_of(std::uint32_t token) const { return static_cast<TokenKind>(kinds[token]); }

  // The kNormal or kUserDefined token of these bytes with the lowest number; kNoToken: none.
  std::uint32_t find_piece(ByteSpan piece) const;

  // nullptr: these do not merge.
  const MergeRecord* find_merge(std::uint32_t left, std::uint32_t right) const;
};

// Proves what language/tokenizer_format.h says of the tables, which are `tables` exactly (4-byte
// aligned). Errors: kTokenizerInvalid with the offset of what is wrong; then *out is unchanged.
Failure read_tables(ByteSpan tables, TokenizerTables* out);

}  // namespace sz::language
