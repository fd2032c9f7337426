// The bytes of a vocabulary, taken apart by the description in language/tokenizer_format.h.
#include "compiler/language/tokenizer_blob.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

#include "compiler/error.h"
#include "language/tokenizer.h"

namespace sz::compiler {
namespace {

using language::kNoToken;
using language::MergeRecord;
using language::TokenizerHeader;
using language::TokenKind;

// The parts of a blob, one behind the other.
class Parts {
 public:
  explicit Parts(const std::vector<std::byte>& bytes) : bytes_(bytes) {}
  template <typename T>
  std::vector<T> take(std::size_t count) {
    std::vector<T> values(count);
    EXPECT_LE(at_ + count * sizeof(T), bytes_.size());
    if (count != 0) std::memcpy(values.data(), bytes_.data() + at_, count * sizeof(T));
    at_ += count * sizeof(T);
    return values;
  }
  std::size_t left() const { return bytes_.size() - at_; }

 private:
  const std::vector<std::byte>& bytes_;
  std::size_t at_ = 0;
};

TokenizerData random_tokenizer(std::uint32_t seed) {
  std::mt19937 random(seed);
  TokenizerData data;
  data.kind = language::TokenizerKind::kBpe;
  data.pre = language::PreTokenizer::kGpt2;
  data.add_space_prefix = false;
  data.ignore_merges = seed % 2 == 0;
  for (unsigned byte = 0; byte < 256; ++byte) {
    data.tokens.push_back({std::string(1, static_cast<char>(byte)), 0.5f, TokenKind::kNormal});
  }
  const auto has = [&](const TokenizerData::Merge& merge) {
    for (const auto& old : data.merges) {
      if (old.left == merge.left && old.right == merge.right) return true;
    }
    return false;
  };
  for (unsigned i = 0; i < 50 + seed; ++i) {
    const auto count = static_cast<std::uint32_t>(data.tokens.size());
    const TokenizerData::Merge merge = {static_cast<std::uint32_t>(random() % count),
                                        static_cast<std::uint32_t>(random() % count)};
    const std::string bytes = data.tokens[merge.left].bytes + data.tokens[merge.right].bytes;
    if (has(merge) || bytes.size() > 100) continue;
    data.merges.push_back(merge);
    data.tokens.push_back({bytes, -1.0f * static_cast<float>(i), TokenKind::kNormal});
  }
  data.tokens.push_back({"<|a|>", 0.0f, TokenKind::kControl});
  data.tokens.push_back({"", 0.0f, TokenKind::kControl});
  data.tokens.push_back({"<|longer|>", 0.0f, TokenKind::kUserDefined});
  data.tokens.push_back({"<|b|>", 0.0f, TokenKind::kControl});
  data.bos = 3;
  return data;
}

TEST(TokenizerBlob, IsAsTheFormatSays) {
  for (std::uint32_t seed = 0; seed < 8; ++seed) {
    const TokenizerData data = random_tokenizer(seed);
    const auto bytes = tokenizer_blob(data, "model");
    Parts parts(bytes);
    const TokenizerHeader header = parts.take<TokenizerHeader>(1)[0];
    EXPECT_EQ(header.magic, language::kTokenizerMagic);
    EXPECT_EQ(header.kind, 1u);
    EXPECT_EQ(header.pre, 1u);
    EXPECT_EQ(header.reserved, 0u);
    EXPECT_EQ(header.flags, language::kAddBos | (seed % 2 == 0 ? language::kIgnoreMerges : 0u));
    EXPECT_EQ(header.bos, 3u);
    EXPECT_EQ(header.eos, kNoToken);
    EXPECT_EQ(header.end_of_turn, kNoToken);
    ASSERT_EQ(header.tokens, data.tokens.size());
    ASSERT_EQ(header.merges, data.merges.size());
    const std::size_t count = header.tokens;
    const auto offsets = parts.take<std::uint32_t>(count + 1);
    const auto scores = parts.take<float>(count);
    const auto kinds = parts.take<std::uint8_t>((count + 3) / 4 * 4);
    const auto order = parts.take<std::uint32_t>(count);
    const auto merges = parts.take<MergeRecord>(header.merges);
    const auto specials = parts.take<std::uint32_t>(header.specials);
    ASSERT_EQ(parts.left(), header.text_bytes);
    const auto letters = parts.take<char>(header.text_bytes);
    const auto text = [&](std::uint32_t t) {
      return std::string(letters.begin() + offsets[t], letters.begin() + offsets[t + 1]);
    };
    EXPECT_EQ(offsets[0], 0u);
    EXPECT_EQ(offsets[count], header.text_bytes);
    for (std::uint32_t t = 0; t < count; ++t) {
      EXPECT_EQ(text(t), data.tokens[t].bytes);
      EXPECT_EQ(scores[t], data.tokens[t].score);
      EXPECT_EQ(kinds[t], static_cast<std::uint8_t>(data.tokens[t].kind));
      if (t == 0) continue;
      const std::string before = text(order[t - 1]), here = text(order[t]);
      const int sign =
          std::memcmp(before.data(), here.data(), std::min(before.size(), here.size()));
      const bool rising = sign != 0 ? sign < 0 : before.size() < here.size();
      EXPECT_TRUE(rising || (before == here && order[t - 1] < order[t]));
    }
    for (std::size_t i = 0; i < merges.size(); ++i) {
      const MergeRecord& merge = merges[i];
      EXPECT_EQ(data.merges[merge.rank].left, merge.left);
      EXPECT_EQ(data.merges[merge.rank].right, merge.right);
      EXPECT_EQ(text(merge.result), text(merge.left) + text(merge.right));
      if (i == 0) continue;
      EXPECT_LT(std::pair(merges[i - 1].left, merges[i - 1].right),
                std::pair(merge.left, merge.right));
    }
    const auto last = static_cast<std::uint32_t>(count - 1);
    EXPECT_EQ(specials, (std::vector<std::uint32_t>{last - 1, last - 3, last}));
  }
}

std::string complaint(const TokenizerData& data) {
  try {
    tokenizer_blob(data, "model.gguf");
  } catch (const InternalError& error) {
    ADD_FAILURE() << error.what();
  } catch (const CompileError& error) {
    return error.what();
  }
  return "written";
}

TEST(TokenizerBlob, IsRefused) {
  const auto refused = [](const auto& change, const std::string& words) {
    TokenizerData data = random_tokenizer(1);
    change(data);
    EXPECT_NE(complaint(data).find("model.gguf: " + words), std::string::npos) << complaint(data);
  };
  refused([](TokenizerData& d) { d.tokens.clear(); }, "the vocabulary is empty");
  refused([](TokenizerData& d) { d.tokens.resize(language::kMaxTokens + 1); },
          "the vocabulary has");
  refused([](TokenizerData& d) { d.tokens[7].bytes.resize(1025); }, "token 7 has 1025 bytes");
  refused([](TokenizerData& d) { d.tokens[7].score = std::numeric_limits<float>::infinity(); },
          "token 7 has a score that is not finite");
  refused(
      [](TokenizerData& d) {
        d.tokens[7] = {"ab", 0.0f, TokenKind::kByte};
      },
      "token 7 should be a byte, but has 2");
  refused([](TokenizerData& d) { d.eos = 100000; }, "the end of texts is token 100000, but");
  refused([](TokenizerData& d) { d.merges[2].right = 100000; }, "merge 2 is token 100000");
  refused([](TokenizerData& d) { d.merges[2].left = kNoToken; }, "merge 2 has no token");
  refused([](TokenizerData& d) { d.merges[4] = d.merges[2]; }, "merges 2 and 4 are of the same");
  refused([](TokenizerData& d) { d.unknown = 0, d.tokens[d.merges[0].left].bytes = "lonely"; },
          "merge 0 makes no");
  refused([](TokenizerData& d) { d.kind = language::TokenizerKind::kSpm; }, "the vocabulary has");
  refused([](TokenizerData& d) { d.unknown = 0, d.tokens[d.merges[1].left].bytes = ""; }, "merge");
  refused([](TokenizerData& d) { d.tokens[65].kind = TokenKind::kUnused; },
          "no token stands for byte 65, and none for unknown text");
  refused(
      [](TokenizerData& d) {
        d.tokens.resize(400, {"same", 0.0f, TokenKind::kNormal});
      },
      "token 375 and 64 others have the same bytes; at most 64");
  refused([](TokenizerData& d) { d.add_space_prefix = true; }, "a vocabulary with merges has no");
  refused([](TokenizerData& d) { d.pre = language::PreTokenizer::kNone; }, "the way to cut text");
  refused([](TokenizerData& d) { d.bos = kNoToken; }, "texts should begin with a token");
}

// Changes one thing at random, often to something that does not fit.
void damage(TokenizerData* data, std::mt19937* random) {
  const auto pick = [&](std::size_t below) {
    return static_cast<std::uint32_t>((*random)() % below);
  };
  TokenizerData::Token& token = data->tokens[pick(data->tokens.size())];
  const std::uint32_t number = pick(4) == 0 ? pick(2) - 1 : pick(data->tokens.size() + 8);
  switch (pick(12)) {
    case 0:
      token.kind = static_cast<TokenKind>(pick(6));
      return;
    case 1:
      token.bytes = data->tokens[pick(data->tokens.size())].bytes;
      return;
    case 2:
      token.bytes.clear();
      return;
    case 3:
      token.bytes.append(pick(1200), 'x');
      return;
    case 4:
      data->kind = static_cast<language::TokenizerKind>(pick(2));
      return;
    case 5:
      data->pre = static_cast<language::PreTokenizer>(pick(3));
      return;
    case 6:
      data->add_space_prefix = !data->add_space_prefix;
      return;
    case 7:
      data->ignore_merges = !data->ignore_merges;
      return;
    case 8:
      data->merges.resize(pick(data->merges.size() + 1));
      return;
    case 9:
      data->tokens.resize(data->tokens.size() + pick(70), token);
      return;
    case 10:
      (pick(2) == 0 ? data->bos : data->unknown) = number;
      return;
    default:
      (pick(2) == 0 ? data->eos : data->end_of_turn) = number;
      return;
  }
}

// What is written, the trusted reader takes.
TEST(TokenizerBlob, IsTakenByTheTokenizerOfTheDevice) {
  std::mt19937 random(11);
  int written = 0;
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    TokenizerData data = random_tokenizer(seed % 16);
    for (unsigned i = seed % 3; i > 0; --i) damage(&data, &random);
    std::vector<std::byte> bytes;
    try {
      bytes = tokenizer_blob(data, "model");
    } catch (const CompileError&) {
      continue;
    }
    ++written;
    language::Tokenizer tokenizer;
    const Failure failure = language::Tokenizer::open(bytes, &tokenizer);
    EXPECT_EQ(failure.status, Status::kOk) << seed << " at byte " << failure.detail;
  }
  EXPECT_GT(written, 140);
  EXPECT_LT(written, 380);
}

}  // namespace
}  // namespace sz::compiler
