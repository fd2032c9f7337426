// The expected pixels come from Pillow 9.4 (Image.resize with BILINEAR) on the same pictures.
#include "cli/image/resize.h"

#include <gtest/gtest.h>

namespace sz::cli {
namespace {

Image ramp(std::uint32_t height, std::uint32_t width, std::uint32_t channels) {
  Image image{height, width, channels, {}};
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      for (std::uint32_t c = 0; c < channels; ++c) {
        image.pixels.push_back(static_cast<std::uint8_t>(y * 53 + x * 91 + c * 37 + x * y * 29));
      }
    }
  }
  return image;
}

std::uint64_t fnv(const std::vector<std::uint8_t>& bytes) {
  std::uint64_t hash = 1469598103934665603u;
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 1099511628211u;
  return hash;
}

using Pixels = std::vector<std::uint8_t>;

TEST(Resize, ShrinksAsPillowDoes) {
  EXPECT_EQ(resize(ramp(7, 5, 1), 4, 3).pixels,
            (Pixels{73, 113, 76, 144, 113, 119, 157, 121, 96, 91, 144, 134}));
  EXPECT_EQ(resize(ramp(6, 9, 3), 3, 4).pixels,
            (Pixels{101, 122, 137, 97,  131, 128, 108, 135, 119, 138, 127, 123,
                    136, 132, 157, 106, 135, 151, 123, 120, 111, 115, 121, 138,
                    152, 120, 117, 138, 135, 102, 149, 141, 142, 118, 155, 185}));
}

TEST(Resize, GrowsAsPillowDoes) {
  const Image grown = resize(ramp(7, 5, 1), 9, 8);
  EXPECT_EQ(Pixels(grown.pixels.begin(), grown.pixels.begin() + 16),
            (Pixels{0, 40, 97, 154, 130, 27, 68, 108, 35, 84, 142, 105, 93, 109, 77, 50}));
  EXPECT_EQ(Pixels(grown.pixels.end() - 8, grown.pixels.end()),
            (Pixels{62, 66, 72, 77, 83, 88, 94, 98}));
}

TEST(Resize, AgreesWithPillowOnWholePictures) {
  const Image picture = ramp(256, 300, 3);
  EXPECT_EQ(fnv(resize(picture, 227, 227).pixels), 0x8c7184744d200652u);
  EXPECT_EQ(fnv(resize(picture, 224, 300).pixels), 0xc89b7df8cc7cbe42u);
  EXPECT_EQ(fnv(resize(picture, 100, 511).pixels), 0x975d91584b07356eu);
}

TEST(Resize, LeavesThePictureAloneAtItsOwnSize) {
  EXPECT_EQ(resize(ramp(7, 5, 3), 7, 5).pixels, ramp(7, 5, 3).pixels);
}

TEST(ResizeShorterSide, RoundsTheLongerSideDown) {
  const Image wide = resize_shorter_side(ramp(6, 11, 1), 4);
  EXPECT_EQ(wide.height, 4u);
  EXPECT_EQ(wide.width, 7u);  // 11 * 4 / 6 = 7.33
  const Image tall = resize_shorter_side(ramp(11, 6, 1), 12);
  EXPECT_EQ(tall.height, 22u);
  EXPECT_EQ(tall.width, 12u);
}

TEST(CentreCrop, StartsAtTheFloorOfHalfTheRest) {
  const Image whole = ramp(7, 6, 3);
  const Image centre = centre_crop(whole, 4, 3);
  ASSERT_EQ(centre.pixels.size(), 36u);
  EXPECT_EQ(centre.pixels[0], whole.row(1)[3]);  // (7-4)/2 = 1, (6-3)/2 = 1
  EXPECT_EQ(centre.pixels[35], whole.row(4)[11]);
}

}  // namespace
}  // namespace sz::cli
