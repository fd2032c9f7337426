#include "language/utf8.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

namespace sz::language {
namespace {

ByteSpan bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// The encoding by its definition; surrogates too.
std::string encoded(std::uint32_t point) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
  if (point < 0x80) return {byte(point)};
  if (point < 0x800) return {byte(0xc0 | point >> 6), byte(0x80 | (point & 63))};
  if (point < 0x10000) {
    return {byte(0xe0 | point >> 12), byte(0x80 | (point >> 6 & 63)), byte(0x80 | (point & 63))};
  }
  return {byte(0xf0 | point >> 18), byte(0x80 | (point >> 12 & 63)), byte(0x80 | (point >> 6 & 63)),
          byte(0x80 | (point & 63))};
}

TEST(Utf8, EveryCodePointIsRead) {
  for (std::uint32_t point = 0; point < 0x110000; ++point) {
    const std::string text = encoded(point);
    const CodePoint read = decode_utf8(bytes(text), 0);
    if (point >= 0xd800 && point < 0xe000) {
      ASSERT_EQ(read.value, kBadCodePoint);
      ASSERT_EQ(read.bytes, 1u);
    } else {
      ASSERT_EQ(read.value, point);
      ASSERT_EQ(read.bytes, text.size());
    }
  }
}

// Of every string of up to three bytes, and of four where the first is F0 to F5: bytes that read as
// one character are what that character is encoded to.
TEST(Utf8, NothingElseIsRead) {
  std::string text;
  std::size_t characters = 0;
  const auto look = [&] {
    const CodePoint read = decode_utf8(bytes(text), 0);
    if (read.value == kBadCodePoint || read.bytes != text.size()) return;
    ++characters;
    ASSERT_EQ(encoded(read.value), text);
  };
  for (int a = 0; a < 256; ++a) {
    text = {static_cast<char>(a)};
    look();
    for (int b = 0; b < 256; ++b) {
      text = {static_cast<char>(a), static_cast<char>(b)};
      look();
      if (a < 0xc0) continue;
      for (int c = 0; c < 256; ++c) {
        text = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)};
        look();
        for (int d : {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff}) {
          if (a < 0xf0) break;
          text = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c),
                  static_cast<char>(d)};
          look();
        }
      }
    }
  }
  const std::size_t four = 0x100000 / 64 * 2;  // those that end with 80 or BF
  EXPECT_EQ(characters, 0x80u + 0x780 + 0xf800 - 0x800 + four);
}

TEST(Utf8, FirstBadByteIsFound) {
  EXPECT_EQ(first_bad_byte(bytes("")), 0u);
  EXPECT_EQ(first_bad_byte(bytes("abc")), 3u);
  EXPECT_EQ(first_bad_byte(bytes("aé€🚀")), 10u);
  EXPECT_EQ(first_bad_byte(bytes("a\x80")), 1u);
  EXPECT_EQ(first_bad_byte(bytes("aé\xc0\xaf")), 3u);
  EXPECT_EQ(first_bad_byte(bytes("a\xe2\x82")), 1u);  // cut off
  EXPECT_EQ(first_bad_byte(bytes("\xed\xa0\x80")), 0u);
  EXPECT_EQ(first_bad_byte(bytes("\xf4\x90\x80\x80")), 0u);
  EXPECT_EQ(first_bad_byte(bytes("x\xff")), 1u);
}

TEST(Utf8, UnfinishedBytesAreThoseThatMoreBytesComplete) {
  EXPECT_EQ(unfinished_bytes(bytes("")), 0u);
  EXPECT_EQ(unfinished_bytes(bytes("abc")), 0u);
  EXPECT_EQ(unfinished_bytes(bytes("a\xe2")), 1u);
  EXPECT_EQ(unfinished_bytes(bytes("a\xe2\x82")), 2u);
  EXPECT_EQ(unfinished_bytes(bytes("a\xe2\x82\xac")), 0u);
  EXPECT_EQ(unfinished_bytes(bytes("\xf0\x9f\x9a")), 3u);
  EXPECT_EQ(unfinished_bytes(bytes("\xf0\x9f\x9a\x80")), 0u);
  EXPECT_EQ(unfinished_bytes(bytes("\xff")), 0u);
  EXPECT_EQ(unfinished_bytes(bytes("a\x80\x80")), 0u);
  EXPECT_EQ(unfinished_bytes(bytes("\xe0\x80")), 0u);  // nothing completes an overlong form
  EXPECT_EQ(unfinished_bytes(bytes("\xed\xa0")), 0u);
}

// Text that comes in pieces of any size, shown without its unfinished end, is shown whole.
TEST(Utf8, StreamedTextIsShownInWholeCharacters) {
  std::mt19937 random(3);
  std::string text;
  for (int i = 0; i < 2000; ++i) {
    std::uint32_t point = static_cast<std::uint32_t>(random()) % 0x110000 >> random() % 14;
    if (point >= 0xd800 && point < 0xe000) point = 'x';
    text += encoded(point);
  }
  std::string shown;
  std::string held;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t count = 1 + random() % 5;
    held += text.substr(at, count);
    at += count;
    const std::size_t whole = held.size() - unfinished_bytes(bytes(held));
    EXPECT_EQ(first_bad_byte(bytes(held).first(whole)), whole);
    shown += held.substr(0, whole);
    held.erase(0, whole);
  }
  EXPECT_EQ(held, "");
  EXPECT_EQ(shown, text);
}

}  // namespace
}  // namespace sz::language
