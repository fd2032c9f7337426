// Pictures as the preprocessing sees them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sz::cli {

// 8 bits a channel, row by row, channels interleaved (RGB or grey).
struct Image {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  std::uint32_t channels = 0;  // 1 or 3
  std::vector<std::uint8_t> pixels;

  const std::uint8_t* row(std::uint32_t y) const {
    return pixels.data() + std::size_t{y} * width * channels;
  }
};

// The largest side of a picture that is read; larger ones are refused before they are decoded.
inline constexpr std::uint32_t kMaxImageSide = 1u << 14;

// Decodes JPEG, PNG or BMP bytes to `channels` channels (1: grey, 3: RGB; a picture of the other
// kind is converted: grey = (77 R + 150 G + 29 B) / 256; an alpha channel is dropped). `name` is
// what errors call the picture. Throws Error.
Image decode_image(std::span<const std::byte> bytes, std::uint32_t channels,
                   const std::string& name);

}  // namespace sz::cli
