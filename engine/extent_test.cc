#include "engine/extent.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace sz::engine {
namespace {

// Byte by byte, the slow and obvious way.
std::vector<bool> map_of(const Extent& extent) {
  std::vector<bool> map(256);
  for (std::uint64_t row = 0; row < extent.rows; ++row) {
    for (std::uint64_t i = 0; i < extent.row_bytes; ++i) {
      map.at(extent.begin + row * extent.pitch_bytes + i) = true;
    }
  }
  return map;
}

std::uint64_t shared_by_counting(const Extent& a, const Extent& b) {
  const auto x = map_of(a), y = map_of(b);
  std::uint64_t shared = 0;
  for (std::size_t i = 0; i < x.size(); ++i) shared += x[i] && y[i] ? 1 : 0;
  return a.region == b.region ? shared : 0;
}

Extent random_extent(std::minstd_rand& random) {
  Extent extent;
  extent.region = random() % 16 == 0;
  extent.begin = random() % 64;
  extent.pitch_bytes = 1 + random() % 12;
  extent.row_bytes = 1 + random() % extent.pitch_bytes;
  extent.rows = 1 + random() % 8;
  return extent;
}

TEST(Extent, OverlapIsNeverMissedAndExactForEqualPitches) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::minstd_rand random(seed);
  int interleaved = 0;
  for (int i = 0; i < 400000; ++i) {
    const Extent a = random_extent(random);
    Extent b = random_extent(random);
    if (i % 2 == 0 && b.row_bytes <= a.pitch_bytes) b.pitch_bytes = a.pitch_bytes;
    const bool truth = shared_by_counting(a, b) > 0;
    const bool said = overlap(a, b);
    EXPECT_TRUE(said || !truth);
    if (a.pitch_bytes == b.pitch_bytes) {
      EXPECT_EQ(said, truth);
    }
    EXPECT_EQ(said, overlap(b, a));
    interleaved += !said && a.region == b.region && a.begin < b.end() && b.begin < a.end();
    if (HasFailure()) {
      FAIL() << a.begin << ' ' << a.rows << ' ' << a.row_bytes << ' ' << a.pitch_bytes << " and "
             << b.begin << ' ' << b.rows << ' ' << b.row_bytes << ' ' << b.pitch_bytes;
    }
  }
  EXPECT_GT(interleaved, 1000) << "the interesting case was not tried";
}

TEST(Extent, SharedBytesAreNeverTooManyAndExactIfOneIsSolid) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::minstd_rand random(seed);
  int exact_slices = 0;
  for (int i = 0; i < 400000; ++i) {
    const Extent a = random_extent(random);
    Extent b = random_extent(random);
    if (i % 2 == 0 && b.row_bytes <= a.pitch_bytes) {
      b.pitch_bytes = a.pitch_bytes;
      b.rows = a.rows;
    }
    const std::uint64_t truth = shared_by_counting(a, b);
    const std::uint64_t said = shared_bytes(a, b);
    ASSERT_LE(said, truth);
    if (a.solid() || b.solid()) {
      ASSERT_EQ(said, truth);
    } else {
      exact_slices += said == truth && truth > 0;
    }
    ASSERT_EQ(said, shared_bytes(b, a));
  }
  EXPECT_GT(exact_slices, 1000);
}

TEST(Extent, IsReadFromATensorInBytes) {
  package::TensorRecord record{};
  record.offset = 128;
  record.region = 1;
  TensorView view;
  view.dims = {2, 3, 5, 1, 1, 1};
  view.pitch = 7;
  view.rank = 3;
  const Extent extent = extent_of(record, view);
  EXPECT_EQ(extent.begin, 128u);
  EXPECT_EQ(extent.rows, 6u);
  EXPECT_EQ(extent.row_bytes, 20u);
  EXPECT_EQ(extent.pitch_bytes, 28u);
  EXPECT_EQ(extent.end(), 128u + 5 * 28 + 20);
  EXPECT_EQ(extent.bytes(), 120u);
  EXPECT_FALSE(extent.solid());
}

}  // namespace
}  // namespace sz::engine
