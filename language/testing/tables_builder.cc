#include "language/testing/tables_builder.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <stdexcept>

namespace sz::language::testing {
namespace {

template <typename T>
void append(std::vector<std::byte>* out, const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  out->insert(out->end(), bytes.begin(), bytes.end());
}

void require(const Failure& failure, const char* what) {
  if (failure.ok()) return;
  throw std::runtime_error(std::string(what) + ": status " +
                           std::to_string(static_cast<std::uint32_t>(failure.status)) +
                           ", detail " + std::to_string(failure.detail));
}

}  // namespace

std::uint32_t TestVocabulary::add(std::string text, float score, TokenKind kind_of) {
  tokens.push_back({std::move(text), score, kind_of});
  return static_cast<std::uint32_t>(tokens.size() - 1);
}

void TestVocabulary::add_bytes(TokenKind kind_of) {
  for (int byte = 0; byte < 256; ++byte) add(std::string(1, static_cast<char>(byte)), 0, kind_of);
}

std::uint32_t TestVocabulary::find(std::string_view text) const {
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    if (tokens[t].text == text) return static_cast<std::uint32_t>(t);
  }
  throw std::runtime_error("no token " + std::string(text));
}

std::uint32_t TestVocabulary::add_merge(std::uint32_t left, std::uint32_t right) {
  merges.push_back({left, right});
  const std::string both = tokens[left].text + tokens[right].text;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    if (tokens[t].text == both) return static_cast<std::uint32_t>(t);
  }
  return add(both);
}

std::vector<std::byte> TestVocabulary::tables() const {
  TokenizerHeader header{};
  std::vector<std::uint32_t> offsets = {0};
  std::vector<float> scores;
  std::vector<std::uint8_t> kinds;
  std::vector<std::uint32_t> special_tokens;
  std::string text;
  for (std::uint32_t t = 0; t < tokens.size(); ++t) {
    text += tokens[t].text;
    offsets.push_back(static_cast<std::uint32_t>(text.size()));
    scores.push_back(tokens[t].score);
    kinds.push_back(static_cast<std::uint8_t>(tokens[t].kind));
    const bool special =
        tokens[t].kind == TokenKind::kControl || tokens[t].kind == TokenKind::kUserDefined;
    if (special && !tokens[t].text.empty()) special_tokens.push_back(t);
  }
  kinds.resize((kinds.size() + 3) / 4 * 4);
  std::stable_sort(special_tokens.begin(), special_tokens.end(),
                   [&](auto a, auto b) { return tokens[a].text.size() > tokens[b].text.size(); });
  std::vector<std::uint32_t> order(tokens.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return tokens[a].text < tokens[b].text; });
  std::vector<MergeRecord> records;
  for (const TestMerge& merge : merges) {
    records.push_back({merge.left, merge.right,
                       find(tokens[merge.left].text + tokens[merge.right].text),
                       static_cast<std::uint32_t>(records.size())});
  }
  std::sort(records.begin(), records.end(), [](const MergeRecord& a, const MergeRecord& b) {
    return a.left != b.left ? a.left < b.left : a.right < b.right;
  });
  header.magic = kTokenizerMagic;
  header.kind = static_cast<std::uint32_t>(kind);
  header.pre = static_cast<std::uint32_t>(pre);
  header.tokens = static_cast<std::uint32_t>(tokens.size());
  header.merges = static_cast<std::uint32_t>(records.size());
  header.specials = static_cast<std::uint32_t>(special_tokens.size());
  header.text_bytes = static_cast<std::uint32_t>(text.size());
  header.bos = bos;
  header.eos = eos;
  header.unknown = unknown;
  header.end_of_turn = end_of_turn;
  header.flags = flags;
  std::vector<std::byte> out;
  append(&out, std::vector<TokenizerHeader>{header});
  append(&out, offsets);
  append(&out, scores);
  append(&out, kinds);
  append(&out, order);
  append(&out, records);
  append(&out, special_tokens);
  append(&out, std::vector<char>(text.begin(), text.end()));
  return out;
}

TestVocabulary read_llama2c(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::size_t at = 4;  // behind the length of the longest token
  TestVocabulary vocabulary;
  while (at < bytes.size()) {
    float score;
    std::uint32_t length;
    if (bytes.size() - at < 8) throw std::runtime_error(path + " is cut off");
    std::memcpy(&score, &bytes[at], 4);
    std::memcpy(&length, &bytes[at + 4], 4);
    if (bytes.size() - at - 8 < length) throw std::runtime_error(path + " is cut off");
    std::string text = bytes.substr(at + 8, length);
    at += 8 + length;
    unsigned byte;
    if (std::sscanf(text.c_str(), "<0x%02X>", &byte) == 1) {
      vocabulary.add(std::string(1, static_cast<char>(byte)), score, TokenKind::kByte);
    } else {
      vocabulary.add(text, score);
    }
  }
  if (vocabulary.tokens.size() < 259) throw std::runtime_error(path + " has too few tokens");
  vocabulary.tokens[0].kind = TokenKind::kUnknown;
  vocabulary.tokens[1] = {"<s>", 0, TokenKind::kControl};
  vocabulary.tokens[2] = {"</s>", 0, TokenKind::kControl};
  vocabulary.unknown = 0;
  vocabulary.bos = 1;
  vocabulary.eos = 2;
  vocabulary.flags = kAddBos | kAddSpacePrefix;
  return vocabulary;
}

TestTokenizer::TestTokenizer(const TestVocabulary& vocabulary) : tables_(vocabulary.tables()) {
  require(Tokenizer::open(tables_, &tokenizer_), "open");
}

std::vector<std::uint32_t> TestTokenizer::encode(std::string_view text,
                                                 EncodeOptions options) const {
  const ByteSpan bytes = std::as_bytes(std::span(text));
  std::vector<std::uint64_t> work(Tokenizer::work_bytes(text.size()) / 8);
  std::vector<std::uint32_t> tokens(2 * text.size() + 2);
  std::uint32_t count = 0;
  require(
      tokenizer_.encode(bytes, options, std::as_writable_bytes(std::span(work)), tokens, &count),
      "encode");
  const std::vector<std::uint32_t> result(tokens.begin(), tokens.begin() + count);
  // Again with room for exactly these.
  std::vector<std::uint32_t> exact(count);
  require(tokenizer_.encode(bytes, options, std::as_writable_bytes(std::span(work)), exact, &count),
          "encode into exactly the room wanted");
  if (exact != result) throw std::runtime_error("encode gives different tokens the second time");
  return result;
}

std::string TestTokenizer::decode(const std::vector<std::uint32_t>& tokens) const {
  std::string text;
  std::uint32_t previous = kNoToken;
  for (const std::uint32_t token : tokens) {
    const ByteSpan piece = tokenizer_.piece(previous, token);
    text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    previous = token;
  }
  return text;
}

}  // namespace sz::language::testing
