#include "language/words.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "language/unicode.h"

namespace sz::language {
namespace {

using Words = std::vector<std::string>;

Words cut(PreTokenizer pre, std::string_view text) {
  const ByteSpan bytes = std::as_bytes(std::span(text));
  Words words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = word_end(pre, bytes, at);
    EXPECT_GT(end, at);
    EXPECT_LE(end, text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

struct Case {
  std::string text;
  Words gpt2, llama3;
};

// What Python's `regex` finds with the two expressions (words.h).
const Case kCases[] = {
#include "language/testing/word_cases.inc"
};

TEST(Words, AreTheMatchesOfGpt2sExpression) {
  for (const Case& one : kCases) EXPECT_EQ(cut(PreTokenizer::kGpt2, one.text), one.gpt2);
}

TEST(Words, AreTheMatchesOfLlama3sExpression) {
  for (const Case& one : kCases) EXPECT_EQ(cut(PreTokenizer::kLlama3, one.text), one.llama3);
}

TEST(Words, AreTheWholeTextWithoutPreTokenizer) {
  EXPECT_EQ(cut(PreTokenizer::kNone, "a b\n\nc"), Words{"a b\n\nc"});
}

TEST(Words, TakeBadBytesAsSymbols) {
  EXPECT_EQ(cut(PreTokenizer::kGpt2, "a\xff\xc3 b"), (Words{"a", "\xff\xc3", " b"}));
  EXPECT_EQ(cut(PreTokenizer::kLlama3, "a\xff\n\xe2\x82z"),
            (Words{"a", "\xff\n", "\xe2\x82", "z"}));
  // A lone bad byte may stand in front of letters, as any symbol.
  EXPECT_EQ(cut(PreTokenizer::kLlama3, " \x80z"), (Words{" \x80", "z"}));
  EXPECT_EQ(cut(PreTokenizer::kLlama3, "\x80z"), Words{"\x80z"});
}

TEST(Words, LongRunsAreCutInTimeThatGrowsWithTheirLength) {
  constexpr std::size_t kLength = 1 << 20;  // with n^2 steps this would take hours
  const std::string spaces(kLength, ' ');
  EXPECT_EQ(cut(PreTokenizer::kLlama3, spaces).size(), 1u);
  EXPECT_EQ(cut(PreTokenizer::kGpt2, spaces + "a").size(), 2u);
  EXPECT_EQ(cut(PreTokenizer::kLlama3, "\n" + spaces + "a").size(), 3u);
  EXPECT_EQ(cut(PreTokenizer::kLlama3, std::string(kLength, '7')).size(), (kLength + 2) / 3);
  EXPECT_EQ(cut(PreTokenizer::kLlama3, std::string(kLength, 'a')).size(), 1u);
}

TEST(Unicode, ClassesHoldAtTheEndsOfTheirRanges) {
  const auto expect = [](std::uint32_t point, CharClass kind) {
    EXPECT_EQ(class_of(point), kind) << std::hex << point;
  };
  expect(0x08, CharClass::kOther);
  expect(0x09, CharClass::kSpace);
  expect(0x0d, CharClass::kSpace);
  expect(0x0e, CharClass::kOther);
  expect(0x1c, CharClass::kOther);  // white space for Python's str, but not for \s
  expect(0x85, CharClass::kSpace);
  expect(0xa0, CharClass::kSpace);
  expect(0xaa, CharClass::kLetter);
  expect(0xb2, CharClass::kNumber);
  expect(0x0300, CharClass::kOther);  // a mark
  expect(0x0660, CharClass::kNumber);
  expect(0x200b, CharClass::kOther);  // zero width space
  expect(0x2028, CharClass::kSpace);
  expect(0x2160, CharClass::kNumber);
  expect(0x3000, CharClass::kSpace);
  expect(0x4dff, CharClass::kOther);
  expect(0x4e00, CharClass::kLetter);
  expect(0xd800, CharClass::kOther);
  expect(0x1f600, CharClass::kOther);
  expect(0x10ffff, CharClass::kOther);
  expect(0x110000, CharClass::kOther);
  expect(0xffffffff, CharClass::kOther);
}

}  // namespace
}  // namespace sz::language
