// Fuzzes the tokenizer: the first two bytes say how much of the input is text, the rest are tables.
// Of tables that are accepted, encode and piece must keep to their memory, and the pieces of all
// tokens must be the text again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "language/tokenizer.h"

namespace sz::language {
namespace {

void demand(bool condition) {
  if (!condition) std::abort();
}

// Whether the pieces of these tokens are all of the text: none is unknown or stands for no text,
// and none that is user-defined begins with the space that goes in front of texts.
bool shows_all(const TokenizerTables& tables, const std::vector<std::uint32_t>& tokens) {
  for (const std::uint32_t token : tokens) {
    const TokenKind kind = tables.kind_of(token);
    const ByteSpan text = tables.text_of(token);
    if (token == tables.header->unknown || kind == TokenKind::kControl) return false;
    if (kind == TokenKind::kUserDefined && text[0] == std::byte{' '}) return false;
  }
  return true;
}

void try_text(const Tokenizer& tokenizer, const TokenizerTables& tables, ByteSpan text,
              const EncodeOptions& options) {
  std::vector<std::uint64_t> work(Tokenizer::work_bytes(text.size()) / 8);
  std::vector<std::uint32_t> tokens(text.size() + text.size() / 2 + 2);
  std::uint32_t count = 0;
  demand(tokenizer.encode(text, options, std::as_writable_bytes(std::span(work)), tokens, &count)
             .ok());
  tokens.resize(count);
  std::uint32_t previous = kNoToken;
  std::string pieces;
  for (const std::uint32_t token : tokens) {
    demand(token < tokenizer.header().tokens);
    const ByteSpan piece = tokenizer.piece(previous, token);
    pieces.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    (void)tokenizer.ends(token);
    previous = token;
  }
  const bool plain = !options.specials && !options.bos && options.begins;
  if (!plain || !shows_all(tables, tokens)) return;
  demand(pieces == std::string(reinterpret_cast<const char*>(text.data()), text.size()));
}

}  // namespace
}  // namespace sz::language

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sz;
  if (size < 2) return 0;
  std::size_t text_bytes = data[0] | static_cast<std::size_t>(data[1] & 15) << 8;
  if (text_bytes > size - 2) text_bytes = size - 2;
  // Both exactly as long as they are, so that a sanitizer sees every byte beyond.
  const auto* begin = reinterpret_cast<const std::byte*>(data) + 2;
  const std::vector<std::byte> text(begin, begin + text_bytes);
  const std::vector<std::byte> tables(begin + text_bytes, begin + (size - 2));
  language::Tokenizer tokenizer;
  language::TokenizerTables read;
  if (!language::Tokenizer::open(tables, &tokenizer).ok()) return 0;
  if (!language::read_tables(tables, &read).ok()) std::abort();
  for (int i = 0; i < 8; ++i) {
    language::try_text(tokenizer, read, text,
                       {.bos = (i & 1) != 0, .specials = (i & 2) != 0, .begins = (i & 4) == 0});
  }
  return 0;
}
