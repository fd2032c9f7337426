#include "cli/image/preprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sz::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void put(std::vector<std::byte>* bytes, std::uint32_t value, int count) {
  for (int i = 0; i < count; ++i) bytes->push_back(static_cast<std::byte>(value >> (8 * i)));
}

// A BMP file of 24 bits: pixel (y, x) is red 10 y + x, green 100 + 10 y + x, blue 200 + x.
std::vector<std::byte> bmp(std::uint32_t height, std::uint32_t width) {
  const std::uint32_t row = (width * 3 + 3) / 4 * 4;
  std::vector<std::byte> file;
  put(&file, 0x4d42, 2);
  put(&file, 54 + row * height, 4);
  put(&file, 0, 4);
  put(&file, 54, 4);
  put(&file, 40, 4);
  put(&file, width, 4);
  put(&file, height, 4);
  put(&file, 1, 2);
  put(&file, 24, 2);
  put(&file, 0, 4);
  put(&file, row * height, 4);
  for (int i = 0; i < 4; ++i) put(&file, 0, 4);
  for (std::uint32_t y = height; y-- > 0;) {
    for (std::uint32_t x = 0; x < width; ++x) {
      put(&file, 200 + x, 1);
      put(&file, 100 + 10 * y + x, 1);
      put(&file, 10 * y + x, 1);
    }
    put(&file, 0, static_cast<int>(row - width * 3));
  }
  return file;
}

TensorInfo info(std::vector<std::int64_t> shape) { return {"image", ElementType::kF32, shape}; }

Preprocess plain(Preprocess::Color color) {
  Preprocess p;
  p.color = color;
  const std::size_t channels = color == Preprocess::Color::kGray ? 1 : 3;
  p.mean.assign(channels, 0.0f);
  p.scale.assign(channels, 1.0f);
  return p;
}

TEST(Preprocess, GivesEightBitTensorsWithChannelsLast) {
  Preprocess p = plain(Preprocess::Color::kRgb);
  p.mean.assign(3, 128.0f);
  TensorInfo wanted = info({1, 1, 2, 3});
  wanted.type = ElementType::kI8;
  const Tensor tensor = image_to_tensor(bmp(1, 2), p, wanted, "p.bmp");
  std::vector<int> values;
  for (const std::byte byte : tensor.data) values.push_back(static_cast<std::int8_t>(byte));
  EXPECT_THAT(values, ElementsAre(-128, -28, 72, -127, -27, 73));
  p.scale.assign(3, 10.0f);
  wanted.type = ElementType::kU8;
  const Tensor steep = image_to_tensor(bmp(1, 2), p, wanted, "p.bmp");
  EXPECT_EQ(static_cast<int>(steep.data[0]), 0);
  EXPECT_EQ(static_cast<int>(steep.data[2]), 255);
}

std::string error_of(const std::vector<std::byte>& file, const Preprocess& p, const TensorInfo& i) {
  try {
    image_to_tensor(file, p, i, "p.bmp");
  } catch (const Error& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST(ImageToTensor, LaysChannelsInPlanes) {
  const Tensor rgb =
      image_to_tensor(bmp(1, 2), plain(Preprocess::Color::kRgb), info({1, 3, 1, 2}), "p.bmp");
  EXPECT_THAT(rgb.f32(), ElementsAre(0, 1, 100, 101, 200, 201));
  const Tensor bgr =
      image_to_tensor(bmp(1, 2), plain(Preprocess::Color::kBgr), info({1, 3, 1, 2}), "p.bmp");
  EXPECT_THAT(bgr.f32(), ElementsAre(200, 201, 100, 101, 0, 1));
}

TEST(ImageToTensor, AppliesMeanAndScaleOfEachChannelInItsOrder) {
  Preprocess p = plain(Preprocess::Color::kBgr);
  p.mean = {200, 100, 1};
  p.scale = {1, 2, 4};
  const Tensor t = image_to_tensor(bmp(1, 2), p, info({3, 1, 2}), "p.bmp");
  EXPECT_THAT(t.f32(), ElementsAre(0, 1, 0, 2, -4, 0));
}

TEST(ImageToTensor, TurnsColoursToGrey) {
  const Tensor t =
      image_to_tensor(bmp(1, 1), plain(Preprocess::Color::kGray), info({1, 1, 1, 1}), "p.bmp");
  EXPECT_THAT(t.f32(), ElementsAre((77 * 0 + 150 * 100 + 29 * 200) / 256));
}

TEST(ImageToTensor, CropsTheCentre) {
  Preprocess p = plain(Preprocess::Color::kRgb);
  p.crop_height = 1;
  p.crop_width = 2;
  const Tensor t = image_to_tensor(bmp(4, 5), p, info({1, 3, 1, 2}), "p.bmp");
  EXPECT_THAT(t.f32(), ElementsAre(11, 12, 111, 112, 201, 202));
}

TEST(DecodeImage, RefusesAJpegWhoseHuffmanTableIsTooLarge) {
  std::vector<std::byte> file{std::byte{0xff}, std::byte{0xd8}, std::byte{0xff}, std::byte{0xc4}};
  put(&file, 0xff0f, 2);                             // length 0x0fff
  put(&file, 0, 1);                                  // table 0 for DC
  for (int i = 0; i < 16; ++i) put(&file, 0xff, 1);  // 4080 codes where at most 256 fit
  file.resize(file.size() + 4096, std::byte{1});
  EXPECT_THROW(decode_image(file, 3, "p.jpg"), Error);
}

TEST(ImageToTensor, NamesPictureAndReason) {
  const Preprocess rgb = plain(Preprocess::Color::kRgb);
  EXPECT_THAT(error_of(bmp(4, 5), rgb, info({1, 3, 4, 4})), HasSubstr("p.bmp: is 5 x 4 pixels"));
  EXPECT_THAT(error_of(bmp(4, 5), rgb, info({1, 1, 4, 5})), HasSubstr("takes no picture"));
  EXPECT_THAT(error_of(bmp(4, 5), rgb, info({2, 3, 4, 5})), HasSubstr("takes no picture"));
  Preprocess crop = rgb;
  crop.crop_height = crop.crop_width = 5;
  EXPECT_THAT(error_of(bmp(4, 5), crop, info({1, 3, 5, 5})), HasSubstr("smaller than the centre"));
  EXPECT_THAT(error_of(std::vector<std::byte>(100), rgb, info({1, 3, 4, 5})),
              HasSubstr("not a JPEG, PNG or BMP"));
  std::vector<std::byte> huge = bmp(1, 1);
  huge[20] = std::byte{1};  // 65537 pixels wide
  EXPECT_THAT(error_of(huge, rgb, info({1, 3, 1, 1})), HasSubstr("p.bmp"));
}

}  // namespace
}  // namespace sz::cli
