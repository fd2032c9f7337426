#include "cli/image/preprocess.h"

#include <algorithm>
#include <cmath>

#include "cli/image/resize.h"

namespace sz::cli {
namespace {

std::string size_text(std::uint32_t height, std::uint32_t width) {
  return std::to_string(width) + " x " + std::to_string(height);
}

Image shape_image(Image image, const Preprocess& p, const std::string& name) {
  if (p.resize_shorter_side != 0) {
    const std::uint64_t longer = std::max(image.height, image.width);
    if (longer * p.resize_shorter_side / std::min(image.height, image.width) > kMaxImageSide) {
      throw Error(name + ": is " + size_text(image.height, image.width) +
                  " pixels (width x height), too narrow to be resized");
    }
    image = resize_shorter_side(image, p.resize_shorter_side);
  } else if (p.resize_height != 0) {
    image = resize(image, p.resize_height, p.resize_width);
  }
  if (p.crop_height == 0) return image;
  if (image.height < p.crop_height || image.width < p.crop_width) {
    throw Error(name + ": is " + size_text(image.height, image.width) +
                " pixels (width x height), smaller than the centre of " +
                size_text(p.crop_height, p.crop_width) + " that the model wants");
  }
  return centre_crop(image, p.crop_height, p.crop_width);
}

// Channels, height and width of an image input, which is [1, C, H, W] or [C, H, W], or has its
// channels last.
struct ImageShape {
  std::uint32_t channels, height, width;
  bool channels_last;
};

bool is_pixel_type(ElementType type) {
  return type == ElementType::kF32 || type == ElementType::kI8 || type == ElementType::kU8;
}

// Where both orders would do, channels come first.
bool has_channels_last(const TensorInfo& info, std::size_t channels) {
  const std::size_t rank = info.shape.size();
  const auto wanted = static_cast<std::int64_t>(channels);
  return rank >= 3 && info.shape[rank - 3] != wanted && info.shape[rank - 1] == wanted;
}

ImageShape image_shape(const TensorInfo& info, const Preprocess& preprocess,
                       const std::string& name) {
  const std::size_t rank = info.shape.size();
  const std::size_t channels = preprocess.mean.size();
  const bool last = has_channels_last(info, channels);
  if (!is_pixel_type(info.type) || rank < 3 || rank > 4 || (rank == 4 && info.shape[0] != 1) ||
      (!last && info.shape[rank - 3] != static_cast<std::int64_t>(channels))) {
    throw Error(name + ": input '" + info.name +
                "' takes no picture: it must be f32, i8 or u8 [1, " + std::to_string(channels) +
                ", height, width] or [1, height, width, " + std::to_string(channels) + "]");
  }
  const auto size = [&](std::size_t back) {
    return static_cast<std::uint32_t>(info.shape[rank - back]);
  };
  return {static_cast<std::uint32_t>(channels), size(last ? 3 : 2), size(last ? 2 : 1), last};
}

// The nearest value of an 8-bit type.
std::byte rounded(float value, float low, float high) {
  const float limited = std::min(std::max(value, low), high);  // NaN becomes low
  return static_cast<std::byte>(static_cast<int>(std::nearbyint(limited)));
}

}  // namespace

Tensor image_to_tensor(std::span<const std::byte> file, const Preprocess& preprocess,
                       const TensorInfo& info, const std::string& name) {
  const ImageShape shape = image_shape(info, preprocess, name);
  const Image image = shape_image(decode_image(file, shape.channels, name), preprocess, name);
  if (image.height != shape.height || image.width != shape.width) {
    throw Error(name + ": is " + size_text(image.height, image.width) +
                " pixels (width x height) after the recorded preprocessing; the network takes " +
                size_text(shape.height, shape.width) +
                ". Use such a picture, or compile with a --preprocess file that resizes or crops");
  }
  std::vector<std::uint8_t> turned(image.pixels.size());
  const std::size_t area = std::size_t{image.height} * image.width;
  for (std::uint32_t c = 0; c < shape.channels; ++c) {
    const std::uint32_t from =
        preprocess.color == Preprocess::Color::kBgr ? shape.channels - 1 - c : c;
    for (std::size_t i = 0; i < area; ++i) {
      turned[shape.channels_last ? i * shape.channels + c : c * area + i] =
          image.pixels[i * shape.channels + from];
    }
  }
  return pixels_to_tensor(turned, preprocess, info);
}

Tensor pixels_to_tensor(std::span<const std::uint8_t> pixels, const Preprocess& preprocess,
                        const TensorInfo& info) {
  Tensor tensor{info, std::vector<std::byte>(info.bytes())};
  const std::size_t channels = preprocess.mean.size();
  const std::size_t area = pixels.size() / channels;
  const bool last = has_channels_last(info, channels);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const std::size_t c = last ? i % channels : i / area;
    const float value = (static_cast<float>(pixels[i]) - preprocess.mean[c]) * preprocess.scale[c];
    if (info.type == ElementType::kF32) {
      tensor.f32()[i] = value;
    } else {
      const bool is_signed = info.type == ElementType::kI8;
      tensor.data[i] = is_signed ? rounded(value, -128, 127) : rounded(value, 0, 255);
    }
  }
  return tensor;
}

}  // namespace sz::cli
