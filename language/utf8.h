// UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/memory.h"

namespace sz::language {

inline constexpr std::uint32_t kBadCodePoint = 0xffffffffu;

struct CodePoint {
  std::uint32_t value;  // kBadCodePoint: the byte begins no character
  std::uint32_t bytes;  // 1 for a bad byte
};

namespace utf8 {

// How a character may begin: by its first byte, the number of its bytes and the range of the
// second.
struct Lead {
  std::uint32_t bytes;  // 0: no character begins so
  std::uint8_t low, high;
};

constexpr Lead lead(std::uint8_t first) {
  if (first < 0x80) return {1, 0, 0};
  if (first < 0xc2) return {0, 0, 0};  // continuation bytes, and overlong forms of two bytes
  if (first < 0xe0) return {2, 0x80, 0xbf};
  if (first == 0xe0) return {3, 0xa0, 0xbf};  // less would be overlong
  if (first == 0xed) return {3, 0x80, 0x9f};  // more would be a surrogate
  if (first < 0xf0) return {3, 0x80, 0xbf};
  if (first == 0xf0) return {4, 0x90, 0xbf};  // less would be overlong
  if (first < 0xf4) return {4, 0x80, 0xbf};
  if (first == 0xf4) return {4, 0x80, 0x8f};  // more would be above U+10FFFF
  return {0, 0, 0};
}

// How many bytes of `text` from `at` on fit into the character that begins there; less than
// `begins.bytes` if it is cut off or damaged.
constexpr std::uint32_t fitting(ByteSpan text, std::size_t at, Lead begins) {
  std::uint32_t fits = 1;
  for (; fits < begins.bytes && at + fits < text.size(); ++fits) {
    const auto byte = static_cast<std::uint8_t>(text[at + fits]);
    const std::uint8_t low = fits == 1 ? begins.low : 0x80;
    const std::uint8_t high = fits == 1 ? begins.high : 0xbf;
    if (byte < low || byte > high) break;
  }
  return fits;
}

}  // namespace utf8

// The character that begins at text[at]; at < text.size().
constexpr CodePoint decode_utf8(ByteSpan text, std::size_t at) {
  const auto first = static_cast<std::uint8_t>(text[at]);
  if (first < 0x80) return {first, 1};
  const utf8::Lead begins = utf8::lead(first);
  if (begins.bytes == 0 || utf8::fitting(text, at, begins) != begins.bytes) {
    return {kBadCodePoint, 1};
  }
  std::uint32_t value = first & (0x7fu >> begins.bytes);
  for (std::uint32_t i = 1; i < begins.bytes; ++i) {
    value = value << 6 | (static_cast<std::uint32_t>(text[at + i]) & 0x3fu);
  }
  return {value, begins.bytes};
}

// The offset of the first byte that is not part of a character; text.size() if there is none.
constexpr std::size_t first_bad_byte(ByteSpan text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const CodePoint point = decode_utf8(text, at);
    if (point.value == kBadCodePoint) break;
    at += point.bytes;
  }
  return at;
}

// How many bytes at the end of `text` begin a character that bytes to come may complete (0 to 3).
// Who shows text as it comes holds them back.
constexpr std::size_t unfinished_bytes(ByteSpan text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const std::size_t at = text.size() - back;
    const utf8::Lead begins = utf8::lead(static_cast<std::uint8_t>(text[at]));
    if (begins.bytes > back && utf8::fitting(text, at, begins) == back) return back;
  }
  return 0;
}

}  // namespace sz::language
