// What importers of hostile files share: names from such files in messages, and unaligned numbers.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace sz::compiler {

// The text in quotes, shortened, without control characters.
inline std::string quoted(std::string_view text) {
  constexpr std::size_t kMostShown = 64;
  std::string shown = "'";
  for (const char c : text.substr(0, kMostShown)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 32 || byte == 127 ? '?' : c;
  }
  return shown + (text.size() > kMostShown ? "...'" : "'");
}

// The number at this offset, which the caller has proved to be inside.
template <typename T>
T number_at(std::span<const std::byte> bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

}  // namespace sz::compiler
