// Any bytes as the file of a saved conversation: either pieces that add up to it, or Error.
#include <cstddef>
#include <cstdint>

#include "client/saved_file.h"
#include "include/smartzone/smartzone.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto bytes = std::as_bytes(std::span(data, size));
    std::size_t sum = 12;
    for (const auto& piece : sz::client::parse_saved(bytes, "fuzz")) sum += 4 + piece.size();
    if (sum != size) __builtin_trap();
  } catch (const sz::Error&) {
  }
  return 0;
}
