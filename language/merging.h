// Merges neighbouring symbols of a text, the best pair first: the heart of both kinds of tokenizer.
#pragma once

#include <cstdint>
#include <span>

#include "base/memory.h"
#include "language/tokenizer_tables.h"

namespace sz::language {

// The memory of Merging. Symbols are known by the place where they begin; every array has an
// element for each byte of the text.
struct MergingArrays {
  std::span<std::uint32_t> next;    // where the next symbol begins: the end of this one
  std::span<std::uint32_t> before;  // where the symbol in front begins
  std::span<std::uint32_t> key;     // of the pair of this and the next; less is better
  std::span<std::uint32_t> winner;  // a tree over the keys: see Merging::update
  std::span<std::uint32_t> token;   // of this symbol; kNoToken: none has these bytes

  static constexpr std::uint64_t kBytesPerByte = 5 * sizeof(std::uint32_t);
};

// One text after the other. Takes n log n steps for n bytes.
class Merging {
 public:
  Merging(const TokenizerTables& tables, const MergingArrays& arrays)
      : tables_(tables), a_(arrays) {}

  // The symbols of `text` (not empty, at most as long as the arrays) after all merges are in next()
  // and token(), from place 0 on. kSpm: begins with characters, and merges what makes the piece
  // with the highest score. kBpe: begins with bytes, and merges by rank. The leftmost of equals
  // goes first.
  void run(ByteSpan text);

  std::uint32_t next(std::uint32_t at) const { return a_.next[at]; }
  std::uint32_t token(std::uint32_t at) const { return a_.token[at]; }

 private:
  // What the symbol at `at` and the one after it become.
  struct Pair {
    std::uint32_t key;  // kNever: nothing
    std::uint32_t token;
  };
  static constexpr std::uint32_t kNever = UINT32_MAX;

  void begin();
  void merge(std::uint32_t at);
  Pair pair(std::uint32_t at) const;
  std::uint32_t leaf(std::uint32_t node) const;
  std::uint32_t better(std::uint32_t a, std::uint32_t b) const;
  void update(std::uint32_t at);

  bool spm() const {
    return tables_.header->kind == static_cast<std::uint32_t>(TokenizerKind::kSpm);
  }
  std::uint32_t end() const { return static_cast<std::uint32_t>(text_.size()); }

  const TokenizerTables& tables_;
  const MergingArrays& a_;
  ByteSpan text_;
};

}  // namespace sz::language
