#include "compiler/import/llama2c/tokenizer_reader.h"

#include <cmath>

#include "compiler/error.h"
#include "compiler/import/messages.h"

namespace sz::compiler {
namespace {

using language::TokenKind;

constexpr std::uint32_t kUnknown = 0, kBegin = 1, kEnd = 2, kFirstByte = 3, kBytes = 256;

// "<0x0A>" for 10.
std::string byte_name(std::uint32_t byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + '>';
}

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& source)
      : bytes_(bytes), source_(source) {}
  TokenizerData read(std::uint32_t vocabulary);

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw CompileError(source_ + ": " + what);
  }
  template <typename T>
  T take(const std::string& what);
  TokenizerData::Token token(std::uint32_t number);
  // Text that a token stands for, from its text in the file.
  void translate(std::uint32_t number, TokenizerData::Token* token) const;

  std::span<const std::byte> bytes_;
  const std::string& source_;
  std::size_t at_ = 0;
  std::uint32_t longest_ = 0;
};

template <typename T>
T Reader::take(const std::string& what) {
  if (sizeof(T) > bytes_.size() - at_) {
    refuse("is too short: " + what + " at byte " + std::to_string(at_) +
           " is cut off; is it the tokenizer of this model?");
  }
  const T value = number_at<T>(bytes_, at_);
  at_ += sizeof(T);
  return value;
}

void Reader::translate(std::uint32_t number, TokenizerData::Token* token) const {
  if (number == kUnknown) {
    token->kind = TokenKind::kUnknown;
  } else if (number == kBegin || number == kEnd) {
    token->kind = TokenKind::kControl;
    // The file has "\n<s>\n", for llama2.c's way to print it.
    const std::size_t first = token->bytes.find_first_not_of('\n');
    const std::size_t last = token->bytes.find_last_not_of('\n');
    token->bytes = first == std::string::npos ? "" : token->bytes.substr(first, last - first + 1);
  } else if (number < kFirstByte + kBytes) {
    // llama2.c takes token byte + 3 for bytes that no piece covers.
    const std::uint32_t byte = number - kFirstByte;
    if (token->bytes != byte_name(byte)) {
      refuse("token " + std::to_string(number) + " is " + quoted(token->bytes) + ", not the byte " +
             byte_name(byte));
    }
    token->kind = TokenKind::kByte;
    token->bytes = std::string(1, static_cast<char>(byte));
  }
}

TokenizerData::Token Reader::token(std::uint32_t number) {
  const std::string name = "token " + std::to_string(number);
  TokenizerData::Token token;
  token.score = take<float>("the score of " + name);
  if (!std::isfinite(token.score)) {
    refuse("the score of " + name + " (byte " + std::to_string(at_ - 4) + ") is not finite");
  }
  const auto length = take<std::uint32_t>("the length of " + name);
  if (length > bytes_.size() - at_ || length > longest_ || length > language::kMaxTokenBytes) {
    refuse(name + " would have " + std::to_string(length) + " bytes at byte " +
           std::to_string(at_) + "; " + std::to_string(bytes_.size() - at_) +
           " are left, and the longest has " + std::to_string(longest_));
  }
  token.bytes.assign(reinterpret_cast<const char*>(bytes_.data()) + at_, length);
  at_ += length;
  translate(number, &token);
  return token;
}

TokenizerData Reader::read(std::uint32_t vocabulary) {
  if (vocabulary < kFirstByte + kBytes || vocabulary > language::kMaxTokens) {
    refuse("a vocabulary of " + std::to_string(vocabulary) + " tokens is not within " +
           std::to_string(kFirstByte + kBytes) + " (with a token for each byte) and " +
           std::to_string(language::kMaxTokens));
  }
  longest_ = take<std::uint32_t>("the length of the longest token");
  TokenizerData data;
  data.bos = kBegin;
  data.eos = kEnd;
  data.unknown = kUnknown;
  data.end_of_turn = kBegin;
  for (std::uint32_t number = 0; number < vocabulary; ++number)
    data.tokens.push_back(token(number));
  if (at_ != bytes_.size()) {
    refuse("is too long: " + std::to_string(vocabulary) + " tokens end at byte " +
           std::to_string(at_) + " of " + std::to_string(bytes_.size()) +
           "; is it the tokenizer of this model?");
  }
  return data;
}

}  // namespace

TokenizerData read_llama2c_tokenizer(std::span<const std::byte> bytes, std::uint32_t vocabulary,
                                     const std::string& source) {
  return Reader(bytes, source).read(vocabulary);
}

}  // namespace sz::compiler
