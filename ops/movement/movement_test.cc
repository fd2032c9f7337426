// Gather, Scatter, TopK, OneHot, Triangle, Interpolate.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/movement/attributes.h"
#include "ops/testing/any_step.h"

namespace sz::ops::testing {
namespace {

std::vector<std::uint32_t> words(const IndexedHead& head,
                                 const std::vector<IndexedPosition>& positions,
                                 const std::vector<IndexedCoordinate>& coordinates) {
  std::vector<std::uint32_t> result;
  append_words(result, head);
  for (const IndexedPosition& position : positions) append_words(result, position);
  for (const IndexedCoordinate& coordinate : coordinates) append_words(result, coordinate);
  return result;
}

// Rows of x [4, 3] (or columns): y[i] = x[indices[i]].
AnyStep rows_step(std::vector<std::int32_t> indices) {
  const auto count = static_cast<std::uint32_t>(indices.size());
  return {OpCode::kGather,
          {AnyTensor(DType::kI32, {4, 3},
                     std::vector<std::int32_t>{0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32}),
           AnyTensor(DType::kI32, {count}, indices)},
          AnyTensor(DType::kI32, {count, 3}),
          words({1, 1, 3, 0}, {{count, 0, 1}}, {{4, 3}})};
}

TEST(Gather, TakesRowsFromBothEnds) {
  EXPECT_EQ(rows_step({2, -4, -1}).results<std::int32_t>(),
            (std::vector<std::int32_t>{20, 21, 22, 0, 1, 2, 30, 31, 32}));
}

TEST(Gather, RefusesIndicesOutOfRangeWhileRunning) {
  for (const std::int32_t bad : {4, -5, INT32_MAX, INT32_MIN}) {
    SCOPED_TRACE(bad);
    const AnyStep step = rows_step({1, bad});
    const std::vector<std::byte> untouched = step.output.values<std::byte>();
    EXPECT_EQ(step.expect_same(Status::kIndexOutOfRange), untouched);
  }
}

TEST(Gather, TakesElementsByPositionAndIndex) {
  // y[i, j] = x[i, indices[i, j]], 64-bit indices, bytes.
  const AnyStep step{OpCode::kGather,
                     {AnyTensor(DType::kU8, {2, 3}, std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}),
                      AnyTensor(DType::kI64, {2, 2}, std::vector<std::int64_t>{2, 0, -1, 1})},
                     AnyTensor(DType::kU8, {2, 2}),
                     words({2, 1, 1, 0}, {{2, 3, 2}, {2, 0, 1}}, {{3, 1}})};
  EXPECT_EQ(step.results<std::uint8_t>(), (std::vector<std::uint8_t>{3, 1, 6, 5}));
}

TEST(Gather, TakesElementsByTwoCoordinates) {
  const AnyStep step{
      OpCode::kGather,
      {AnyTensor(DType::kF32, {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6}),
       AnyTensor(DType::kI64, {3, 2}, std::vector<std::int64_t>{0, 2, -1, 0, 1, -1})},
      AnyTensor(DType::kF32, {3}),
      words({1, 2, 1, 0}, {{3, 0, 2}}, {{2, 3}, {3, 1}})};
  EXPECT_EQ(step.results<float>(), (std::vector<float>{3, 4, 6}));
}

TEST(Gather, RandomWalksGiveTheSameBits) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t i = 0; i < 200; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 32452843 + i);
    const std::uint32_t outer = random.integer(1, 5);
    const std::uint32_t size = random.integer(1, 9);
    const std::uint32_t block = random.chance(2) ? 1 : random.integer(1, 40);
    const std::uint32_t count = random.integer(1, 300);
    std::vector<std::int64_t> indices;
    const auto limit = static_cast<std::int64_t>(size);
    for (std::uint32_t k = 0; k < count; ++k) {
      indices.push_back(static_cast<std::int64_t>(random.integer(0, 2 * size - 1)) - limit);
    }
    const DType type = random.pick({DType::kF32, DType::kI64, DType::kI8});
    AnyTensor x(type, {outer, size, block});
    x.fill_random(random);
    AnyStep{OpCode::kGather,
            {x, AnyTensor(DType::kI64, {count}, indices)},
            AnyTensor(type, {outer, count, block}),
            words({2, 1, block, 0}, {{outer, size * block, 0}, {count, 0, 1}}, {{size, block}})}
        .expect_same();
  }
}

TEST(GatherCheck, RefusesPlacesOutsideTheTensors) {
  const auto check = [](IndexedHead head, std::vector<IndexedPosition> positions,
                        std::vector<IndexedCoordinate> coordinates) {
    return AnyStep{OpCode::kGather,
                   {AnyTensor(DType::kF32, {4, 3}), AnyTensor(DType::kI32, {2})},
                   AnyTensor(DType::kF32, {2, 3}),
                   words(head, positions, coordinates)}
        .check();
  };
  EXPECT_EQ(check({1, 1, 3, 0}, {{2, 0, 1}}, {{4, 3}}), Status::kOk);
  EXPECT_EQ(check({1, 1, 3, 0}, {{2, 0, 1}}, {{5, 3}}), Status::kBadAttribute) << "limit";
  EXPECT_EQ(check({1, 1, 3, 0}, {{2, 1, 1}}, {{4, 3}}), Status::kBadAttribute) << "base";
  EXPECT_EQ(check({1, 1, 3, 0}, {{2, 0, 2}}, {{4, 3}}), Status::kBadAttribute) << "indices";
  EXPECT_EQ(check({1, 1, 3, 0}, {{2, 0, 0xffffffffu}}, {{4, 3}}), Status::kBadAttribute);
  EXPECT_EQ(check({1, 1, 3, 0}, {{2, 0, 1}}, {{0, 3}}), Status::kBadAttribute);
  EXPECT_EQ(check({1, 1, 3, 0}, {{2, 0, 1}}, {{0x80000000u, 0}}), Status::kBadAttribute);
  EXPECT_EQ(check({1, 1, 4, 0}, {{2, 0, 1}}, {{2, 3}}), Status::kShapeMismatch) << "y";
  EXPECT_EQ(check({1, 1, 3, 1}, {{2, 0, 1}}, {{4, 3}}), Status::kBadAttribute) << "reduction";
  EXPECT_EQ(check({1, 2, 3, 0}, {{2, 0, 1}}, {{4, 3}, {1, 0}}), Status::kBadAttribute)
      << "an index of two numbers begins at an even place";
}

AnyStep scatter_step(Reduction reduction, std::vector<std::int64_t> indices) {
  return {OpCode::kScatter,
          {AnyTensor(DType::kI32, {4}, std::vector<std::int32_t>{1, 2, 3, 4}),
           AnyTensor(DType::kI64, {3}, indices),
           AnyTensor(DType::kI32, {3}, std::vector<std::int32_t>{5, -6, 7})},
          AnyTensor(DType::kI32, {4}),
          words({1, 1, 1, static_cast<std::uint32_t>(reduction)}, {{3, 0, 1}}, {{4, 1}})};
}

TEST(Scatter, PutsOrCombinesInOrder) {
  using Values = std::vector<std::int32_t>;
  const auto results = [](Reduction reduction) {
    return scatter_step(reduction, {1, -1, 1}).results<std::int32_t>();
  };
  EXPECT_EQ(results(Reduction::kNone), (Values{1, 7, 3, -6}));
  EXPECT_EQ(results(Reduction::kAdd), (Values{1, 14, 3, -2}));
  EXPECT_EQ(results(Reduction::kMul), (Values{1, 70, 3, -24}));
  EXPECT_EQ(results(Reduction::kMax), (Values{1, 7, 3, 4}));
  EXPECT_EQ(results(Reduction::kMin), (Values{1, 2, 3, -6}));
}

TEST(Scatter, RefusesIndicesOutOfRangeWhileRunning) {
  scatter_step(Reduction::kNone, {0, 4, 1}).expect_same(Status::kIndexOutOfRange);
  scatter_step(Reduction::kAdd, {0, -5, 1}).expect_same(Status::kIndexOutOfRange);
}

TEST(ScatterCheck, RefusesOtherTypesAndReductions) {
  AnyStep step = scatter_step(Reduction::kNone, {0, 1, 2});
  step.attributes[3] = 5;
  EXPECT_EQ(step.check(), Status::kBadAttribute);
  step.attributes[3] = 1;
  EXPECT_EQ(step.check(), Status::kOk);
  step.inputs[2] = AnyTensor(DType::kF32, {3});
  EXPECT_EQ(step.check(), Status::kDtypeMismatch);
  step.inputs[0] = step.inputs[2] = step.output = AnyTensor(DType::kI8, {4});
  EXPECT_EQ(step.check(), Status::kDtypeMismatch) << "sums of bytes are not implemented";
}

TEST(TopK, PutsTheBestFirstAndEqualOnesInOrder) {
  const float nan = std::nanf("");
  const AnyTensor x(DType::kF32, {2, 4}, std::vector<float>{1, 3, 3, 2, -0.0f, nan, 0.0f, -1});
  const auto results = [&](std::uint32_t largest) {
    return AnyStep{
        OpCode::kTopK, {x}, AnyTensor(DType::kI64, {2, 3}), words_of(TopKAttributes{1, largest})}
        .results<std::int64_t>();
  };
  EXPECT_EQ(results(1), (std::vector<std::int64_t>{1, 2, 3, 1, 0, 2}));
  EXPECT_EQ(results(0), (std::vector<std::int64_t>{0, 3, 1, 3, 0, 2}));
}

TEST(TopK, RandomRowsGiveTheSameOrder) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t i = 0; i < 120; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 49979687 + i);
    const std::vector<std::uint32_t> dims = {random.integer(1, 3), random.integer(1, 90),
                                             random.integer(1, 3)};
    const std::uint32_t axis = random.integer(0, 2);
    std::vector<std::uint32_t> out = dims;
    out[axis] = random.integer(1, dims[axis]);
    const DType type = random.pick({DType::kF32, DType::kI32, DType::kI64, DType::kI8, DType::kU8});
    AnyTensor x(type, dims);
    x.fill_random(random);
    if (random.chance(2)) {  // many equal ones
      for (std::byte& byte : x.bytes()) byte &= std::byte{1};
    }
    AnyStep{OpCode::kTopK,
            {x},
            AnyTensor(DType::kI64, out),
            words_of(TopKAttributes{axis, random.integer(0, 1)})}
        .expect_same();
  }
}

TEST(OneHot, CountsFromBothEndsAndLeavesOthersOut) {
  const auto run = [](AnyTensor x) {
    return AnyStep{OpCode::kOneHot,
                   {std::move(x), AnyTensor(DType::kF32, {2}, std::vector<float>{2, 5})},
                   AnyTensor(DType::kF32, {3, 4}),
                   words_of(OneHotAttributes{0})}
        .results<float>();
  };
  const std::vector<float> expected = {5, 2, 2, 2, 2, 2, 2, 2, 2, 5, 2, 2};
  EXPECT_EQ(run(AnyTensor(DType::kI64, {4}, std::vector<std::int64_t>{0, -1, 3, -4})), expected);
  const float nan = std::nanf("");
  EXPECT_EQ(run(AnyTensor(DType::kF32, {4}, std::vector<float>{0, -1, nan, 1e30f})), expected);
}

TEST(Triangle, KeepsOneSideOfADiagonal) {
  const AnyTensor x(DType::kI8, {2, 2, 3},
                    std::vector<std::int8_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const auto run = [&](std::int32_t diagonal, std::uint32_t upper) {
    return AnyStep{OpCode::kTriangle,
                   {x},
                   AnyTensor(DType::kI8, {2, 2, 3}),
                   words_of(TriangleAttributes{diagonal, upper})}
        .results<std::int8_t>();
  };
  using Values = std::vector<std::int8_t>;
  EXPECT_EQ(run(0, 1), (Values{1, 2, 3, 0, 5, 6, 7, 8, 9, 0, 11, 12}));
  EXPECT_EQ(run(0, 0), (Values{1, 0, 0, 4, 5, 0, 7, 0, 0, 10, 11, 0}));
  EXPECT_EQ(run(1, 0), (Values{1, 2, 0, 4, 5, 6, 7, 8, 0, 10, 11, 12}));
  EXPECT_EQ(run(INT32_MAX, 1), Values(12, 0));
  EXPECT_EQ(run(INT32_MIN, 0), Values(12, 0));
}

TEST(Interpolate, RandomTablesGiveTheSameBits) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t i = 0; i < 150; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 67867967 + i);
    const std::vector<std::uint32_t> dims = {random.integer(1, 3), random.integer(1, 9),
                                             random.integer(1, 40)};
    const std::uint32_t axis = random.integer(0, 2);
    std::vector<std::uint32_t> out = dims;
    out[axis] = random.integer(1, 12);
    const std::uint32_t taps = random.integer(1, 5);
    std::vector<std::int32_t> indices;
    std::vector<float> weights, values;
    for (std::uint32_t k = 0; k < out[axis] * taps; ++k) {
      indices.push_back(static_cast<std::int32_t>(random.integer(0, dims[axis] - 1)));
      if (k % taps == 0 && random.chance(6)) indices.back() = -1;
      weights.push_back(random.real());
    }
    for (std::uint32_t k = 0; k < dims[0] * dims[1] * dims[2]; ++k) {
      values.push_back(random.chance(20) ? random.extreme() : random.real());
    }
    AnyStep{
        OpCode::kInterpolate,
        {AnyTensor(DType::kF32, dims, values), AnyTensor(DType::kI32, {out[axis], taps}, indices),
         AnyTensor(DType::kF32, {out[axis], taps}, weights)},
        AnyTensor(DType::kF32, out),
        words_of(InterpolateAttributes{axis, 3.5f})}
        .expect_same();
  }
}

TEST(Interpolate, RefusesTablesThatLeadOutsideX) {
  const auto run = [](std::vector<std::int32_t> indices, Status expected) {
    AnyStep{OpCode::kInterpolate,
            {AnyTensor(DType::kF32, {3}, std::vector<float>{1, 2, 3}),
             AnyTensor(DType::kI32, {2, 2}, indices),
             AnyTensor(DType::kF32, {2, 2}, std::vector<float>{1, 0, 0.5f, 0.5f})},
            AnyTensor(DType::kF32, {2}),
            words_of(InterpolateAttributes{0, 0})}
        .expect_same(expected);
  };
  run({0, 1, 1, 2}, Status::kOk);
  run({0, 1, 1, 3}, Status::kIndexOutOfRange);
  run({0, -1, 1, 2}, Status::kIndexOutOfRange);
  run({-2, 1, 1, 2}, Status::kIndexOutOfRange);
}

}  // namespace
}  // namespace sz::ops::testing
