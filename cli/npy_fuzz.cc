// Any bytes as a .npy file: either they parse into a consistent tensor, or Error is thrown.
#include <cstddef>
#include <cstdint>

#include "cli/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const sz::cli::Npy npy =
        sz::cli::parse_npy({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
    std::uint64_t bytes = sz::element_bytes(npy.type);
    for (const std::int64_t dim : npy.shape) bytes *= static_cast<std::uint64_t>(dim);
    if (bytes != npy.data.size()) __builtin_trap();
    const auto again = sz::cli::format_npy(npy.type, npy.shape, npy.data);
    if (sz::cli::parse_npy(again, "again").data != npy.data) __builtin_trap();
  } catch (const sz::Error&) {
  }
  return 0;
}
