#include "client/utf8.h"

#include <gtest/gtest.h>

namespace sz::client {
namespace {

using std::string_literals::operator""s;

std::string joined(const std::string& bytes) {
  Utf8Joiner joiner;
  std::string text = joiner.add(bytes);
  return text + joiner.end();
}

const std::string kMark = "\xef\xbf\xbd";

TEST(Utf8Joiner, KeepsWhatIsValid) {
  for (const std::string& text :
       {""s, "plain"s, "\0zero"s, "\xc2\x80"s, "\xdf\xbf"s, "\xe0\xa0\x80"s, "\xed\x9f\xbf"s,
        "\xee\x80\x80"s, "\xef\xbf\xbf"s, "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s,
        "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80!"s}) {
    EXPECT_EQ(joined(text), text);
  }
}

TEST(Utf8Joiner, GivesCharactersOnlyWhole) {
  const std::string text = "\xc3\xaf|\xe2\x82\xac|\xf0\x9f\x98\x80|";
  Utf8Joiner joiner;
  std::string given;
  for (const char byte : text) {
    const std::string now = joiner.add(std::string(1, byte));
    EXPECT_TRUE(now.empty() || (static_cast<unsigned char>(now[0]) & 0xc0) != 0x80);
    given += now;
  }
  EXPECT_EQ(given, text);
  EXPECT_EQ(joiner.end(), "");
}

TEST(Utf8Joiner, MarksWhatCanBeNoCharacter) {
  EXPECT_EQ(joined("a\x80z"), "a" + kMark + "z");
  EXPECT_EQ(joined("\xff\xfe"), kMark + kMark);
  EXPECT_EQ(joined("\xc0\xaf"), kMark + kMark);                          // overlong
  EXPECT_EQ(joined("\xed\xa0\x80"), kMark + kMark + kMark);              // surrogate
  EXPECT_EQ(joined("\xf4\x90\x80\x80"), kMark + kMark + kMark + kMark);  // above U+10FFFF
  EXPECT_EQ(joined("\xe2\x82z"), kMark + "z");                           // one mark for the part
  EXPECT_EQ(joined("\xf0\x9f\x98\xf0\x9f\x98\x80"), kMark + "\xf0\x9f\x98\x80");
}

TEST(Utf8Joiner, MarksACharacterThatTheTextDoesNotFinish) {
  Utf8Joiner joiner;
  EXPECT_EQ(joiner.add("a\xf0\x9f\x98"), "a");
  EXPECT_EQ(joiner.end(), kMark);
  EXPECT_EQ(joiner.end(), "");
  EXPECT_EQ(joiner.add("b"), "b");
}

// Every text of three bytes, cut at every place, gives the same valid text; what was valid stays.
TEST(Utf8Joiner, GivesTheSameHoweverTheBytesCome) {
  for (unsigned number = 0; number < (1u << 24); number += 7) {
    const std::string bytes = {static_cast<char>(number), static_cast<char>(number >> 8),
                               static_cast<char>(number >> 16)};
    const std::string whole = joined(bytes);
    ASSERT_EQ(joined(whole), whole);
    for (std::size_t cut = 1; cut < 3; ++cut) {
      Utf8Joiner joiner;
      std::string text = joiner.add(bytes.substr(0, cut));
      text += joiner.add(bytes.substr(cut));
      text += joiner.end();
      ASSERT_EQ(text, whole) << number << " at " << cut;
    }
  }
}

}  // namespace
}  // namespace sz::client
