#include "base/checked.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "base/memory.h"

namespace sz {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

TEST(Checked, AddRefusesOverflow) {
  std::uint64_t sum = 7;
  EXPECT_TRUE(checked_add(kMax - 1, 1, &sum));
  EXPECT_EQ(sum, kMax);
  EXPECT_FALSE(checked_add(kMax, 1, &sum));
}

TEST(Checked, MultiplyRefusesOverflow) {
  std::uint64_t product = 7;
  EXPECT_TRUE(checked_mul(std::uint64_t{1} << 32, (std::uint64_t{1} << 32) - 1, &product));
  EXPECT_EQ(product, kMax - 0xffffffffu);
  EXPECT_FALSE(checked_mul(std::uint64_t{1} << 32, std::uint64_t{1} << 32, &product));
}

TEST(Checked, AlignRoundsUpAndRefusesOverflow) {
  std::uint64_t aligned = 7;
  EXPECT_TRUE(checked_align(65, 64, &aligned));
  EXPECT_EQ(aligned, 128u);
  EXPECT_TRUE(checked_align(128, 64, &aligned));
  EXPECT_EQ(aligned, 128u);
  EXPECT_FALSE(checked_align(kMax - 62, 64, &aligned));
}

TEST(Memory, EqualBytesSeesEveryDifference) {
  unsigned char a[16] = {};
  unsigned char b[16] = {};
  EXPECT_TRUE(equal_bytes(a, b, sizeof a));
  for (unsigned char& byte : b) {
    byte = 1;
    EXPECT_FALSE(equal_bytes(a, b, sizeof a));
    byte = 0;
  }
}

TEST(Memory, WipeClears) {
  unsigned char a[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  wipe_bytes(a, sizeof a);
  for (unsigned char byte : a) EXPECT_EQ(byte, 0);
}

}  // namespace
}  // namespace sz
