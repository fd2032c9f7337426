// Any bytes as a picture: either they decode to as many pixels as promised, or Error is thrown.
#include <cstddef>
#include <cstdint>

#include "cli/image/image.h"
#include "include/smartzone/smartzone.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto channels = static_cast<std::uint32_t>(size % 2 == 0 ? 1 : 3);
    const sz::cli::Image image =
        sz::cli::decode_image({reinterpret_cast<const std::byte*>(data), size}, channels, "fuzz");
    if (image.pixels.size() != std::size_t{image.height} * image.width * channels) {
      __builtin_trap();
    }
  } catch (const sz::Error&) {
  }
  return 0;
}
