#include "language/tokenizer_tables.h"

#include <bit>

namespace sz::language {
namespace {

// < 0, 0, > 0 as memcmp; of two that begin alike the shorter comes first.
int compare(ByteSpan a, ByteSpan b) {
  const std::size_t both = a.size() < b.size() ? a.size() : b.size();
  const int order = both == 0 ? 0 : __builtin_memcmp(a.data(), b.data(), both);
  if (order != 0 || a.size() == b.size()) return order;
  return a.size() < b.size() ? -1 : 1;
}

bool is_piece(TokenKind kind) {
  return kind == TokenKind::kNormal || kind == TokenKind::kUserDefined;
}

bool is_finite(float x) { return (std::bit_cast<std::uint32_t>(x) & 0x7f800000u) != 0x7f800000u; }

// Fills in the tables and proves them, in the order of the bytes.
class Reader {
 public:
  explicit Reader(ByteSpan bytes) : bytes_(bytes) {}

  Failure read(TokenizerTables* out);

 private:
  bool check_header();
  bool check_named_tokens();
  bool lay_out();
  bool check_offsets();
  bool check_scores();
  bool check_kinds();
  bool check_order();
  bool check_merges();
  bool check_specials();
  void cover_with(bool pieces);
  bool cover_bytes();

  // False, with the place of what is wrong.
  bool wrong(const void* where) {
    wrong_ = static_cast<std::size_t>(static_cast<const std::byte*>(where) - bytes_.data());
    return false;
  }
  bool is_named(std::uint32_t token) const {
    return token == kNoToken || token < t_.header->tokens;
  }
  template <typename T>
  std::span<const T> take(std::uint32_t count) {
    const std::span<const T> part(reinterpret_cast<const T*>(bytes_.data() + at_), count);
    at_ += part.size_bytes();
    return part;
  }

  ByteSpan bytes_;
  std::size_t at_ = sizeof(TokenizerHeader);
  std::size_t wrong_ = 0;
  TokenizerTables t_;
};

bool Reader::check_header() {
  if (reinterpret_cast<std::uintptr_t>(bytes_.data()) % alignof(TokenizerHeader) != 0 ||
      bytes_.size() < sizeof(TokenizerHeader)) {
    return false;
  }
  const auto* h = reinterpret_cast<const TokenizerHeader*>(bytes_.data());
  t_.header = h;
  if (h->magic != kTokenizerMagic) return wrong(&h->magic);
  const bool spm = h->kind == static_cast<std::uint32_t>(TokenizerKind::kSpm);
  if (!spm && h->kind != static_cast<std::uint32_t>(TokenizerKind::kBpe)) return wrong(&h->kind);
  const auto last_pre =
      static_cast<std::uint32_t>(spm ? PreTokenizer::kNone : PreTokenizer::kLlama3);
  if (h->pre > last_pre) return wrong(&h->pre);
  if (h->tokens == 0 || h->tokens > kMaxTokens) return wrong(&h->tokens);
  if (h->merges > (spm ? 0 : kMaxMerges)) return wrong(&h->merges);
  if (h->specials > h->tokens) return wrong(&h->specials);
  return check_named_tokens();
}

bool Reader::check_named_tokens() {
  const TokenizerHeader* h = t_.header;
  if (!is_named(h->bos)) return wrong(&h->bos);
  if (!is_named(h->eos)) return wrong(&h->eos);
  if (!is_named(h->unknown)) return wrong(&h->unknown);
  if (!is_named(h->end_of_turn)) return wrong(&h->end_of_turn);
  const bool spm = h->kind == static_cast<std::uint32_t>(TokenizerKind::kSpm);
  const std::uint32_t known = kAddBos | (spm ? kAddSpacePrefix : kIgnoreMerges);
  if ((h->flags & ~known) != 0) return wrong(&h->flags);
  if ((h->flags & kAddBos) != 0 && h->bos == kNoToken) return wrong(&h->bos);
  if (h->reserved != 0) return wrong(&h->reserved);
  return true;
}

bool Reader::lay_out() {
  const TokenizerHeader* h = t_.header;
  const std::uint32_t kind_bytes = (h->tokens + 3) / 4 * 4;
  const std::uint64_t tables = sizeof(TokenizerHeader) + 4ull * (h->tokens + 1ull) +
                               4ull * h->tokens + kind_bytes + 4ull * h->tokens +
                               sizeof(MergeRecord) * std::uint64_t{h->merges} + 4ull * h->specials;
  if (tables + h->text_bytes != bytes_.size()) return wrong(&h->text_bytes);
  t_.offsets = take<std::uint32_t>(h->tokens + 1);
  t_.scores = take<float>(h->tokens);
  t_.kinds = take<std::uint8_t>(kind_bytes);
  t_.order = take<std::uint32_t>(h->tokens);
  t_.merges = take<MergeRecord>(h->merges);
  t_.specials = take<std::uint32_t>(h->specials);
  t_.text = bytes_.subspan(at_);
  return true;
}

bool Reader::check_offsets() {
  if (t_.offsets[0] != 0) return wrong(&t_.offsets[0]);
  for (std::size_t t = 1; t < t_.offsets.size(); ++t) {
    const std::uint32_t before = t_.offsets[t - 1];
    if (t_.offsets[t] < before || t_.offsets[t] - before > kMaxTokenBytes) {
      return wrong(&t_.offsets[t]);
    }
    if (t_.offsets[t] - before > t_.longest) t_.longest = t_.offsets[t] - before;
  }
  const std::uint32_t& end = t_.offsets[t_.offsets.size() - 1];
  return end == t_.header->text_bytes || wrong(&end);
}

bool Reader::check_scores() {
  for (const float& score : t_.scores) {
    if (!is_finite(score)) return wrong(&score);
  }
  return true;
}

bool Reader::check_kinds() {
  for (std::uint32_t t = 0; t < t_.kinds.size(); ++t) {
    const bool token = t < t_.header->tokens;
    if (t_.kinds[t] > static_cast<std::uint8_t>(token ? TokenKind::kUnused : TokenKind::kNormal)) {
      return wrong(&t_.kinds[t]);
    }
    if (token && t_.kind_of(t) == TokenKind::kByte && t_.text_of(t).size() != 1) {
      return wrong(&t_.kinds[t]);
    }
  }
  return true;
}

// Strictly rising and of the right length, it holds every token once.
bool Reader::check_order() {
  std::uint32_t equals = 1;
  for (std::size_t i = 0; i < t_.order.size(); ++i) {
    if (t_.order[i] >= t_.header->tokens) return wrong(&t_.order[i]);
    if (i == 0) continue;
    const ByteSpan text = t_.text_of(t_.order[i]);
    const int order = compare(t_.text_of(t_.order[i - 1]), text);
    if (order > 0 || (order == 0 && t_.order[i - 1] >= t_.order[i])) return wrong(&t_.order[i]);
    equals = order == 0 && !text.empty() ? equals + 1 : 1;
    if (equals > kMaxEqualTokens) return wrong(&t_.order[i]);
  }
  return true;
}

bool Reader::check_merges() {
  for (std::size_t i = 0; i < t_.merges.size(); ++i) {
    const MergeRecord& merge = t_.merges[i];
    const std::uint32_t tokens = t_.header->tokens;
    if (merge.left >= tokens) return wrong(&merge.left);
    if (merge.right >= tokens) return wrong(&merge.right);
    if (merge.result >= tokens || !is_piece(t_.kind_of(merge.result))) return wrong(&merge.result);
    if (merge.rank == UINT32_MAX) return wrong(&merge.rank);
    const ByteSpan left = t_.text_of(merge.left);
    const ByteSpan right = t_.text_of(merge.right);
    const ByteSpan both = t_.text_of(merge.result);
    if (left.empty() || right.empty() || both.size() != left.size() + right.size() ||
        compare(both.first(left.size()), left) != 0 ||
        compare(both.subspan(left.size()), right) != 0) {
      return wrong(&merge.result);
    }
    if (i == 0) continue;
    const MergeRecord& before = t_.merges[i - 1];
    if (before.left > merge.left || (before.left == merge.left && before.right >= merge.right)) {
      return wrong(&merge.left);
    }
  }
  return true;
}

bool Reader::check_specials() {
  for (std::size_t i = 0; i < t_.specials.size(); ++i) {
    const std::uint32_t& special = t_.specials[i];
    if (special >= t_.header->tokens) return wrong(&special);
    const TokenKind kind = t_.kind_of(special);
    if (kind != TokenKind::kControl && kind != TokenKind::kUserDefined) return wrong(&special);
    const std::size_t bytes = t_.text_of(special).size();
    if (bytes == 0) return wrong(&special);
    if (i == 0) continue;
    const std::size_t before = t_.text_of(t_.specials[i - 1]).size();
    if (before < bytes || (before == bytes && t_.specials[i - 1] >= special)) {
      return wrong(&special);
    }
  }
  return true;
}

void Reader::cover_with(bool pieces) {
  for (std::uint32_t t = t_.header->tokens;
       t-- > 0;) {  // the lowest number is written last: it wins
    const bool wanted = pieces ? is_piece(t_.kind_of(t)) : t_.kind_of(t) == TokenKind::kByte;
    if (!wanted || t_.text_of(t).size() != 1) continue;
    t_.bytes[static_cast<std::uint8_t>(t_.text_of(t)[0])] = t;
  }
}

bool Reader::cover_bytes() {
  t_.bytes.fill(t_.header->unknown);
  // Of a piece and a kByte token, kSpm wants the second (the first it looks up), kBpe merges the
  // first.
  const bool spm = t_.header->kind == static_cast<std::uint32_t>(TokenizerKind::kSpm);
  cover_with(spm);
  cover_with(!spm);
  for (const std::uint32_t token : t_.bytes) {
    if (token == kNoToken) return wrong(&t_.header->unknown);
  }
  return true;
}

Failure Reader::read(TokenizerTables* out) {
  const bool sound = check_header() && lay_out() && check_offsets() && check_scores() &&
                     check_kinds() && check_order() && check_merges() && check_specials() &&
                     cover_bytes();
  if (!sound) return {Status::kTokenizerInvalid, detail_of(wrong_)};
  *out = t_;
  return kSuccess;
}

}  // namespace

Failure read_tables(ByteSpan tables, TokenizerTables* out) { return Reader(tables).read(out); }

std::uint32_t TokenizerTables::find_piece(ByteSpan piece) const {
  std::size_t low = 0;
  std::size_t high = order.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (compare(text_of(order[middle]), piece) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  for (; low < order.size() && compare(text_of(order[low]), piece) == 0; ++low) {
    if (is_piece(kind_of(order[low]))) return order[low];
  }
  return kNoToken;
}

const MergeRecord* TokenizerTables::find_merge(std::uint32_t left, std::uint32_t right) const {
  std::size_t low = 0;
  std::size_t high = merges.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const MergeRecord& merge = merges[middle];
    if (merge.left < left || (merge.left == left && merge.right < right)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == merges.size() || merges[low].left != left || merges[low].right != right) {
    return nullptr;
  }
  return &merges[low];
}

}  // namespace sz::language
