// Resizing and cropping, exactly defined, so that every machine gets the same pixels.
#pragma once

#include <cstdint>

#include "cli/image/image.h"

namespace sz::cli {

// Resizes with a triangle filter (bilinear, half-pixel centres). When an axis shrinks, the filter
// is widened by the ratio, so that every source pixel counts (anti-aliasing), as Pillow's BILINEAR
// does: first the width, then the height, each rounded to 8 bits, weights in 22-bit fixed point.
// `height` and `width` are at least 1. An axis that keeps its size is left alone.
Image resize(const Image& image, std::uint32_t height, std::uint32_t width);

// Resizes so that the shorter side is `side`; the longer one is scaled alike and rounded down.
Image resize_shorter_side(const Image& image, std::uint32_t side);

// The centre: rows from floor((image.height - height) / 2), columns alike. The picture must be at
// least that large.
Image centre_crop(const Image& image, std::uint32_t height, std::uint32_t width);

}  // namespace sz::cli
