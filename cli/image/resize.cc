#include "cli/image/resize.h"

#include <algorithm>
#include <cmath>

namespace sz::cli {
namespace {

constexpr int kFractionBits = 22;

// The source pixels that one target pixel is made of.
struct Taps {
  std::uint32_t first = 0;
  std::vector<std::int32_t> weights;  // fixed point, their sum is about 1
};

// The taps of every target pixel of one axis.
std::vector<Taps> axis_taps(std::uint32_t from, std::uint32_t to) {
  const double ratio = static_cast<double>(from) / to;
  const double reach = std::max(ratio, 1.0);  // half the filter's width, in source pixels
  std::vector<Taps> taps(to);
  for (std::uint32_t i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * ratio;
    const auto begin = static_cast<std::int64_t>(centre - reach + 0.5);
    const auto end = static_cast<std::int64_t>(centre + reach + 0.5);
    const std::int64_t low = std::max<std::int64_t>(begin, 0);
    const std::int64_t high = std::min<std::int64_t>(end, from);
    std::vector<double> weights;
    double sum = 0;
    for (std::int64_t x = low; x < high; ++x) {
      const double distance = std::fabs((static_cast<double>(x) - centre + 0.5) / reach);
      weights.push_back(std::max(0.0, 1.0 - distance));
      sum += weights.back();
    }
    taps[i].first = static_cast<std::uint32_t>(low);
    for (const double weight : weights) {
      taps[i].weights.push_back(
          static_cast<std::int32_t>(weight / sum * (1 << kFractionBits) + 0.5));
    }
  }
  return taps;
}

// Weighted sum of `taps` over samples that lie `stride` apart, rounded to 8 bits.
std::uint8_t weigh(const Taps& taps, const std::uint8_t* samples, std::size_t stride) {
  std::int64_t sum = std::int64_t{1} << (kFractionBits - 1);
  const std::uint8_t* at = samples + taps.first * stride;
  for (const std::int32_t weight : taps.weights) {
    sum += std::int64_t{weight} * *at;
    at += stride;
  }
  return static_cast<std::uint8_t>(std::clamp<std::int64_t>(sum >> kFractionBits, 0, 255));
}

Image resize_width(const Image& image, std::uint32_t width) {
  if (width == image.width) return image;
  const std::vector<Taps> taps = axis_taps(image.width, width);
  Image result{image.height, width, image.channels, {}};
  result.pixels.reserve(std::size_t{image.height} * width * image.channels);
  for (std::uint32_t y = 0; y < image.height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      for (std::uint32_t c = 0; c < image.channels; ++c) {
        result.pixels.push_back(weigh(taps[x], image.row(y) + c, image.channels));
      }
    }
  }
  return result;
}

Image resize_height(const Image& image, std::uint32_t height) {
  if (height == image.height) return image;
  const std::vector<Taps> taps = axis_taps(image.height, height);
  const std::size_t stride = std::size_t{image.width} * image.channels;
  Image result{height, image.width, image.channels, {}};
  result.pixels.reserve(height * stride);
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::size_t i = 0; i < stride; ++i) {
      result.pixels.push_back(weigh(taps[y], image.pixels.data() + i, stride));
    }
  }
  return result;
}

}  // namespace

Image resize(const Image& image, std::uint32_t height, std::uint32_t width) {
  return resize_height(resize_width(image, width), height);
}

Image resize_shorter_side(const Image& image, std::uint32_t side) {
  const std::uint64_t shorter = std::min(image.height, image.width);
  const auto scaled = [&](std::uint32_t length) {
    return static_cast<std::uint32_t>(std::uint64_t{length} * side / shorter);
  };
  return resize(image, scaled(image.height), scaled(image.width));
}

Image centre_crop(const Image& image, std::uint32_t height, std::uint32_t width) {
  const std::uint32_t top = (image.height - height) / 2;
  const std::uint32_t left = (image.width - width) / 2;
  Image result{height, width, image.channels, {}};
  for (std::uint32_t y = 0; y < height; ++y) {
    const std::uint8_t* begin = image.row(top + y) + std::size_t{left} * image.channels;
    result.pixels.insert(result.pixels.end(), begin, begin + std::size_t{width} * image.channels);
  }
  return result;
}

}  // namespace sz::cli
