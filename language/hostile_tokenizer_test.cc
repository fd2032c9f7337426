// Tables that are damaged are refused, or do no harm.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "language/testing/tables_builder.h"
#include "language/tokenizer.h"

namespace sz::language {
namespace {

using testing::TestVocabulary;

TestVocabulary spm() {
  TestVocabulary v;
  v.unknown = v.add("<unk>", 0, TokenKind::kUnknown);
  v.bos = v.add("<s>", 0, TokenKind::kControl);
  v.eos = v.add("</s>", 0, TokenKind::kControl);
  v.add("\n", 0, TokenKind::kByte);
  for (const char* piece : {" ", "a", "b", "ab", " a", "abab"}) v.add(piece, -1);
  v.add("ba", 0, TokenKind::kUserDefined);
  v.flags = kAddBos | kAddSpacePrefix;
  return v;
}

TestVocabulary bpe() {
  TestVocabulary v;
  v.kind = TokenizerKind::kBpe;
  v.pre = PreTokenizer::kLlama3;
  for (const char* piece : {"a", "b", " ", "\n"}) v.add(piece);
  v.unknown = v.eos = v.add("<|end|>", 0, TokenKind::kControl);
  v.add_merge(0, 1);
  v.add_merge(2, 0);
  v.add_merge(v.find("ab"), v.find("ab"));
  return v;
}

// Opens a copy that is exactly as long as the tables, so that a sanitizer sees every byte beyond;
// if it is accepted, everything is tried.
Failure open_and_try(ByteSpan tables) {
  const std::vector<std::byte> copy(tables.begin(), tables.end());
  Tokenizer tokenizer;
  const Failure failure = Tokenizer::open(copy, &tokenizer);
  if (!failure.ok()) return failure;
  const std::string text = "<s>abab ba\n\xff</s>aab<|end|> a'sb";
  std::vector<std::uint64_t> work(Tokenizer::work_bytes(text.size()) / 8);
  for (const bool flag : {false, true}) {
    std::vector<std::uint32_t> tokens(2 * text.size() + 2);
    std::uint32_t count = 0;
    EXPECT_TRUE(tokenizer
                    .encode(std::as_bytes(std::span(text)),
                            {.bos = flag, .specials = flag, .begins = flag},
                            std::as_writable_bytes(std::span(work)), tokens, &count)
                    .ok());
    std::uint32_t previous = kNoToken;
    std::string pieces;
    for (std::uint32_t i = 0; i < count; ++i) {
      EXPECT_LT(tokens[i], tokenizer.header().tokens);
      for (const std::byte byte : tokenizer.piece(previous, tokens[i])) {
        pieces += static_cast<char>(byte);
      }
      previous = tokens[i];
    }
    EXPECT_LE(pieces.size(), std::size_t{count} * kMaxTokenBytes);
  }
  return failure;
}

class HostileTokenizer : public ::testing::TestWithParam<TestVocabulary (*)()> {
 protected:
  HostileTokenizer() : tables_(GetParam()().tables()) {}

  std::vector<std::byte> tables_;
};

TEST_P(HostileTokenizer, IsAcceptedUndamaged) { EXPECT_TRUE(open_and_try(tables_).ok()); }

TEST_P(HostileTokenizer, EveryTruncationAndEveryByteTooManyIsRefused) {
  for (std::size_t size = 0; size < tables_.size(); ++size) {
    EXPECT_EQ(open_and_try(ByteSpan(tables_).first(size)).status, Status::kTokenizerInvalid)
        << size;
  }
  tables_.push_back(std::byte{});
  EXPECT_EQ(open_and_try(tables_).status, Status::kTokenizerInvalid);
}

TEST_P(HostileTokenizer, EveryBitMayBeTurned) {
  for (std::size_t at = 0; at < tables_.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::vector<std::byte> damaged = tables_;
      damaged[at] ^= std::byte{static_cast<std::uint8_t>(1 << bit)};
      const Failure failure = open_and_try(damaged);
      if (failure.ok()) continue;
      EXPECT_EQ(failure.status, Status::kTokenizerInvalid);
      EXPECT_LT(failure.detail, tables_.size());
    }
  }
}

TEST_P(HostileTokenizer, EveryWordMayBeAnExtreme) {
  for (std::size_t at = 0; at + 4 <= tables_.size(); at += 4) {
    for (const std::uint32_t value : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xfffffffeu, 0xffffffffu}) {
      std::vector<std::byte> damaged = tables_;
      std::memcpy(&damaged[at], &value, 4);
      (void)open_and_try(damaged);
    }
  }
}

TEST_P(HostileTokenizer, SeveralDamagesAtOnce) {
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::byte> damaged = tables_;
    for (unsigned k = 0; k < 1 + random() % 4; ++k) {
      damaged[random() % damaged.size()] = static_cast<std::byte>(random());
    }
    (void)open_and_try(damaged);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, HostileTokenizer, ::testing::Values(&spm, &bpe));

// Where the parts of the tables of `v` begin.
struct Places {
  explicit Places(const TestVocabulary& v) {
    const std::size_t n = v.tokens.size();
    scores = offsets + 4 * (n + 1);
    kinds = scores + 4 * n;
    order = kinds + (n + 3) / 4 * 4;
    merges = order + 4 * n;
    specials = merges + sizeof(MergeRecord) * v.merges.size();
  }
  std::size_t offsets = sizeof(TokenizerHeader), scores, kinds, order, merges, specials;
};

template <typename T>
void put(std::vector<std::byte>* tables, std::size_t at, T value) {
  std::memcpy(&(*tables)[at], &value, sizeof(value));
}

template <typename T>
T get(const std::vector<std::byte>& tables, std::size_t at) {
  T value;
  std::memcpy(&value, &tables[at], sizeof(value));
  return value;
}

// Writes `value` at `at`; the tables must be refused because of `where`.
template <typename T>
void expect_refused(const TestVocabulary& v, std::size_t at, T value, std::size_t where) {
  std::vector<std::byte> tables = v.tables();
  put(&tables, at, value);
  const Failure failure = open_and_try(tables);
  EXPECT_EQ(failure.status, Status::kTokenizerInvalid);
  EXPECT_EQ(failure.detail, where);
}

TEST(TokenizerTables, EveryFieldOfTheHeaderIsChecked) {
  const auto at = [](std::size_t offset, std::uint32_t value) {
    expect_refused(spm(), offset, value, offset);
  };
  expect_refused(spm(), 7, std::uint8_t{2}, 0);
  at(offsetof(TokenizerHeader, kind), 2);
  at(offsetof(TokenizerHeader, pre), 1);  // kSpm has no pre-tokenizer
  expect_refused(bpe(), offsetof(TokenizerHeader, pre), 3u, offsetof(TokenizerHeader, pre));
  at(offsetof(TokenizerHeader, tokens), 0);
  at(offsetof(TokenizerHeader, tokens), kMaxTokens + 1);
  at(offsetof(TokenizerHeader, merges), 1);
  expect_refused(bpe(), offsetof(TokenizerHeader, merges), kMaxMerges + 1,
                 offsetof(TokenizerHeader, merges));
  at(offsetof(TokenizerHeader, specials), 12);
  at(offsetof(TokenizerHeader, text_bytes), 1);
  at(offsetof(TokenizerHeader, bos), 11);
  at(offsetof(TokenizerHeader, bos), kNoToken);  // kAddBos wants one
  at(offsetof(TokenizerHeader, eos), 11);
  at(offsetof(TokenizerHeader, unknown), 11);
  at(offsetof(TokenizerHeader, unknown), kNoToken);  // not every byte is covered
  at(offsetof(TokenizerHeader, end_of_turn), 11);
  at(offsetof(TokenizerHeader, flags), 8);
  at(offsetof(TokenizerHeader, flags), kIgnoreMerges);
  expect_refused(bpe(), offsetof(TokenizerHeader, flags), kAddSpacePrefix,
                 offsetof(TokenizerHeader, flags));
  at(offsetof(TokenizerHeader, reserved), 1);
}

TEST(TokenizerTables, EveryTableIsChecked) {
  const TestVocabulary v = spm();
  const Places p(v);
  expect_refused(v, p.offsets, 1u, p.offsets);
  expect_refused(v, p.offsets + 8, 0u, p.offsets + 8);                // falls
  expect_refused(v, p.offsets + 4 * 11, 99999u, p.offsets + 4 * 11);  // past the end
  expect_refused(v, p.offsets + 4 * 11, 33u, p.offsets + 4 * 11);     // not at the end
  expect_refused(v, p.scores + 4, 0x7f800000u, p.scores + 4);         // infinite
  expect_refused(v, p.scores + 40, 0xffc00000u, p.scores + 40);       // NaN
  expect_refused(v, p.kinds, std::uint8_t{6}, p.kinds);
  expect_refused(v, p.kinds + 7, std::uint8_t{4}, p.kinds + 7);    // a byte of two bytes
  expect_refused(v, p.kinds + 11, std::uint8_t{1}, p.kinds + 11);  // filling
  expect_refused(v, p.order + 8, 11u, p.order + 8);
  expect_refused(v, p.order + 8, get<std::uint32_t>(v.tables(), p.order + 4), p.order + 8);
  expect_refused(v, p.order, get<std::uint32_t>(v.tables(), p.order + 40), p.order + 4);
  expect_refused(v, p.specials, 11u, p.specials);
  expect_refused(v, p.specials, 5u, p.specials);          // a piece is none
  expect_refused(v, p.specials + 4, 2u, p.specials + 4);  // twice
}

TEST(TokenizerTables, EveryMergeIsChecked) {
  const TestVocabulary v = bpe();
  const Places p(v);
  const std::size_t second = p.merges + sizeof(MergeRecord);
  const std::size_t left = offsetof(MergeRecord, left);
  const std::size_t right = offsetof(MergeRecord, right);
  const std::size_t result = offsetof(MergeRecord, result);
  expect_refused(v, second + left, 99u, second + left);
  expect_refused(v, second + right, 99u, second + right);
  expect_refused(v, second + result, 99u, second + result);
  expect_refused(v, second + result, 0u, second + result);  // not the bytes of both
  const std::size_t rank = offsetof(MergeRecord, rank);
  expect_refused(v, second + rank, 0xffffffffu, second + rank);
  // Text must not merge to a control token.
  expect_refused(v, p.kinds + 6, std::uint8_t{2}, second + result);
  // In wrong order, and twice.
  std::vector<std::byte> tables = v.tables();
  const auto record = get<MergeRecord>(tables, p.merges);
  put(&tables, second, record);
  EXPECT_EQ(open_and_try(tables).detail, second);
  put(&tables, p.merges, get<MergeRecord>(v.tables(), second));
  EXPECT_EQ(open_and_try(tables).detail, second);
}

TEST(TokenizerTables, TooManyTokensOfTheSameBytesAreRefused) {
  TestVocabulary v = spm();
  while (v.tokens.size() < 11 + kMaxEqualTokens) v.add("x");
  for (int i = 0; i < 1000; ++i) v.add("", 0, TokenKind::kUnused);  // these do not matter
  EXPECT_TRUE(open_and_try(v.tables()).ok());
  v.add("x");
  EXPECT_EQ(open_and_try(v.tables()).status, Status::kTokenizerInvalid);
}

TEST(TokenizerTables, TokensThatAreTooLongAreRefused) {
  TestVocabulary v = spm();
  v.add(std::string(kMaxTokenBytes, 'x'));
  EXPECT_TRUE(open_and_try(v.tables()).ok());
  v.add(std::string(kMaxTokenBytes + 1, 'x'));
  EXPECT_EQ(open_and_try(v.tables()).detail, sizeof(TokenizerHeader) + 4 * v.tokens.size());
}

TEST(TokenizerTables, ThatAreNotAlignedAreRefusedAndChangeNothing) {
  const std::vector<std::byte> tables = spm().tables();
  std::vector<std::byte> shifted(tables.size() + 2);
  std::memcpy(&shifted[2], tables.data(), tables.size());
  Tokenizer tokenizer;
  ASSERT_TRUE(Tokenizer::open(tables, &tokenizer).ok());
  EXPECT_EQ(Tokenizer::open(ByteSpan(shifted).subspan(2), &tokenizer).status,
            Status::kTokenizerInvalid);
  EXPECT_EQ(static_cast<const void*>(&tokenizer.header()), tables.data());
}

}  // namespace
}  // namespace sz::language
