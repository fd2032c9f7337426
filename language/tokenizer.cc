#include "language/tokenizer.h"

#include "language/merging.h"
#include "language/words.h"

namespace sz::language {
namespace {

// Texts of at most so many bytes have places that fit into 32 bits, also doubled.
constexpr std::uint64_t kMaxTextBytes = 1u << 30;

// Whose a byte of the text is: kFree, the token that begins there, or kInside one.
constexpr std::uint32_t kFree = kNoToken;
constexpr std::uint32_t kInside = kNoToken - 1;

// The working memory of one encode(), cut up. The fragments have one byte more than the text: the
// space in front.
struct Work {
  Work(MutableByteSpan bytes, std::size_t text_bytes);

  std::span<std::uint32_t> owners;
  MergingArrays arrays;
  MutableByteSpan fragment;
};

Work::Work(MutableByteSpan bytes, std::size_t text_bytes) {
  auto* at = reinterpret_cast<std::uint32_t*>(bytes.data());
  const std::size_t places = text_bytes + 1;
  for (auto* array :
       {&owners, &arrays.next, &arrays.before, &arrays.key, &arrays.winner, &arrays.token}) {
    *array = {at, places};
    at += places;
  }
  fragment = {reinterpret_cast<std::byte*>(at), places};
}

class Encoder {
 public:
  Encoder(const TokenizerTables& tables, Work& work, std::span<std::uint32_t> tokens)
      : tables_(tables), work_(work), merging_(tables, work.arrays), tokens_(tokens) {}

  // False if the tokens are more than fit.
  bool encode(ByteSpan text, const EncodeOptions& options);

  std::uint32_t count() const { return count_; }

 private:
  void claim_specials(ByteSpan text, bool controls);
  void claim(ByteSpan text, std::uint32_t token);
  bool is_free(std::size_t at, std::size_t bytes) const;
  void add_fragment(ByteSpan text, bool space);
  void add_word(ByteSpan word);
  void add(std::uint32_t token) {
    if (count_ < tokens_.size()) tokens_[count_] = token;
    ++count_;
  }
  bool has(std::uint32_t flag) const { return (tables_.header->flags & flag) != 0; }

  const TokenizerTables& tables_;
  Work& work_;
  Merging merging_;
  std::span<std::uint32_t> tokens_;
  std::uint32_t count_ = 0;
};

bool Encoder::is_free(std::size_t at, std::size_t bytes) const {
  for (std::size_t i = 0; i < bytes; ++i) {
    if (work_.owners[at + i] != kFree) return false;
  }
  return true;
}

// Gives `token` every place of its bytes that is still free, from the left.
void Encoder::claim(ByteSpan text, std::uint32_t token) {
  const ByteSpan name = tables_.text_of(token);
  for (std::size_t at = 0; at + name.size() <= text.size();) {
    if (text[at] != name[0] || __builtin_memcmp(&text[at], name.data(), name.size()) != 0 ||
        !is_free(at, name.size())) {
      ++at;
      continue;
    }
    work_.owners[at] = token;
    for (std::size_t i = 1; i < name.size(); ++i) work_.owners[at + i] = kInside;
    at += name.size();
  }
}

void Encoder::claim_specials(ByteSpan text, bool controls) {
  for (std::size_t i = 0; i < text.size(); ++i) work_.owners[i] = kFree;
  bool present[256] = {};
  for (const std::byte byte : text) present[static_cast<std::uint8_t>(byte)] = true;
  for (const std::uint32_t token : tables_.specials) {
    if (!controls && tables_.kind_of(token) == TokenKind::kControl) continue;
    if (present[static_cast<std::uint8_t>(tables_.text_of(token)[0])]) claim(text, token);
  }
}

void Encoder::add_word(ByteSpan word) {
  if (has(kIgnoreMerges)) {
    const std::uint32_t token =
        word.size() <= tables_.longest ? tables_.find_piece(word) : kNoToken;
    if (token != kNoToken) return add(token);
  }
  merging_.run(word);
  for (std::uint32_t at = 0; at < word.size(); at = merging_.next(at)) {
    if (merging_.token(at) != kNoToken) {
      add(merging_.token(at));
      continue;
    }
    for (std::uint32_t i = at; i < merging_.next(at); ++i) {
      add(tables_.bytes[static_cast<std::uint8_t>(word[i])]);
    }
  }
}

void Encoder::add_fragment(ByteSpan text, bool space) {
  if (space) {
    work_.fragment[0] = std::byte{' '};
    copy_bytes(work_.fragment.data() + 1, text.data(), text.size());
    text = work_.fragment.first(text.size() + 1);
  }
  const auto pre = static_cast<PreTokenizer>(tables_.header->pre);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = word_end(pre, text, at);
    add_word(text.subspan(at, end - at));
    at = end;
  }
}

bool Encoder::encode(ByteSpan text, const EncodeOptions& options) {
  if (options.bos && has(kAddBos)) add(tables_.header->bos);
  claim_specials(text, options.specials);
  bool space = has(kAddSpacePrefix) && options.begins;
  for (std::size_t at = 0; at < text.size() && count_ <= tokens_.size();) {
    const std::uint32_t owner = work_.owners[at];
    if (owner != kFree) {
      add(owner);
      at += tables_.text_of(owner).size();
      space = has(kAddSpacePrefix);
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && work_.owners[end] == kFree) ++end;
    add_fragment(text.subspan(at, end - at), space);
    space = false;
    at = end;
  }
  return count_ <= tokens_.size();
}

}  // namespace

std::uint64_t Tokenizer::work_bytes(std::uint64_t text_bytes) {
  const std::uint64_t places = (text_bytes < kMaxTextBytes ? text_bytes : kMaxTextBytes) + 1;
  const std::uint64_t bytes = places * (sizeof(std::uint32_t) + MergingArrays::kBytesPerByte + 1);
  return (bytes + 7) / 8 * 8;
}

Failure Tokenizer::encode(ByteSpan text, const EncodeOptions& options, MutableByteSpan work,
                          std::span<std::uint32_t> tokens, std::uint32_t* count) const {
  if (text.size() > kMaxTextBytes || work.size() < work_bytes(text.size()) ||
      reinterpret_cast<std::uintptr_t>(work.data()) % 8 != 0) {
    return {Status::kBadParameters, 0};
  }
  Work parts(work, text.size());
  Encoder encoder(tables_, parts, tokens);
  if (!encoder.encode(text, options)) return {Status::kPromptTooLong, detail_of(tokens.size())};
  *count = encoder.count();
  return kSuccess;
}

ByteSpan Tokenizer::piece(std::uint32_t previous, std::uint32_t token) const {
  if (token >= tables_.header->tokens) return {};
  const TokenKind kind = tables_.kind_of(token);
  if (kind == TokenKind::kControl || kind == TokenKind::kUnknown || kind == TokenKind::kUnused) {
    return {};
  }
  const ByteSpan text = tables_.text_of(token);
  if ((tables_.header->flags & kAddSpacePrefix) == 0 || text.empty() || text[0] != std::byte{' '} ||
      kind == TokenKind::kUserDefined) {
    return text;
  }
  return begins_after(previous) ? text.subspan(1) : text;
}

bool Tokenizer::begins_after(std::uint32_t previous) const {
  if (previous >= tables_.header->tokens) return true;
  const TokenKind kind = tables_.kind_of(previous);
  return kind == TokenKind::kControl || kind == TokenKind::kUserDefined;
}

bool Tokenizer::ends(std::uint32_t token) const {
  return token != kNoToken &&
         (token == tables_.header->eos || token == tables_.header->end_of_turn);
}

}  // namespace sz::language
