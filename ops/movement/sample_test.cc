#include "ops/movement/sample.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/testing/any_step.h"

namespace sz::ops::testing {
namespace {

using Floats = std::vector<float>;

// Places between -1.5 and 1.5, one in twelve of them extreme.
Floats random_grid(Random& random, std::uint32_t count) {
  Floats grid;
  for (std::uint32_t i = 0; i < count; ++i) {
    grid.push_back(random.chance(12) ? random.extreme() : random.real() * 1.5f);
  }
  return grid;
}

AnyStep random_grid_sample(Random& random) {
  const std::uint32_t axes = random.integer(2, 3);
  const std::uint32_t images = random.integer(1, 2);
  const std::uint32_t channels = random.integer(1, 35);
  std::vector<std::uint32_t> x = {images}, grid = {images}, y = {images};
  std::uint32_t points = images;
  for (std::uint32_t i = 0; i < axes; ++i) {
    x.push_back(random.integer(1, 6));
    y.push_back(random.integer(1, 5));
    grid.push_back(y.back());
    points *= y.back();
  }
  x.push_back(channels);
  y.push_back(channels);
  grid.push_back(axes);
  const auto mode = random.integer(0, axes == 2 ? 2 : 1);
  AnyTensor image(DType::kF32, x);
  image.fill_random(random);
  return {OpCode::kGridSample,
          {image, AnyTensor(DType::kF32, grid, random_grid(random, points * axes))},
          AnyTensor(DType::kF32, y),
          words_of(GridSampleAttributes{static_cast<SampleMode>(mode),
                                        static_cast<SamplePadding>(random.integer(0, 2)),
                                        random.integer(0, 1)})};
}

TEST(GridSample, AnyGridGivesTheSameBits) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t i = 0; i < 300; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 86028157 + i);
    random_grid_sample(random).expect_same();
    if (HasFailure()) return;
  }
}

TEST(GridSample, ReadsPixelsBetweenThemAndBeyond) {
  const float inf = INFINITY;
  const auto sample = [&](SampleMode mode, SamplePadding padding, Floats grid) {
    const auto count = static_cast<std::uint32_t>(grid.size() / 2);
    return AnyStep{OpCode::kGridSample,
                   {AnyTensor(DType::kF32, {1, 1, 4, 1}, Floats{1, 2, 3, 4}),
                    AnyTensor(DType::kF32, {1, 1, count, 2}, grid)},
                   AnyTensor(DType::kF32, {1, 1, count, 1}),
                   words_of(GridSampleAttributes{mode, padding, 0})}
        .results<float>();
  };
  // Pixel i lies at (2 i + 1) / 4 - 1.
  const Floats grid = {-0.75f, 0, -0.5f, 0, 0.75f, 0, 1.25f, 0, inf, 0, -inf, 0};
  EXPECT_EQ(sample(SampleMode::kLinear, SamplePadding::kZeros, grid),
            (Floats{1, 1.5f, 4, 0, 0, 0}));
  EXPECT_EQ(sample(SampleMode::kLinear, SamplePadding::kBorder, grid),
            (Floats{1, 1.5f, 4, 4, 4, 1}));
  EXPECT_EQ(
      sample(SampleMode::kLinear, SamplePadding::kReflection, {1.25f, 0, -1.75f, 0, 3.25f, 0}),
      (Floats{4, 2, 1}));
  EXPECT_EQ(sample(SampleMode::kNearest, SamplePadding::kZeros, {-0.7f, 0, 0.3f, 0, 0.6f, 0}),
            (Floats{1, 3, 4}));
  EXPECT_TRUE(std::isnan(sample(SampleMode::kNearest, SamplePadding::kZeros, {NAN, 0})[0]));
}

AnyStep align_step(Floats regions, std::vector<std::int64_t> images, RoiAlignAttributes a) {
  const auto count = static_cast<std::uint32_t>(images.size());
  return {OpCode::kRoiAlign,
          {AnyTensor(DType::kF32, {2, 2, 2, 1}, Floats{1, 2, 3, 4, 10, 20, 30, 40}),
           AnyTensor(DType::kF32, {count, 4}, regions), AnyTensor(DType::kI64, {count}, images)},
          AnyTensor(DType::kF32, {count, 1, 2, 1}),
          words_of(a)};
}

TEST(RoiAlign, AveragesSamplesOfEachBin) {
  // The whole of both images in two bins side by side: samples in both rows, and in columns -0.25
  // (that is 0), 0.25 and 0.75, 1.25 (that is 1).
  const RoiAlignAttributes mean{0, 1, 2, 1};
  EXPECT_EQ(align_step({0, 0, 2, 2, 0, 0, 2, 2}, {0, 1}, mean).results<float>(),
            (Floats{2.125f, 2.875f, 21.25f, 28.75f}));
  const float inf = INFINITY;
  const auto odd = align_step({0, 0, inf, 2, NAN, 0, 2, 2}, {0, 1}, mean).results<float>();
  for (const float value : odd) EXPECT_TRUE(std::isnan(value));
}

TEST(RoiAlign, RefusesImagesThatAreNotThere) {
  for (const std::int64_t bad : {std::int64_t{2}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    align_step({0, 0, 2, 2}, {bad}, {}).expect_same(Status::kIndexOutOfRange);
  }
}

TEST(RoiAlign, AnyRegionGivesTheSameBits) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t i = 0; i < 150; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 67280421 + i);
    const std::uint32_t count = random.integer(1, 3);
    const std::uint32_t channels = random.integer(1, 20);
    AnyTensor x(DType::kF32, {2, random.integer(1, 6), random.integer(1, 6), channels});
    x.fill_random(random);
    Floats regions;
    std::vector<std::int64_t> images;
    for (std::uint32_t r = 0; r < count; ++r) {
      images.push_back(random.integer(0, 1));
      for (int k = 0; k < 4; ++k) {
        regions.push_back(random.chance(20) ? random.extreme() : random.real() * 8);
      }
    }
    AnyStep{
        OpCode::kRoiAlign,
        {x, AnyTensor(DType::kF32, {count, 4}, regions), AnyTensor(DType::kI64, {count}, images)},
        AnyTensor(DType::kF32, {count, random.integer(1, 4), random.integer(1, 4), channels}),
        words_of(RoiAlignAttributes{random.integer(0, 1), random.integer(0, 1),
                                    random.integer(0, 3), random.pick({1.0f, 0.25f})})}
        .expect_same();
    if (HasFailure()) return;
  }
}

TEST(SampleCheck, RefusesOtherShapesAndAttributes) {
  const auto grid = [](std::vector<std::uint32_t> x, std::vector<std::uint32_t> places,
                       std::vector<std::uint32_t> y, GridSampleAttributes a) {
    return AnyStep{
        OpCode::kGridSample,
        {AnyTensor(DType::kF32, std::move(x)), AnyTensor(DType::kF32, std::move(places))},
        AnyTensor(DType::kF32, std::move(y)),
        words_of(a)}
        .check();
  };
  EXPECT_EQ(grid({1, 4, 4, 3}, {1, 2, 2, 2}, {1, 2, 2, 3}, {}), Status::kOk);
  EXPECT_EQ(grid({1, 4, 4, 3}, {1, 2, 2, 3}, {1, 2, 2, 3}, {}), Status::kShapeMismatch);
  EXPECT_EQ(grid({1, 4, 4, 3}, {1, 2, 2, 2}, {1, 2, 3, 3}, {}), Status::kShapeMismatch);
  EXPECT_EQ(grid({2, 4, 4, 3}, {1, 2, 2, 2}, {1, 2, 2, 3}, {}), Status::kShapeMismatch);
  EXPECT_EQ(grid({1, 4, 4, 3}, {1, 2, 2, 2}, {1, 2, 2, 3}, {static_cast<SampleMode>(3)}),
            Status::kBadAttribute);
  EXPECT_EQ(grid({1, 2, 2, 2, 3}, {1, 2, 2, 2, 3}, {1, 2, 2, 2, 3}, {SampleMode::kCubic}),
            Status::kBadAttribute);
  EXPECT_EQ(align_step({0, 0, 1, 1}, {0}, {0, 1, kMaxSamples + 1, 1}).check(),
            Status::kBadAttribute);
  EXPECT_EQ(align_step({0, 0, 1, 1}, {0}, {0, 1, 1, INFINITY}).check(), Status::kBadAttribute);
  EXPECT_EQ(align_step({0, 0, 1, 1}, {0}, {2, 1, 1, 1}).check(), Status::kBadAttribute);
}

}  // namespace
}  // namespace sz::ops::testing
