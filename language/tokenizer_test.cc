#include "language/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "language/testing/slow_tokenizer.h"
#include "language/testing/tables_builder.h"

namespace sz::language {
namespace {

using testing::encode_slowly;
using testing::TestTokenizer;
using testing::TestVocabulary;
using Tokens = std::vector<std::uint32_t>;

// <unk> <s> </s>, the bytes (kByte0 on), then some pieces.
constexpr std::uint32_t kByte0 = 3;
constexpr std::uint32_t kSpace = 259, kA = 260, kB = 261, kAcute = 263;
TestVocabulary small_spm() {
  TestVocabulary v;
  v.unknown = v.add("<unk>", 0, TokenKind::kUnknown);
  v.bos = v.add("<s>", 0, TokenKind::kControl);
  v.eos = v.add("</s>", 0, TokenKind::kControl);
  v.add_bytes(TokenKind::kByte);
  for (const char* piece : {" ", "a", "b", "c", "é"}) v.add(piece, -100);
  v.flags = kAddBos | kAddSpacePrefix;
  return v;
}

// GPT-2's order: first the bytes.
TestVocabulary small_bpe(PreTokenizer pre) {
  TestVocabulary v;
  v.kind = TokenizerKind::kBpe;
  v.pre = pre;
  v.add_bytes(TokenKind::kNormal);
  v.bos = v.eos = v.add("<|end|>", 0, TokenKind::kControl);
  return v;
}

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

class RandomText {
 public:
  explicit RandomText(unsigned seed) : random_(seed) {}

  std::uint32_t below(std::size_t n) { return static_cast<std::uint32_t>(random_() % n); }

  // Mostly few letters, so that there is much to merge.
  std::string of_parts(const std::vector<std::string>& parts, std::uint32_t most) {
    std::string text;
    for (std::uint32_t i = below(most + 1); i > 0; --i) text += parts[below(parts.size())];
    return text;
  }
  std::string valid(std::uint32_t most) {
    std::string text;
    for (std::uint32_t i = below(most + 1); i > 0; --i) {
      std::uint32_t point = below(0x110000) >> below(15);
      if (point >= 0xd800 && point < 0xe000) point = ' ';
      text += encoded(point);
    }
    return text;
  }
  std::string bytes(std::uint32_t most) {
    std::string text;
    for (std::uint32_t i = below(most + 1); i > 0; --i) text += static_cast<char>(random_());
    return text;
  }

 private:
  std::mt19937 random_;
};

TEST(SpmTokenizer, MergesThePairWithTheHighestScoreAndTheLeftmostOfEquals) {
  TestVocabulary v = small_spm();
  const std::uint32_t bc = v.add("bc", -1);
  v.add("ab", -2);
  const std::uint32_t aa = v.add("aa", -3);
  const TestTokenizer t(v);
  EXPECT_EQ(t.encode("abc"), (Tokens{kSpace, kA, bc}));
  EXPECT_EQ(t.encode("aaa"), (Tokens{kSpace, aa, kA}));
  EXPECT_EQ(t.encode("aaaaa", {.begins = false}), (Tokens{aa, aa, kA}));
}

TEST(SpmTokenizer, CharactersWithoutPieceBecomeBytes) {
  TestVocabulary v = small_spm();
  const TestTokenizer t(v);
  EXPECT_EQ(t.encode("é", {.begins = false}), Tokens{kAcute});
  EXPECT_EQ(t.encode("€", {.begins = false}),
            (Tokens{kByte0 + 0xe2, kByte0 + 0x82, kByte0 + 0xac}));
  EXPECT_EQ(t.encode("a\n", {.begins = false}), (Tokens{kA, kByte0 + 10}));
  // What is no UTF-8 too, and what is around it is not lost.
  EXPECT_EQ(t.encode("\xe2\x82"
                     "a\xff",
                     {.begins = false}),
            (Tokens{kByte0 + 0xe2, kByte0 + 0x82, kA, kByte0 + 0xff}));
  // A character whose parts have no piece may be part of one.
  v.add("a€", -1);
  EXPECT_EQ(TestTokenizer(v).encode("a€b", {.begins = false}), (Tokens{264, kB}));
}

TEST(SpmTokenizer, WithoutBytesTextIsUnknown) {
  TestVocabulary v;
  v.unknown = v.add("<unk>", 0, TokenKind::kUnknown);
  v.add("a", -1);
  const TestTokenizer t(v);
  EXPECT_EQ(t.encode("xa"), (Tokens{0, 1}));
  EXPECT_EQ(t.decode({0, 1}), "a");
}

TEST(SpmTokenizer, BeginsWithBosAndSpaceWhereAsked) {
  const TestTokenizer t(small_spm());
  EXPECT_EQ(t.encode("a", {.bos = true}), (Tokens{1, kSpace, kA}));
  EXPECT_EQ(t.encode("a", {.bos = true, .begins = false}), (Tokens{1, kA}));
  EXPECT_EQ(t.encode("", {.bos = true}), Tokens{1});
  EXPECT_EQ(t.encode(""), Tokens{});
  TestVocabulary v = small_spm();
  v.flags = 0;
  EXPECT_EQ(TestTokenizer(v).encode("a", {.bos = true}), Tokens{kA});
}

TEST(SpmTokenizer, UserDefinedTokensAreCutOutFirst) {
  TestVocabulary v = small_spm();
  const std::uint32_t ab = v.add("ab", 0, TokenKind::kUserDefined);
  const std::uint32_t bca = v.add("bca", 0, TokenKind::kUserDefined);
  const std::uint32_t bb = v.add("bb", -1);
  const TestTokenizer t(v);
  // The longer one first, wherever it stands; a space goes in front of what follows.
  EXPECT_EQ(t.encode("abca", {.begins = false}), (Tokens{kA, bca}));
  EXPECT_EQ(t.encode("abbb"), (Tokens{ab, kSpace, bb}));
  EXPECT_EQ(t.encode("ab ab"), (Tokens{ab, kSpace, kSpace, ab}));
  EXPECT_EQ(t.decode(t.encode("ab ab")), "ab ab");
}

TEST(SpmTokenizer, ControlTokensAreNamedOnlyWhereAsked) {
  TestVocabulary v = small_spm();
  const std::uint32_t begin = v.add("</s", -1);
  v.add("</", -1);
  const TestTokenizer t(v);
  EXPECT_EQ(t.encode("a</s>", {.specials = true}), (Tokens{kSpace, kA, 2}));
  // Not even by merging: no token of the result is a control token.
  const Tokens plain = t.encode("a</s>");
  EXPECT_EQ(plain, (Tokens{kSpace, kA, begin, kByte0 + '>'}));
  EXPECT_EQ(t.decode(plain), "a</s>");
}

TEST(SpmTokenizer, AgreesWithThePlainOne) {
  const std::vector<std::string> parts = {"a",  "b",   "c",    " ",    "é", "€",
                                          "ab", "<s>", "\xff", "\xe2", "x"};
  for (unsigned seed = 0; seed < 150; ++seed) {
    RandomText random(seed);
    TestVocabulary v = small_spm();
    for (std::uint32_t i = random.below(40); i > 0; --i) {
      const std::string piece = random.of_parts(parts, 4);
      const auto kind = random.below(12) == 0 ? TokenKind::kUserDefined : TokenKind::kNormal;
      // Few scores: many are equal.
      if (!piece.empty()) v.add(piece, static_cast<float>(random.below(7)) - 3, kind);
    }
    const TestTokenizer t(v);
    for (int i = 0; i < 20; ++i) {
      const std::string text = random.of_parts(parts, 40);
      const EncodeOptions options = {.bos = random.below(2) == 0,
                                     .specials = random.below(2) == 0,
                                     .begins = random.below(2) == 0};
      ASSERT_EQ(t.encode(text, options), encode_slowly(v, text, options)) << seed << ": " << text;
    }
  }
}

TEST(BpeTokenizer, MergesByRankInsideOfWords) {
  TestVocabulary v = small_bpe(PreTokenizer::kGpt2);
  const std::uint32_t bc = v.add_merge('b', 'c');
  const std::uint32_t ab = v.add_merge('a', 'b');
  const std::uint32_t abc = v.add_merge(ab, 'c');
  const TestTokenizer t(v);
  EXPECT_EQ(t.encode("abc"), (Tokens{'a', bc}));
  EXPECT_EQ(t.encode("ab c"), (Tokens{ab, ' ', 'c'}));
  EXPECT_EQ(t.encode("ab\xff"), (Tokens{ab, 0xff}));
  v.flags = kIgnoreMerges;
  EXPECT_EQ(TestTokenizer(v).encode("abc"), Tokens{abc});
}

TEST(BpeTokenizer, AgreesWithThePlainOne) {
  const std::vector<std::string> parts = {"a",  "b",   "c", " ",  "é",       "日",   "1",    "23",
                                          "'s", "'LL", "!", "\n", "<|end|>", "\xff", "\xe2", "ab"};
  for (unsigned seed = 0; seed < 100; ++seed) {
    RandomText random(seed);
    TestVocabulary v = small_bpe(static_cast<PreTokenizer>(seed % 3));
    if (random.below(2) == 0) v.flags = kIgnoreMerges;
    for (std::uint32_t i = random.below(60); i > 0; --i) {
      // Tokens of the letters above and of what was merged from them.
      const auto pick = [&] {
        const std::uint32_t made = static_cast<std::uint32_t>(v.tokens.size()) - 257;
        if (made > 0 && random.below(2) == 0) return 257 + random.below(made);
        const std::string part = parts[random.below(12)];
        return static_cast<std::uint32_t>(
            static_cast<unsigned char>(part[random.below(part.size())]));
      };
      const std::uint32_t left = pick();
      const std::uint32_t right = pick();
      const bool known = std::any_of(v.merges.begin(), v.merges.end(), [&](const auto& merge) {
        return merge.left == left && merge.right == right;
      });
      if (!known && v.tokens[left].text.size() + v.tokens[right].text.size() < 30) {
        v.add_merge(left, right);
      }
    }
    const TestTokenizer t(v);
    for (int i = 0; i < 20; ++i) {
      const std::string text = random.of_parts(parts, 30);
      const EncodeOptions options = {.specials = random.below(2) == 0};
      ASSERT_EQ(t.encode(text, options), encode_slowly(v, text, options)) << seed << ": " << text;
      ASSERT_EQ(t.decode(t.encode(text)), text);
    }
  }
}

TEST(Tokenizer, TextComesBack) {
  TestVocabulary spm = small_spm();
  RandomText random(11);
  const std::vector<std::string> parts = {"a", "b", "c", " ", "é", "€", "x"};
  for (int i = 0; i < 50; ++i) {
    const std::string piece = random.of_parts(parts, 4);
    if (!piece.empty()) spm.add(piece, -static_cast<float>(random.below(9)));
  }
  spm.add("ca", 0, TokenKind::kUserDefined);
  const TestTokenizer tokenizers[] = {TestTokenizer(spm),
                                      TestTokenizer(small_bpe(PreTokenizer::kLlama3))};
  for (int i = 0; i < 2000; ++i) {
    const std::string texts[] = {random.valid(60), random.bytes(60), random.of_parts(parts, 60)};
    for (const std::string& text : texts) {
      for (const TestTokenizer& t : tokenizers) {
        ASSERT_EQ(t.decode(t.encode(text)), text);
        ASSERT_EQ(t.decode(t.encode(text, {.bos = true})), text);
      }
    }
  }
}

TEST(Tokenizer, HugeTextsTakeLittleTime) {
  constexpr std::size_t kLength = 1 << 16;  // with n^2 steps this would take minutes
  TestVocabulary spm = small_spm();
  for (std::string piece = "aa"; piece.size() <= 1024; piece += piece) spm.add(piece, -1);
  const TestTokenizer t(spm);
  EXPECT_EQ(t.encode(std::string(kLength, 'a'), {.begins = false}).size(), kLength / 1024);
  const std::string text = std::string(kLength, 'x') + std::string(kLength, ' ');
  EXPECT_EQ(t.decode(t.encode(text)), text);

  TestVocabulary bpe = small_bpe(PreTokenizer::kLlama3);
  for (std::uint32_t last = 'a', i = 0; i < 10; ++i) last = bpe.add_merge(last, last);
  EXPECT_EQ(TestTokenizer(bpe).encode(std::string(kLength, 'a')).size(), kLength / 1024);
}

TEST(Tokenizer, RefusesTooManyTokensAndTooLittleMemory) {
  const TestTokenizer t(small_spm());
  const std::string text = "abc";
  const ByteSpan bytes = std::as_bytes(std::span(text));
  std::vector<std::uint64_t> memory(Tokenizer::work_bytes(text.size()) / 8 + 1);
  const MutableByteSpan work = std::as_writable_bytes(std::span(memory));
  std::uint32_t count = 77;
  Tokens room(10);
  for (std::uint32_t size = 0; size < 4; ++size) {
    const Failure failure = t.get().encode(bytes, {}, work, std::span(room).first(size), &count);
    EXPECT_EQ(failure.status, Status::kPromptTooLong);
    EXPECT_EQ(failure.detail, size);
  }
  EXPECT_EQ(t.get().encode(bytes, {}, work.first(work.size() - 16), room, &count).status,
            Status::kBadParameters);
  EXPECT_EQ(t.get().encode(bytes, {}, work.subspan(4), room, &count).status,
            Status::kBadParameters);
  EXPECT_EQ(count, 77u);
  EXPECT_TRUE(t.get().encode(bytes, {}, work.subspan(8), std::span(room).first(4), &count).ok());
  EXPECT_EQ(count, 4u);
}

TEST(Tokenizer, PiecesFollowTheRulesOfTheReferences) {
  TestVocabulary v = small_spm();
  const std::uint32_t word = v.add(" a", -1);
  const std::uint32_t user = v.add(" u", 0, TokenKind::kUserDefined);
  const std::uint32_t unused = v.add(" n", 0, TokenKind::kUnused);
  const TestTokenizer t(v);
  const auto piece = [&](std::uint32_t previous, std::uint32_t token) {
    const ByteSpan bytes = t.get().piece(previous, token);
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  EXPECT_EQ(piece(kNoToken, word), "a");
  EXPECT_EQ(piece(v.bos, word), "a");
  EXPECT_EQ(piece(user, word), "a");
  EXPECT_EQ(piece(word, word), " a");
  EXPECT_EQ(piece(kNoToken, kByte0 + ' '), "");
  EXPECT_EQ(piece(word, kByte0 + ' '), " ");
  EXPECT_EQ(piece(v.bos, user), " u");
  for (const std::uint32_t token : {0u, 1u, 2u, unused, unused + 1, kNoToken}) {
    EXPECT_EQ(piece(word, token), "");
  }
  EXPECT_TRUE(t.get().ends(v.eos));
  EXPECT_FALSE(t.get().ends(v.bos));
  EXPECT_FALSE(t.get().ends(kNoToken));
  v.flags = 0;
  v.end_of_turn = user;
  const TestTokenizer other(v);
  EXPECT_EQ(other.get().piece(kNoToken, word).size(), 2u);
  EXPECT_TRUE(other.get().ends(user));
}

}  // namespace
}  // namespace sz::language
