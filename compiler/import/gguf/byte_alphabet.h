// GPT-2's alphabet, in which each byte is a letter that can be printed: those of Latin-1 that can
// stand for themselves, and the others, in rising order, the letters from U+0100 on.
#pragma once

#include <string>
#include <string_view>

namespace sz::compiler::gguf {

// The bytes of a text (UTF-8) in this alphabet; false if it has other letters. Appends to *bytes.
bool bytes_of_letters(std::string_view text, std::string* bytes);

// The letter of a byte, as UTF-8.
std::string letter_of_byte(unsigned char byte);

}  // namespace sz::compiler::gguf
