#include "language/words.h"

#include <cstdint>

#include "language/unicode.h"
#include "language/utf8.h"

namespace sz::language {
namespace {

struct Char {
  std::uint32_t value = kBadCodePoint;
  std::size_t end = 0;  // where the next begins
  CharClass kind = CharClass::kOther;
  bool there = false;  // false past the end: of no class

  bool is(CharClass one) const { return there && kind == one; }
  bool is(std::uint32_t point) const { return there && value == point; }
  bool is_line_end() const { return is('\r') || is('\n'); }
};

Char char_at(ByteSpan text, std::size_t at) {
  if (at >= text.size()) return {kBadCodePoint, at, CharClass::kOther, false};
  const CodePoint point = decode_utf8(text, at);
  return {point.value, at + point.bytes, class_of(point.value), true};
}

// The end of the longest run from `at` on of characters of a class, at most `most` of them.
std::size_t run_end(ByteSpan text, std::size_t at, CharClass kind, std::size_t most = SIZE_MAX) {
  for (std::size_t count = 0; count < most; ++count) {
    const Char next = char_at(text, at);
    if (!next.is(kind)) break;
    at = next.end;
  }
  return at;
}

std::size_t line_ends_end(ByteSpan text, std::size_t at) {
  while (char_at(text, at).is_line_end()) ++at;
  return at;
}

std::uint8_t lower_at(ByteSpan text, std::size_t at, bool any_case) {
  if (at >= text.size()) return 0;
  const auto byte = static_cast<std::uint8_t>(text[at]);
  return any_case && byte >= 'A' && byte <= 'Z' ? static_cast<std::uint8_t>(byte + 32) : byte;
}

// The end of 's, 't, 're, 've, 'm, 'll or 'd; `at` if none is there.
std::size_t contraction_end(ByteSpan text, std::size_t at, bool any_case) {
  if (static_cast<std::uint8_t>(text[at]) != '\'') return at;
  const std::uint8_t first = lower_at(text, at + 1, any_case);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
  const std::uint8_t second = lower_at(text, at + 2, any_case);
  const bool two = (first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
                   (first == 'l' && second == 'l');
  return two ? at + 3 : at;
}

// \s+(?!\S)|\s+ at a space: the run, but for its last character where something follows the run,
// unless that is all of it.
std::size_t spaces_end(ByteSpan text, std::size_t at) {
  std::size_t end = at;
  std::size_t last = at;  // where the last character of the run begins
  for (Char next = char_at(text, at); next.is(CharClass::kSpace); next = char_at(text, end)) {
    last = end;
    end = next.end;
  }
  return end == text.size() || last == at ? end : last;
}

std::size_t gpt2_end(ByteSpan text, std::size_t at) {
  const std::size_t contraction = contraction_end(text, at, false);
  if (contraction != at) return contraction;
  const Char first = char_at(text, at);
  // The optional space in front of letters, numbers or symbols.
  const Char body = first.is(' ') ? char_at(text, first.end) : first;
  if (body.there && body.kind != CharClass::kSpace) return run_end(text, body.end, body.kind);
  return spaces_end(text, at);
}

// \s*[\r\n]+ at a space: up to the last line end of the run; `at` if it has none.
std::size_t lines_end(ByteSpan text, std::size_t at) {
  std::size_t end = at;
  for (Char next = char_at(text, at); next.is(CharClass::kSpace); next = char_at(text, next.end)) {
    if (next.is_line_end()) end = next.end;
  }
  return end;
}

std::size_t llama3_end(ByteSpan text, std::size_t at) {
  const std::size_t contraction = contraction_end(text, at, true);
  if (contraction != at) return contraction;
  const Char first = char_at(text, at);
  if (first.is(CharClass::kLetter)) return run_end(text, first.end, CharClass::kLetter);
  if (first.is(CharClass::kNumber)) return run_end(text, at, CharClass::kNumber, 3);
  const Char second = char_at(text, first.end);
  if (!first.is_line_end() && second.is(CharClass::kLetter)) {
    return run_end(text, second.end, CharClass::kLetter);
  }
  const Char symbol = first.is(' ') ? second : first;
  if (symbol.is(CharClass::kOther)) {
    return line_ends_end(text, run_end(text, symbol.end, CharClass::kOther));
  }
  const std::size_t lines = lines_end(text, at);
  return lines != at ? lines : spaces_end(text, at);
}

}  // namespace

std::size_t word_end(PreTokenizer pre, ByteSpan text, std::size_t at) {
  if (pre == PreTokenizer::kGpt2) return gpt2_end(text, at);
  if (pre == PreTokenizer::kLlama3) return llama3_end(text, at);
  return text.size();
}

}  // namespace sz::language
