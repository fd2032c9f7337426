// Text to tokens and back, from the tables of language/tokenizer_format.h. Trusted: no allocation;
// whoever calls lends the memory.
#pragma once

#include <cstdint>
#include <span>

#include "base/memory.h"
#include "base/status.h"
#include "language/tokenizer_format.h"
#include "language/tokenizer_tables.h"

namespace sz::language {

struct EncodeOptions {
  bool bos = false;       // begin with the tokenizer's bos, if it wants one (kAddBos)
  bool specials = false;  // text like "<|im_end|>" names control tokens; else it is plain text
  bool begins = true;     // the text begins a context (kAddSpacePrefix applies)
};

// Borrows the tables; trivially destructible.
class Tokenizer {
 public:
  // Proves the tables sound: every offset, index, order. `tables` (4-byte aligned) must not change
  // as long as the tokenizer lives. Errors: kTokenizerInvalid with the offset of what is wrong;
  // then *out is unchanged.
  static Failure open(ByteSpan tables, Tokenizer* out) {
    return read_tables(tables, &out->tables_);
  }

  const TokenizerHeader& header() const { return *tables_.header; }

  // Bytes of working memory (8-byte aligned) for a text of so many bytes.
  static std::uint64_t work_bytes(std::uint64_t text_bytes);

  // Cuts `text` (UTF-8; bytes that are not are taken as single bytes, as the reference engines do)
  // into tokens; stores their number in *count. First the user-defined tokens (and the control
  // tokens, if `specials`) are cut out, the longest first, as llama.cpp does; what lies between is
  // merged. Where kAddSpacePrefix applies, a space goes in front of the text and of what follows
  // such a token. Time grows as n log n. `text` and `work` do not overlap. Errors: kPromptTooLong
  // (detail = tokens.size()) if `tokens` is too small; kBadParameters if `work` is.
  Failure encode(ByteSpan text, const EncodeOptions& options, MutableByteSpan work,
                 std::span<std::uint32_t> tokens, std::uint32_t* count) const;

  // The bytes that `token` adds to a text after `previous` (kNoToken: it is the first of the text).
  // The space that kAddSpacePrefix puts in front is left out where text begins anew. Empty for
  // tokens that stand for no text (control, unknown, unused) and numbers past the end.
  ByteSpan piece(std::uint32_t previous, std::uint32_t token) const;

  // Whether text after `previous` begins anew (EncodeOptions::begins): it is kNoToken, or a control
  // or user-defined token.
  bool begins_after(std::uint32_t previous) const;

  // True for eos and end_of_turn.
  bool ends(std::uint32_t token) const;

 private:
  TokenizerTables tables_;
};

}  // namespace sz::language
