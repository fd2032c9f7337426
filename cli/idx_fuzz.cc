// Any bytes as an idx file: either they parse into a consistent array, or Error is thrown.
#include <cstddef>
#include <cstdint>

#include "cli/labelled.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const sz::cli::Idx idx =
        sz::cli::parse_idx({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
    std::uint64_t elements = 1;
    for (const std::size_t dim : idx.shape) elements *= dim;
    if (elements != idx.data.size()) __builtin_trap();
  } catch (const sz::Error&) {
  }
  return 0;
}
