#include "language/testing/slow_tokenizer.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "language/utf8.h"
#include "language/words.h"

namespace sz::language::testing {
namespace {

using Tokens = std::vector<std::uint32_t>;

class SlowTokenizer {
 public:
  explicit SlowTokenizer(const TestVocabulary& vocabulary) : v_(vocabulary) {
    for (std::uint32_t t = 0; t < v_.tokens.size(); ++t) {
      const TestToken& token = v_.tokens[t];
      if (token.kind == TokenKind::kNormal || token.kind == TokenKind::kUserDefined) {
        pieces_.emplace(token.text, t);
      } else if (token.kind == TokenKind::kByte) {
        bytes_.emplace(token.text, t);
      }
    }
  }

  // Text, or a token that was cut out of it.
  struct Part {
    std::string text;
    std::optional<std::uint32_t> token;
  };

  std::vector<Part> cut_specials(std::string_view text, bool controls) const;
  Tokens merge(const std::string& word) const;
  Tokens cut_words(const std::string& text) const;

 private:
  double rating(const std::string& left, const std::string& right) const;
  std::uint32_t token_of_byte(const std::string& byte) const;

  const TestVocabulary& v_;
  std::map<std::string, std::uint32_t> pieces_, bytes_;
};

std::vector<SlowTokenizer::Part> SlowTokenizer::cut_specials(std::string_view text,
                                                             bool controls) const {
  Tokens specials;
  for (std::uint32_t t = 0; t < v_.tokens.size(); ++t) {
    const TestToken& token = v_.tokens[t];
    const bool named =
        token.kind == TokenKind::kUserDefined || (controls && token.kind == TokenKind::kControl);
    if (named && !token.text.empty()) specials.push_back(t);
  }
  std::stable_sort(specials.begin(), specials.end(), [&](auto a, auto b) {
    return v_.tokens[a].text.size() > v_.tokens[b].text.size();
  });
  std::vector<Part> parts;
  if (!text.empty()) parts.push_back({std::string(text), {}});
  for (const std::uint32_t special : specials) {
    const std::string& name = v_.tokens[special].text;
    std::vector<Part> cut;
    for (const Part& part : parts) {
      std::size_t at = 0;
      while (!part.token) {
        const std::size_t found = part.text.find(name, at);
        if (found == std::string::npos) break;
        cut.push_back({part.text.substr(at, found - at), {}});
        cut.push_back({name, special});
        at = found + name.size();
      }
      cut.push_back({part.text.substr(at), part.token});
    }
    std::erase_if(cut, [](const Part& part) { return part.text.empty(); });
    parts = cut;
  }
  return parts;
}

// How much a pair wants to be merged; minus infinity: not at all.
double SlowTokenizer::rating(const std::string& left, const std::string& right) const {
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  if (v_.kind == TokenizerKind::kSpm) {
    const auto piece = pieces_.find(left + right);
    return piece == pieces_.end() ? kNever : static_cast<double>(v_.tokens[piece->second].score);
  }
  for (std::size_t rank = 0; rank < v_.merges.size(); ++rank) {
    if (v_.tokens[v_.merges[rank].left].text == left &&
        v_.tokens[v_.merges[rank].right].text == right) {
      return -static_cast<double>(rank);
    }
  }
  return kNever;
}

std::uint32_t SlowTokenizer::token_of_byte(const std::string& byte) const {
  const bool spm = v_.kind == TokenizerKind::kSpm;
  const auto& first = spm ? bytes_ : pieces_;
  const auto& second = spm ? pieces_ : bytes_;
  if (const auto found = first.find(byte); found != first.end()) return found->second;
  if (const auto found = second.find(byte); found != second.end()) return found->second;
  return v_.unknown;
}

Tokens SlowTokenizer::merge(const std::string& word) const {
  std::vector<std::string> symbols;
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t bytes =
        v_.kind == TokenizerKind::kSpm ? decode_utf8(std::as_bytes(std::span(word)), at).bytes : 1;
    symbols.push_back(word.substr(at, bytes));
    at += bytes;
  }
  while (true) {
    std::size_t best = 0;
    double most = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const double now = rating(symbols[i], symbols[i + 1]);
      if (now > most) {
        most = now;
        best = i;
      }
    }
    if (most == -std::numeric_limits<double>::infinity()) break;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
  Tokens tokens;
  for (const std::string& symbol : symbols) {
    const auto piece = pieces_.find(symbol);
    if (piece != pieces_.end() && (symbol.size() > 1 || v_.kind == TokenizerKind::kSpm)) {
      tokens.push_back(piece->second);
      continue;
    }
    for (const char byte : symbol) tokens.push_back(token_of_byte(std::string(1, byte)));
  }
  return tokens;
}

Tokens SlowTokenizer::cut_words(const std::string& text) const {
  Tokens tokens;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = word_end(v_.pre, std::as_bytes(std::span(text)), at);
    const std::string word = text.substr(at, end - at);
    const auto whole = pieces_.find(word);
    if ((v_.flags & kIgnoreMerges) != 0 && whole != pieces_.end()) {
      tokens.push_back(whole->second);
    } else {
      const Tokens merged = merge(word);
      tokens.insert(tokens.end(), merged.begin(), merged.end());
    }
    at = end;
  }
  return tokens;
}

}  // namespace

Tokens encode_slowly(const TestVocabulary& vocabulary, std::string_view text,
                     const EncodeOptions& options) {
  const SlowTokenizer slow(vocabulary);
  Tokens tokens;
  if (options.bos && (vocabulary.flags & kAddBos) != 0) tokens.push_back(vocabulary.bos);
  const bool prefix = (vocabulary.flags & kAddSpacePrefix) != 0;
  bool space = prefix && options.begins;
  for (const auto& part : slow.cut_specials(text, options.specials)) {
    if (part.token) {
      tokens.push_back(*part.token);
      space = prefix;
      continue;
    }
    const Tokens words = slow.cut_words((space ? " " : "") + part.text);
    tokens.insert(tokens.end(), words.begin(), words.end());
    space = false;
  }
  return tokens;
}

}  // namespace sz::language::testing
