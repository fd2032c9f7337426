#include "compiler/import/gguf/byte_alphabet.h"

#include <array>

namespace sz::compiler::gguf {
namespace {

constexpr unsigned kFirstOther = 0x100;
constexpr unsigned kOthers = 68;  // bytes that cannot be printed

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

constexpr std::array<unsigned char, kOthers> other_bytes() {
  std::array<unsigned char, kOthers> bytes{};
  unsigned count = 0;
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (!stands_for_itself(byte)) bytes.at(count++) = static_cast<unsigned char>(byte);
  }
  return bytes;
}
constexpr std::array<unsigned char, kOthers> kOtherBytes = other_bytes();
static_assert(kOtherBytes[0] == 0 && kOtherBytes[32] == ' ' && kOtherBytes[kOthers - 1] == 0xad);

}  // namespace

bool bytes_of_letters(std::string_view text, std::string* bytes) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned letter = static_cast<unsigned char>(text[i]);
    if (letter >= 0x80) {
      // All letters of the alphabet have one or two bytes.
      const unsigned next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
      if (letter < 0xc2 || letter > 0xdf || (next & 0xc0) != 0x80) return false;
      letter = (letter & 0x1f) << 6 | (next & 0x3f);
      ++i;
    }
    if (letter < 256 && stands_for_itself(letter)) {
      *bytes += static_cast<char>(letter);
    } else if (letter >= kFirstOther && letter < kFirstOther + kOthers) {
      *bytes += static_cast<char>(kOtherBytes[letter - kFirstOther]);
    } else {
      return false;
    }
  }
  return true;
}

std::string letter_of_byte(unsigned char byte) {
  unsigned letter = byte;
  if (!stands_for_itself(byte)) {
    letter = kFirstOther;
    while (kOtherBytes[letter - kFirstOther] != byte) ++letter;
  }
  if (letter < 0x80) return std::string(1, static_cast<char>(letter));
  return {static_cast<char>(0xc0 | letter >> 6), static_cast<char>(0x80 | (letter & 0x3f))};
}

}  // namespace sz::compiler::gguf
