#include "client/utf8.h"

#include <cstddef>

namespace sz::client {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

struct Found {
  enum class What { kCharacter, kBeginning, kBroken };
  What what;
  std::size_t bytes;  // of it
};

// The range that the second byte of a character must be in, which keeps out overlong forms,
// surrogates and numbers above U+10FFFF (Unicode, table 3-7).
void second_range(unsigned char first, unsigned* low, unsigned* high) {
  *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
}

std::size_t length_of(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  if (first >= 0xf0 && first <= 0xf4) return 4;
  return 0;
}

// What `text`, which is not empty, begins with.
Found first_of(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = length_of(first);
  if (length == 0) return {Found::What::kBroken, 1};
  unsigned low = 0, high = 0;
  second_range(first, &low, &high);
  for (std::size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {Found::What::kBeginning, i};
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < low || byte > high) return {Found::What::kBroken, i};
    low = 0x80;
    high = 0xbf;
  }
  return {Found::What::kCharacter, length};
}

}  // namespace

std::string Utf8Joiner::add(std::string_view bytes) {
  const std::string all = waiting_ + std::string(bytes);
  waiting_.clear();
  std::string text;
  for (std::size_t at = 0; at < all.size();) {
    const std::string_view rest = std::string_view(all).substr(at);
    const Found found = first_of(rest);
    if (found.what == Found::What::kBeginning) {
      waiting_ = rest;
      break;
    }
    text += found.what == Found::What::kCharacter ? rest.substr(0, found.bytes) : kReplacement;
    at += found.bytes;
  }
  return text;
}

std::string Utf8Joiner::end() {
  const bool unfinished = !waiting_.empty();
  waiting_.clear();
  return unfinished ? std::string(kReplacement) : std::string();
}

}  // namespace sz::client
