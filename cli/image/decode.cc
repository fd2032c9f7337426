#include <cstdlib>
#include <cstring>

#include "cli/image/image.h"
#include "include/smartzone/smartzone.hpp"

namespace {

// Most that decoding one picture may take at a time. Damaged files can ask for any amount.
constexpr std::size_t kMaxAllocation = std::size_t{1} << 28;

// Memory for the decoder is zeroed: what a damaged file leaves unwritten is then at least the same
// on every run.
void* take(std::size_t bytes) {
  return bytes > kMaxAllocation ? nullptr : std::calloc(1, bytes == 0 ? 1 : bytes);
}

void* take_more(void* old, std::size_t old_bytes, std::size_t bytes) {
  void* const fresh = take(bytes);
  if (fresh == nullptr || old == nullptr) return fresh;
  std::memcpy(fresh, old, old_bytes < bytes ? old_bytes : bytes);
  std::free(old);
  return fresh;
}

}  // namespace

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS (1 << 14)
#define STBI_MALLOC(bytes) take(bytes)
#define STBI_REALLOC_SIZED(old, old_bytes, bytes) take_more(old, old_bytes, bytes)
#define STBI_FREE(old) std::free(old)
#define STBI_ASSERT(condition) ((void)0)  // on damaged files some do not hold; the checks are ours
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
