// Text to tokens and back, from the tables of language/tokenizer_format.h. Trusted: no allocation;
// whoever calls lends the memory.
#pragma once

#include <cstdint>
#include <span>

#include "base/memory.h"
#include "base/status.h"
#include "language/tokenizer_format.h"

namespace sz::language {

struct EncodeOptions {
  bool bos = false;       // begin with the tokenizer's bos, if it wants one (kAddBos)
  bool specials = false;  // text like "<|im_end|>" names control tokens; else it is plain text
  bool begins = true;     // the text begins a context (kAddSpacePrefix applies)
};

// Borrows the tables; trivially destructible.
class Tokenizer {
 public:
  // Proves the tables sound: every offset, index, order. `tables` (4-byte aligned) must not change as
  // long as the tokenizer lives. Errors: kTokenizerInvalid with the offset of what is wrong; then *out
  // is unchanged.
  static Failure open(ByteSpan tables, Tokenizer* out);

  const TokenizerHeader& header() const { return *header_; }

  // Bytes of working memory (8-byte aligned) for a text of so many bytes.
  static std::uint64_t work_bytes(std::uint64_t text_bytes);

  // Cuts `text` (UTF-8; bytes that are not are taken as single bytes, as the reference engines do) into
  // tokens; stores their number in *count. Time grows as n log n. Errors: kPromptTooLong (detail =
  // tokens.size()) if `tokens` is too small; kBadParameters if `work` is.
  Failure encode(ByteSpan text, const EncodeOptions& options, MutableByteSpan work,
                 std::span<std::uint32_t> tokens, std::uint32_t* count) const;

  // The bytes that `token` adds to a text after `previous` (kNoToken: it is the first of the text: the
  // space of kAddSpacePrefix is left out). Empty for control tokens and for numbers past the end.
  ByteSpan piece(std::uint32_t previous, std::uint32_t token) const;

  // True for eos and end_of_turn.
  bool ends(std::uint32_t token) const;

 private:
  const TokenizerHeader* header_ = nullptr;
  std::span<const std::uint32_t> offsets_;
  std::span<const float> scores_;
  std::span<const std::uint8_t> kinds_;
  std::span<const std::uint32_t> order_;
  std::span<const MergeRecord> merges_;
  std::span<const std::uint32_t> specials_;
  ByteSpan text_;
};

}  // namespace sz::language
