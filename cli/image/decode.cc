#include "cli/image/image.h"
#include "include/smartzone/smartzone.hpp"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS (1 << 14)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

#include <limits>
#include <memory>

namespace sz::cli {
namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  throw Error(name + ": " + what);
}

}  // namespace

Image decode_image(std::span<const std::byte> bytes, std::uint32_t channels,
                   const std::string& name) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    refuse(name, "is too large for a picture");
  }
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  int width = 0;
  int height = 0;
  int present = 0;
  if (stbi_info_from_memory(data, size, &width, &height, &present) == 0) {
    refuse(name, "is not a JPEG, PNG or BMP picture that can be read (" +
                     std::string(stbi_failure_reason()) + ")");
  }
  if (width <= 0 || height <= 0 || static_cast<std::uint32_t>(width) > kMaxImageSide ||
      static_cast<std::uint32_t>(height) > kMaxImageSide) {
    refuse(name, "is " + std::to_string(width) + " x " + std::to_string(height) +
                     " pixels; the limit is " + std::to_string(kMaxImageSide) + " a side");
  }
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(data, size, &width, &height, &present, static_cast<int>(channels)),
      stbi_image_free);
  if (!pixels) refuse(name, "cannot be decoded (" + std::string(stbi_failure_reason()) + ")");
  Image image;
  image.height = static_cast<std::uint32_t>(height);
  image.width = static_cast<std::uint32_t>(width);
  image.channels = channels;
  image.pixels.assign(pixels.get(),
                      pixels.get() + std::size_t{image.height} * image.width * channels);
  return image;
}

}  // namespace sz::cli
