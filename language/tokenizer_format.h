// The tokenizer of a language model, as bytes. The compiler writes it, it lies among the weights
// (so that their digest covers it), and language/tokenizer.h proves it sound before it is used.
//
//   TokenizerHeader | offsets: (tokens + 1) x u32 into the text | scores: tokens x f32 |
//   kinds: tokens x u8, filled up to 4 bytes | order: tokens x u32 | merges x MergeRecord |
//   specials x u32 | text
//
// Token t is the bytes text[offsets[t], offsets[t + 1]): those that it adds to a text (a space is a
// space). `order` lists the tokens in rising order of their bytes (as unsigned), equal ones by
// number; at most kMaxEqualTokens have the same bytes, unless these are none. Merges are in rising
// order of (left, right); the result is kNormal or kUserDefined and has the bytes of both.
// `specials` lists the control and user-defined tokens that text may name, longest first, then by
// number. Every byte is covered: by a kByte token, by a kNormal or kUserDefined one of that byte
// alone, or by `unknown`.
#pragma once

#include <array>
#include <cstdint>

namespace sz::language {

inline constexpr std::array<std::uint8_t, 8> kTokenizerMagic = {'S', 'Z', 'T', 'O', 'K', 0, 0, 1};
inline constexpr std::uint32_t kMaxTokens = 1u << 20;
inline constexpr std::uint32_t kMaxMerges = 1u << 21;
inline constexpr std::uint32_t kMaxTokenBytes = 1024;  // of one token
inline constexpr std::uint32_t kMaxEqualTokens = 64;
inline constexpr std::uint32_t kNoToken = 0xffffffffu;

enum class TokenizerKind : std::uint32_t {
  kSpm = 0,  // SentencePiece's BPE: merges the neighbours whose piece has the highest score
  kBpe = 1,  // GPT-2's: merges by rank, in words that a pre-tokenizer cuts
};

// How kBpe cuts text into words: GGUF's tokenizer.ggml.pre.
enum class PreTokenizer : std::uint32_t { kNone = 0, kGpt2 = 1, kLlama3 = 2 };

enum class TokenKind : std::uint8_t {
  kNormal = 0,
  kUnknown = 1,
  kControl = 2,      // never shown; text names it only where specials are asked for
  kUserDefined = 3,  // text that is always one token
  kByte = 4,         // one byte of text that no piece covers; `text` is that byte
  kUnused = 5,
};

struct TokenizerHeader {
  std::array<std::uint8_t, 8> magic;
  std::uint32_t kind;    // TokenizerKind
  std::uint32_t pre;     // PreTokenizer; kNone for kSpm
  std::uint32_t tokens;  // at least 1
  std::uint32_t merges;  // 0 for kSpm
  std::uint32_t specials;
  std::uint32_t text_bytes;
  std::uint32_t bos, eos, unknown;  // kNoToken: none
  std::uint32_t end_of_turn;        // a second end, for chats; kNoToken: none
  std::uint32_t flags;              // TokenizerFlags
  std::uint32_t reserved;           // 0
};
static_assert(sizeof(TokenizerHeader) == 56);

inline constexpr std::uint32_t kAddBos = 1;          // a text begins with bos
inline constexpr std::uint32_t kAddSpacePrefix = 2;  // kSpm: a text begins with a space
inline constexpr std::uint32_t kIgnoreMerges = 4;    // kBpe: a word that is a token is that token

struct MergeRecord {
  std::uint32_t left, right, result, rank;
};
static_assert(sizeof(MergeRecord) == 16);

}  // namespace sz::language
