#include "compiler/import/gguf/vocabulary.h"

#include <array>
#include <cmath>
#include <unordered_map>

#include "compiler/error.h"
#include "compiler/import/gguf/byte_alphabet.h"
#include "compiler/import/messages.h"

namespace sz::compiler::gguf {
namespace {

using language::kNoToken;
using language::PreTokenizer;
using language::TokenizerKind;
using language::TokenKind;

constexpr std::string_view kModel = "tokenizer.ggml.model", kPre = "tokenizer.ggml.pre",
                           kTokens = "tokenizer.ggml.tokens", kScores = "tokenizer.ggml.scores",
                           kTypes = "tokenizer.ggml.token_type", kMerges = "tokenizer.ggml.merges",
                           kAddEos = "tokenizer.ggml.add_eos_token";
// SentencePiece's sign for a space.
constexpr std::string_view kSpace = "\xe2\x96\x81";
// Ends of turns, as models for chats call them; only where no key names one.
constexpr std::string_view kTurnEnds[] = {"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>"};

std::string name_of(std::size_t token) { return "token " + std::to_string(token); }

class Vocabulary {
 public:
  explicit Vocabulary(const Metadata& metadata) : keys_(metadata) {}
  TokenizerData read();

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw CompileError(keys_.source() + ": " + what);
  }
  void read_kind();
  void read_tokens();
  TokenKind kind_of(std::size_t token, std::uint32_t type) const;
  std::string bytes_of(std::size_t token, std::string_view text, TokenKind kind) const;
  std::string byte_of(std::size_t token, std::string_view text) const;
  void read_merges();
  std::uint32_t named(std::string_view key, std::uint32_t otherwise) const;
  void read_named();

  const Metadata& keys_;
  TokenizerData out_;
};

void Vocabulary::read_kind() {
  const std::string_view model = keys_.need_text(kModel);
  if (model == "llama") {
    out_.kind = TokenizerKind::kSpm;
    return;
  }
  if (model != "gpt2") {
    keys_.refuse(keys_.need(kModel), "is " + quoted(model) + "; 'llama' and 'gpt2' are supported");
  }
  out_.kind = TokenizerKind::kBpe;
  out_.add_bos = out_.add_space_prefix = false;
  const std::string_view pre = keys_.need_text(kPre);
  if (pre == "gpt-2") {
    out_.pre = PreTokenizer::kGpt2;
  } else if (pre == "llama-bpe" || pre == "llama3" || pre == "llama-v3") {
    out_.pre = PreTokenizer::kLlama3;
    out_.ignore_merges = out_.add_bos = true;
  } else {
    keys_.refuse(keys_.need(kPre), "is " + quoted(pre) +
                                       ", a way to cut text into words that is not supported; "
                                       "'gpt-2' and 'llama-bpe' are");
  }
}

TokenKind Vocabulary::kind_of(std::size_t token, std::uint32_t type) const {
  switch (type) {
    case 1:
      return TokenKind::kNormal;
    case 2:
      return TokenKind::kUnknown;
    case 3:
      return TokenKind::kControl;
    case 4:
      return TokenKind::kUserDefined;
    case 5:
      return TokenKind::kUnused;
    case 6:
      return TokenKind::kByte;
    default:
      break;
  }
  keys_.refuse(keys_.need(kTypes), "gives " + name_of(token) + " the unknown type " +
                                       std::to_string(static_cast<std::int32_t>(type)));
}

// The byte of "<0x0A>".
std::string Vocabulary::byte_of(std::size_t token, std::string_view text) const {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  const bool framed = text.size() == 6 && text.substr(0, 3) == "<0x" && text[5] == '>';
  const int high = framed ? digit(text[3]) : -1, low = framed ? digit(text[4]) : -1;
  if (high < 0 || low < 0) {
    refuse(name_of(token) + ' ' + quoted(text) +
           " has the type of a byte, but is none like <0x0A>");
  }
  return std::string(1, static_cast<char>(high * 16 + low));
}

std::string Vocabulary::bytes_of(std::size_t token, std::string_view text, TokenKind kind) const {
  if (out_.kind == TokenizerKind::kBpe) {
    // Special tokens are written as they are; pieces in the alphabet of bytes.
    if (kind == TokenKind::kByte) {
      refuse(name_of(token) + ' ' + quoted(text) + " is a byte, which 'gpt2' does not have");
    }
    if (kind != TokenKind::kNormal) return std::string(text);
    std::string bytes;
    if (!bytes_of_letters(text, &bytes)) {
      refuse(name_of(token) + ' ' + quoted(text) + " has a letter that stands for no byte");
    }
    return bytes;
  }
  if (kind == TokenKind::kByte) return byte_of(token, text);
  std::string bytes;
  for (std::size_t at = 0; at < text.size();) {
    const bool space = text.substr(at, kSpace.size()) == kSpace;
    bytes += space ? ' ' : text[at];
    at += space ? kSpace.size() : 1;
  }
  return bytes;
}

void Vocabulary::read_tokens() {
  const std::vector<std::string_view>& texts = keys_.texts(kTokens);
  if (texts.empty() || texts.size() > language::kMaxTokens) {
    keys_.refuse(keys_.need(kTokens), "has " + std::to_string(texts.size()) + " tokens, not 1 to " +
                                          std::to_string(language::kMaxTokens));
  }
  const bool spm = out_.kind == TokenizerKind::kSpm;
  std::vector<float> scores(texts.size());
  std::vector<std::uint32_t> types(texts.size(), 1);
  if (spm || keys_.find(kScores) != nullptr) scores = keys_.reals(kScores);
  if (spm || keys_.find(kTypes) != nullptr) types = keys_.wholes(kTypes);
  for (const auto& [key, count] : {std::pair(kScores, scores.size()), {kTypes, types.size()}}) {
    if (count == texts.size()) continue;
    keys_.refuse(keys_.need(key), "has " + std::to_string(count) + " values for " +
                                      std::to_string(texts.size()) + " tokens");
  }
  std::array<bool, 256> seen{};
  for (std::size_t t = 0; t < texts.size(); ++t) {
    TokenizerData::Token token;
    token.kind = kind_of(t, types[t]);
    token.bytes = bytes_of(t, texts[t], token.kind);
    token.score = scores[t];
    if (!std::isfinite(token.score)) {
      keys_.refuse(keys_.need(kScores), "gives " + name_of(t) + " a score that is not finite");
    }
    if (token.bytes.size() > language::kMaxTokenBytes) {
      refuse(name_of(t) + " has " + std::to_string(token.bytes.size()) + " bytes, more than " +
             std::to_string(language::kMaxTokenBytes));
    }
    if (token.kind == TokenKind::kByte) {
      bool& once = seen[static_cast<unsigned char>(token.bytes[0])];
      if (once) refuse(name_of(t) + ' ' + quoted(texts[t]) + " is a byte that is there twice");
      once = true;
    }
    out_.tokens.push_back(std::move(token));
  }
}

void Vocabulary::read_merges() {
  if (out_.kind != TokenizerKind::kBpe) return;
  const std::vector<std::string_view>& texts = keys_.texts(kTokens);
  const std::vector<std::string_view>& merges = keys_.texts(kMerges);
  const Entry& entry = keys_.need(kMerges);
  if (merges.size() > language::kMaxMerges) {
    keys_.refuse(entry, "has " + std::to_string(merges.size()) + " merges, more than " +
                            std::to_string(language::kMaxMerges));
  }
  std::unordered_map<std::string_view, std::uint32_t> pieces;
  for (std::size_t t = 0; t < texts.size(); ++t) {
    if (out_.tokens[t].kind != TokenKind::kNormal) continue;
    pieces.emplace(texts[t], static_cast<std::uint32_t>(t));
  }
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view text = merges[rank];
    const std::size_t space = text.find(' ', 1);
    const auto left = pieces.find(text.substr(0, space));
    const auto right =
        space == std::string_view::npos ? pieces.end() : pieces.find(text.substr(space + 1));
    if (left == pieces.end() || right == pieces.end() ||
        !pieces.contains(std::string(left->first) += right->first)) {
      keys_.refuse(entry, "has merge " + std::to_string(rank) + ' ' + quoted(text) +
                              ", which is not of two tokens that make a third");
    }
    out_.merges.push_back({left->second, right->second});
  }
}

std::uint32_t Vocabulary::named(std::string_view key, std::uint32_t otherwise) const {
  const std::uint64_t last = out_.tokens.size() - 1;
  const auto value = keys_.whole(key, 0, last);
  if (value) return static_cast<std::uint32_t>(*value);
  return otherwise <= last ? otherwise : kNoToken;
}

void Vocabulary::read_named() {
  const bool spm = out_.kind == TokenizerKind::kSpm;
  out_.bos = named("tokenizer.ggml.bos_token_id", spm ? 1 : kNoToken);
  out_.eos = named("tokenizer.ggml.eos_token_id", spm ? 2 : kNoToken);
  out_.unknown = named("tokenizer.ggml.unknown_token_id", spm ? 0 : kNoToken);
  out_.end_of_turn = named("tokenizer.ggml.eot_token_id", kNoToken);
  for (std::uint32_t t = 0; out_.end_of_turn == kNoToken && t < out_.tokens.size(); ++t) {
    const TokenizerData::Token& token = out_.tokens[t];
    if (token.kind != TokenKind::kControl && token.kind != TokenKind::kUserDefined) continue;
    for (const std::string_view end : kTurnEnds) {
      if (token.bytes == end) out_.end_of_turn = t;
    }
  }
  // What ends a turn is not shown.
  if (out_.end_of_turn != kNoToken) out_.tokens[out_.end_of_turn].kind = TokenKind::kControl;
  out_.add_bos = keys_.flag("tokenizer.ggml.add_bos_token", out_.add_bos);
  if (spm) out_.add_space_prefix = keys_.flag("tokenizer.ggml.add_space_prefix", true);
  if (keys_.flag(kAddEos, false)) {
    keys_.refuse(keys_.need(kAddEos), "is true: a prompt that is ended at once is not supported");
  }
  if (out_.add_bos && out_.bos == kNoToken) {
    refuse(
        "texts should begin with a token that no key names: key "
        "'tokenizer.ggml.bos_token_id' is missing");
  }
}

TokenizerData Vocabulary::read() {
  read_kind();
  read_tokens();
  read_merges();
  read_named();
  return std::move(out_);
}

}  // namespace

TokenizerData read_vocabulary(const Metadata& metadata) { return Vocabulary(metadata).read(); }

std::string read_chat_template(const Metadata& metadata) {
  constexpr std::string_view kKey = "tokenizer.chat_template";
  const std::string_view text = metadata.text(kKey).value_or("");
  if (text.size() > kMaxChatTemplate) {
    metadata.refuse(metadata.need(kKey), "has " + std::to_string(text.size()) +
                                             " bytes, more than " +
                                             std::to_string(kMaxChatTemplate));
  }
  return std::string(text);
}

}  // namespace sz::compiler::gguf
