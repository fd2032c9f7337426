#include "cli/labelled.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sz::cli {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> idx(std::vector<int> bytes) {
  std::vector<std::byte> file;
  for (const int byte : bytes) file.push_back(static_cast<std::byte>(byte));
  return file;
}

std::string error_of(const std::vector<std::byte>& bytes) {
  try {
    parse_idx(bytes, "a.idx");
  } catch (const Error& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST(Idx, ReadsShapeAndBytes) {
  const Idx images = parse_idx(idx({0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9}), "a.idx");
  EXPECT_EQ(images.shape, (std::vector<std::size_t>{1, 3}));
  EXPECT_EQ(images.data[2], std::byte{9});
}

TEST(Idx, SaysWhatIsWrong) {
  EXPECT_THAT(error_of(idx({0x1f, 0x8b, 8, 0})), HasSubstr("gunzip"));
  EXPECT_THAT(error_of(idx({0, 0, 13, 1, 0, 0, 0, 0})), HasSubstr("not an idx file"));
  EXPECT_THAT(error_of(idx({0, 0, 8, 1, 0, 0, 0, 2, 1})), HasSubstr("promises 2"));
  EXPECT_THAT(
      error_of(idx({0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255})),
      HasSubstr("overflow"));
  EXPECT_THAT(error_of(idx({0, 0, 8, 2, 0, 0})), HasSubstr("inside its header"));
}

}  // namespace
}  // namespace sz::cli
