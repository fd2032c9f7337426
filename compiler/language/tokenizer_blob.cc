#include "compiler/language/tokenizer_blob.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string_view>
#include <unordered_map>

#include "compiler/error.h"

namespace sz::compiler {
namespace {

using language::kNoToken;
using language::MergeRecord;
using language::TokenKind;

class BlobWriter {
 public:
  BlobWriter(const TokenizerData& tokenizer, const std::string& source)
      : data_(tokenizer), source_(source) {}

  std::vector<std::byte> write();

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw CompileError(source_ + ": " + what);
  }
  void check_tokens() const;
  void check_named(std::uint32_t token, const char* what) const;
  void check_bytes() const;
  void check_equals(const std::vector<std::uint32_t>& order) const;
  std::uint32_t flags() const;
  std::vector<std::uint32_t> order() const;
  std::vector<std::uint32_t> specials() const;
  std::vector<MergeRecord> merges() const;

  const TokenizerData& data_;
  const std::string& source_;
};

void BlobWriter::check_named(std::uint32_t token, const char* what) const {
  if (token != kNoToken && token >= data_.tokens.size()) {
    refuse(std::string(what) + " is token " + std::to_string(token) + ", but the vocabulary has " +
           std::to_string(data_.tokens.size()));
  }
}

void BlobWriter::check_tokens() const {
  if (data_.tokens.empty()) refuse("the vocabulary is empty");
  if (data_.tokens.size() > language::kMaxTokens) {
    refuse("the vocabulary has " + std::to_string(data_.tokens.size()) + " tokens, more than " +
           std::to_string(language::kMaxTokens));
  }
  for (std::size_t t = 0; t < data_.tokens.size(); ++t) {
    const TokenizerData::Token& token = data_.tokens[t];
    const std::string name = "token " + std::to_string(t);
    if (token.bytes.size() > language::kMaxTokenBytes) {
      refuse(name + " has " + std::to_string(token.bytes.size()) + " bytes, more than " +
             std::to_string(language::kMaxTokenBytes));
    }
    if (!std::isfinite(token.score)) refuse(name + " has a score that is not finite");
    if (token.kind == TokenKind::kByte && token.bytes.size() != 1) {
      refuse(name + " should be a byte, but has " + std::to_string(token.bytes.size()));
    }
  }
  check_named(data_.bos, "the beginning of texts");
  check_named(data_.eos, "the end of texts");
  check_named(data_.unknown, "what stands for unknown text");
  check_named(data_.end_of_turn, "the end of turns");
}

// Every byte of a text becomes some token.
void BlobWriter::check_bytes() const {
  if (data_.unknown != kNoToken) return;
  std::array<bool, 256> covered{};
  for (const TokenizerData::Token& token : data_.tokens) {
    const bool shown = token.kind == TokenKind::kNormal || token.kind == TokenKind::kUserDefined ||
                       token.kind == TokenKind::kByte;
    if (shown && token.bytes.size() == 1)
      covered[static_cast<unsigned char>(token.bytes[0])] = true;
  }
  for (std::size_t byte = 0; byte < covered.size(); ++byte) {
    if (!covered[byte]) {
      refuse("no token stands for byte " + std::to_string(byte) + ", and none for unknown text");
    }
  }
}

void BlobWriter::check_equals(const std::vector<std::uint32_t>& order) const {
  std::size_t first = 0;
  for (std::size_t i = 1; i < order.size(); ++i) {
    const std::string& bytes = data_.tokens[order[i]].bytes;
    if (bytes.empty() || bytes != data_.tokens[order[first]].bytes) first = i;
    if (i - first >= language::kMaxEqualTokens) {
      refuse("token " + std::to_string(order[i]) + " and " + std::to_string(i - first) +
             " others have the same bytes; at most " + std::to_string(language::kMaxEqualTokens) +
             " may");
    }
  }
}

std::uint32_t BlobWriter::flags() const {
  const bool spm = data_.kind == language::TokenizerKind::kSpm;
  if (spm ? data_.ignore_merges : data_.add_space_prefix) {
    refuse(spm ? "a vocabulary without merges cannot ignore them"
               : "a vocabulary with merges has no prefix of a space");
  }
  if (spm != (data_.pre == language::PreTokenizer::kNone)) {
    refuse("the way to cut text into words does not fit the kind of the vocabulary");
  }
  if (data_.add_bos && data_.bos == kNoToken) {
    refuse("texts should begin with a token, but none is named for it");
  }
  return (data_.add_bos ? language::kAddBos : 0u) |
         (data_.add_space_prefix ? language::kAddSpacePrefix : 0u) |
         (data_.ignore_merges ? language::kIgnoreMerges : 0u);
}

std::vector<std::uint32_t> BlobWriter::order() const {
  std::vector<std::uint32_t> numbers(data_.tokens.size());
  std::iota(numbers.begin(), numbers.end(), 0u);
  std::sort(numbers.begin(), numbers.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int order = data_.tokens[a].bytes.compare(data_.tokens[b].bytes);  // as unsigned bytes
    return order != 0 ? order < 0 : a < b;
  });
  return numbers;
}

std::vector<std::uint32_t> BlobWriter::specials() const {
  std::vector<std::uint32_t> numbers;
  for (std::size_t t = 0; t < data_.tokens.size(); ++t) {
    const TokenizerData::Token& token = data_.tokens[t];
    const bool special = token.kind == TokenKind::kControl || token.kind == TokenKind::kUserDefined;
    if (special && !token.bytes.empty()) numbers.push_back(static_cast<std::uint32_t>(t));
  }
  std::stable_sort(numbers.begin(), numbers.end(), [&](std::uint32_t a, std::uint32_t b) {
    return data_.tokens[a].bytes.size() > data_.tokens[b].bytes.size();
  });
  return numbers;
}

std::vector<MergeRecord> BlobWriter::merges() const {
  if (data_.kind != language::TokenizerKind::kBpe && !data_.merges.empty()) {
    refuse("the vocabulary has merges, but its kind has none");
  }
  if (data_.merges.size() > language::kMaxMerges) {
    refuse("the vocabulary has " + std::to_string(data_.merges.size()) + " merges, more than " +
           std::to_string(language::kMaxMerges));
  }
  std::unordered_map<std::string_view, std::uint32_t> pieces;
  for (std::size_t t = 0; t < data_.tokens.size(); ++t) {
    if (data_.tokens[t].kind != TokenKind::kNormal) continue;
    pieces.emplace(data_.tokens[t].bytes, static_cast<std::uint32_t>(t));
  }
  std::vector<MergeRecord> records;
  records.reserve(data_.merges.size());
  for (const TokenizerData::Merge& merge : data_.merges) {
    const auto rank = static_cast<std::uint32_t>(records.size());
    const std::string name = "merge " + std::to_string(rank);
    check_named(merge.left, name.c_str());
    check_named(merge.right, name.c_str());
    if (merge.left == kNoToken || merge.right == kNoToken) refuse(name + " has no token");
    if (data_.tokens[merge.left].bytes.empty() || data_.tokens[merge.right].bytes.empty()) {
      refuse(name + " has an empty token");
    }
    const auto result =
        pieces.find(data_.tokens[merge.left].bytes + data_.tokens[merge.right].bytes);
    if (result == pieces.end()) refuse(name + " makes no token of the vocabulary");
    records.push_back({merge.left, merge.right, result->second, rank});
  }
  std::sort(records.begin(), records.end(), [](const MergeRecord& a, const MergeRecord& b) {
    return a.left != b.left     ? a.left < b.left
           : a.right != b.right ? a.right < b.right
                                : a.rank < b.rank;
  });
  for (std::size_t i = 1; i < records.size(); ++i) {
    if (records[i].left == records[i - 1].left && records[i].right == records[i - 1].right) {
      refuse("merges " + std::to_string(records[i - 1].rank) + " and " +
             std::to_string(records[i].rank) + " are of the same tokens");
    }
  }
  return records;
}

template <typename T>
void append(std::vector<std::byte>* out, const std::vector<T>& values) {
  const std::size_t at = out->size();
  out->resize(at + values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(out->data() + at, values.data(), values.size() * sizeof(T));
}

std::vector<std::byte> BlobWriter::write() {
  check_tokens();
  check_bytes();
  const std::vector<std::uint32_t> rising = order();
  check_equals(rising);
  const std::vector<std::uint32_t> special_tokens = specials();
  const std::vector<MergeRecord> records = merges();
  std::vector<std::uint32_t> offsets = {0};
  std::vector<float> scores;
  std::vector<std::uint8_t> kinds;
  std::string text;
  for (const TokenizerData::Token& token : data_.tokens) {
    text += token.bytes;  // at most 2^20 x 2^10
    offsets.push_back(static_cast<std::uint32_t>(text.size()));
    scores.push_back(token.score);
    kinds.push_back(static_cast<std::uint8_t>(token.kind));
  }
  kinds.resize((kinds.size() + 3) / 4 * 4);
  language::TokenizerHeader header{};
  header.magic = language::kTokenizerMagic;
  header.kind = static_cast<std::uint32_t>(data_.kind);
  header.pre = static_cast<std::uint32_t>(data_.pre);
  header.tokens = static_cast<std::uint32_t>(data_.tokens.size());
  header.merges = static_cast<std::uint32_t>(records.size());
  header.specials = static_cast<std::uint32_t>(special_tokens.size());
  header.text_bytes = static_cast<std::uint32_t>(text.size());
  header.bos = data_.bos;
  header.eos = data_.eos;
  header.unknown = data_.unknown;
  header.end_of_turn = data_.end_of_turn;
  header.flags = flags();
  std::vector<std::byte> out(sizeof(header));
  std::memcpy(out.data(), &header, sizeof(header));
  append(&out, offsets);
  append(&out, scores);
  append(&out, kinds);
  append(&out, rising);
  append(&out, records);
  append(&out, special_tokens);
  append(&out, std::vector<char>(text.begin(), text.end()));
  return out;
}

}  // namespace

std::vector<std::byte> tokenizer_blob(const TokenizerData& tokenizer, const std::string& source) {
  return BlobWriter(tokenizer, source).write();
}

}  // namespace sz::compiler
