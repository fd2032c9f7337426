#include "ops/movement/strided_copy.h"

#include <gtest/gtest.h>

#include "ops/testing/any_step.h"

namespace sz::ops::testing {
namespace {

std::vector<std::uint32_t> words(const StridedCopyHead& head,
                                 const std::vector<StridedCopyLoop>& loops) {
  std::vector<std::uint32_t> result;
  append_words(result, head);
  for (const StridedCopyLoop& loop : loops) append_words(result, loop);
  return result;
}

DType random_type(Random& random) {
  return random.pick({DType::kF32, DType::kI8, DType::kI64, DType::kI32, DType::kBool});
}

std::uint32_t random_size(Random& random) {
  return random.chance(8) ? random.integer(8, 80) : random.integer(1, 6);
}

// A permutation of up to five dimensions, some of them reversed, shortened, padded or repeated.
AnyStep random_copy_step(Random& random) {
  const std::uint32_t rank = random.integer(1, 5);
  std::vector<std::uint32_t> dims;
  for (std::uint32_t i = 0; i < rank; ++i) dims.push_back(random_size(random));
  std::vector<std::int32_t> row_step(rank, 0);
  std::int32_t rows = 1;
  for (std::uint32_t i = rank - 1; i-- > 0;) {
    row_step[i] = rows;
    rows *= static_cast<std::int32_t>(dims[i]);
  }
  StridedCopyHead head;
  head.loops = rank;
  head.fill[0] = random.integer(0, 0xffffffffu);
  head.fill[1] = random.integer(0, 0xffffffffu);
  std::vector<std::uint32_t> order(rank);
  for (std::uint32_t i = 0; i < rank; ++i) order[i] = i;
  for (std::uint32_t i = rank; i > 1; --i) std::swap(order[i - 1], order[random.integer(0, i - 1)]);
  std::vector<StridedCopyLoop> loops;
  std::vector<std::uint32_t> out;
  for (const std::uint32_t axis : order) {
    std::uint32_t first = random.chance(3) ? random.integer(0, dims[axis] - 1) : 0;
    const std::uint32_t count =
        random.chance(3) ? random.integer(1, dims[axis] - first) : dims[axis] - first;
    std::int32_t sign = 1;
    if (random.chance(4)) {
      first += count - 1;
      sign = -1;
    }
    if (random.chance(9)) sign = 0;
    StridedCopyLoop loop;
    loop.begin = random.chance(4) ? random.integer(0, 3) : 0;
    loop.end = loop.begin + count;
    loop.size = loop.end + (random.chance(4) ? random.integer(0, 3) : 0);
    const bool column = axis == rank - 1;
    (column ? loop.column_step : loop.row_step) = column ? sign : sign * row_step[axis];
    if (column) {
      head.column = first;
    } else {
      head.row += first * static_cast<std::uint32_t>(row_step[axis]);
    }
    loops.push_back(loop);
    out.push_back(loop.size);
  }
  head.inner_loops = 1;
  const DType type = random_type(random);
  AnyTensor x(type, dims, random.chance(3) ? random.integer(1, 5) : 0);
  x.fill_random(random);
  return {OpCode::kStridedCopy,
          {x},
          AnyTensor(type, out, random.chance(3) ? random.integer(1, 5) : 0),
          words(head, loops)};
}

TEST(StridedCopy, AnyWalkGivesTheSameBits) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t i = 0; i < 600; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 15485863 + i);
    random_copy_step(random).expect_same();
    if (HasFailure()) return;
  }
}

TEST(StridedCopy, TurnsPadsAndReverses) {
  const AnyTensor x(DType::kI32, {2, 3}, std::vector<std::int32_t>{1, 2, 3, 4, 5, 6});
  // y[i, j] = x[1 - j, i], one column of 9 before and two behind.
  const AnyStep step{OpCode::kStridedCopy,
                     {x},
                     AnyTensor(DType::kI32, {3, 5}),
                     words({2, 1, 1, 0, {9, 0}}, {{3, 0, 3, 0, 1}, {5, 1, 3, -1, 0}})};
  EXPECT_EQ(step.results<std::int32_t>(),
            (std::vector<std::int32_t>{9, 4, 1, 9, 9, 9, 5, 2, 9, 9, 9, 6, 3, 9, 9}));
}

TEST(StridedCopy, RepeatsWithoutAStep) {
  const AnyTensor x(DType::kI64, {2}, std::vector<std::int64_t>{7, 1ll << 40});
  const AnyStep step{
      OpCode::kStridedCopy,
      {x},
      AnyTensor(DType::kI64, {2, 2, 2}),
      words({3, 1, 0, 0, {0, 0}}, {{2, 0, 2, 0, 0}, {2, 0, 2, 0, 1}, {2, 0, 2, 0, 0}})};
  const std::int64_t big = 1ll << 40;
  EXPECT_EQ(step.results<std::int64_t>(),
            (std::vector<std::int64_t>{7, 7, big, big, 7, 7, big, big}));
}

Status check(StridedCopyHead head, std::vector<StridedCopyLoop> loops,
             std::vector<std::uint32_t> y = {3, 2}, DType type = DType::kF32) {
  return AnyStep{OpCode::kStridedCopy,
                 {AnyTensor(DType::kF32, {2, 3})},
                 AnyTensor(type, std::move(y)),
                 words(head, loops)}
      .check();
}

TEST(StridedCopyCheck, RefusesWalksThatLeaveX) {
  const StridedCopyHead head{2, 1, 0, 0, {0, 0}};
  EXPECT_EQ(check(head, {{3, 0, 3, 0, 1}, {2, 0, 2, 1, 0}}), Status::kOk);
  EXPECT_EQ(check({2, 1, 1, 2, {0, 0}}, {{3, 0, 3, 0, -1}, {2, 0, 2, -1, 0}}), Status::kOk);
  EXPECT_EQ(check({2, 1, 1, 0, {0, 0}}, {{3, 0, 3, 0, 1}, {2, 0, 2, 1, 0}}), Status::kBadAttribute);
  EXPECT_EQ(check({2, 1, 0, 1, {0, 0}}, {{3, 0, 3, 0, 1}, {2, 0, 2, 1, 0}}), Status::kBadAttribute);
  EXPECT_EQ(check(head, {{3, 0, 3, 0, 1}, {2, 0, 2, -1, 0}}), Status::kBadAttribute);
  EXPECT_EQ(check(head, {{3, 0, 3, 0, -1}, {2, 0, 2, 1, 0}}), Status::kBadAttribute);
  EXPECT_EQ(check(head, {{3, 0, 3, 0, 2}, {2, 0, 2, 1, 0}}), Status::kBadAttribute);
  EXPECT_EQ(check(head, {{3, 0, 3, 0, 0x7fffffff}, {2, 0, 2, 1, 0}}), Status::kBadAttribute);
  EXPECT_EQ(check({2, 1, 0xffffffffu, 0, {0, 0}}, {{3, 0, 3, 0, 1}, {2, 0, 2, 1, 0}}),
            Status::kBadAttribute);
}

TEST(StridedCopyCheck, RefusesLoopsThatAreNotY) {
  const StridedCopyHead head{2, 1, 0, 0, {0, 0}};
  const std::vector<StridedCopyLoop> loops = {{3, 0, 3, 0, 1}, {2, 0, 2, 1, 0}};
  EXPECT_EQ(check(head, loops, {6}), Status::kShapeMismatch);
  EXPECT_EQ(check({2, 2, 0, 0, {0, 0}}, loops, {6}), Status::kOk);
  EXPECT_EQ(check(head, loops, {2, 3}), Status::kShapeMismatch);
  EXPECT_EQ(check(head, loops, {3, 2}, DType::kI32), Status::kDtypeMismatch);
  EXPECT_EQ(check({3, 1, 0, 0, {0, 0}}, loops), Status::kBadAttribute) << "a loop is missing";
  EXPECT_EQ(check({2, 3, 0, 0, {0, 0}}, loops), Status::kBadAttribute);
  EXPECT_EQ(check({9, 1, 0, 0, {0, 0}}, std::vector<StridedCopyLoop>(9)), Status::kBadAttribute);
  EXPECT_EQ(check(head, {{3, 1, 1, 0, 1}, {2, 0, 2, 1, 0}}), Status::kBadAttribute) << "empty";
  EXPECT_EQ(check(head, {{3, 0, 4, 0, 0}, {2, 0, 2, 1, 0}}), Status::kBadAttribute);
  EXPECT_EQ(check(head, {{0, 0, 0, 0, 1}, {2, 0, 2, 1, 0}}), Status::kBadAttribute);
  EXPECT_EQ(
      check(
          {4, 1, 0, 0, {0, 0}},
          {{0x80000000u, 0, 1, 0, 0}, {0x80000000u, 0, 1, 0, 0}, {4, 0, 1, 0, 0}, {2, 0, 2, 1, 0}}),
      Status::kShapeMismatch)
      << "the product wraps";
}

}  // namespace
}  // namespace sz::ops::testing
