#include "cli/scores.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace sz::cli {
namespace {

Tensor scores(const std::vector<float>& values) {
  Tensor t{{"y", ElementType::kF32, {1, static_cast<std::int64_t>(values.size())}},
           std::vector<std::byte>(values.size() * sizeof(float))};
  std::memcpy(t.data.data(), values.data(), t.data.size());
  return t;
}

TEST(TopScores, AreBestFirstAndOfEqualsTheLowerIndexFirst) {
  const auto top = top_scores(scores({0.1f, 0.5f, 0.2f, 0.5f}), 3, {"a", "b"});
  ASSERT_EQ(top.size(), 3u);
  EXPECT_EQ(top[0].index, 1u);
  EXPECT_EQ(top[0].label, "b");
  EXPECT_EQ(top[1].index, 3u);
  EXPECT_EQ(top[1].label, "");
  EXPECT_EQ(top[2].index, 2u);
  EXPECT_EQ(top_scores(scores({1, 2}), 9, {}).size(), 2u);
}

TEST(TopScores, PutNotANumberLast) {
  const auto top = top_scores(scores({NAN, -INFINITY, NAN, 1}), 4, {});
  EXPECT_EQ(top[0].index, 3u);
  EXPECT_EQ(top[1].index, 1u);
  EXPECT_EQ(top[2].index, 0u);
  EXPECT_EQ(top[3].index, 2u);
}

TEST(RankOf, AgreesWithTheOrder) {
  const Tensor t = scores({0.1f, 0.5f, NAN, 0.5f, -1});
  const auto top = top_scores(t, 5, {});
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(rank_of(t, top[i].index), i);
}

TEST(IsScores, WantsAllElementsInOneDimension) {
  EXPECT_TRUE(is_scores({"y", ElementType::kF32, {1, 10}}));
  EXPECT_TRUE(is_scores({"y", ElementType::kF32, {1, 10, 1, 1}}));
  EXPECT_FALSE(is_scores({"y", ElementType::kF32, {2, 5}}));
  EXPECT_FALSE(is_scores({"y", ElementType::kF32, {1, 1}}));
  EXPECT_FALSE(is_scores({"y", ElementType::kU8, {1, 10}}));
}

}  // namespace
}  // namespace sz::cli
