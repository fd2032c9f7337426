// SCORE: how likely tokens are, and when logits may leave.

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "ta/testing/talking.h"

namespace sz::ta::testing {
namespace {

TEST_F(Talking, ScoresFollowFromTheLogits) {
  load(toy_plan({.flags = package::kLogitsMayLeave}));
  const std::string text = "abcdef";
  ASSERT_TRUE(say(text, request(SMARTZONE_PROMPT_RESTART)).ok());
  const std::uint32_t vocabulary = 260;
  std::vector<float> logits(8 * vocabulary);
  smartzone_score reply{};
  ASSERT_TRUE(score(invoke_, 8, &logits, &reply).ok());
  EXPECT_EQ(reply.computed, 7u);
  EXPECT_EQ(reply.judged, 6u);
  EXPECT_EQ(reply.position, 7u);
  EXPECT_EQ(reply.waiting, 0u);
  ASSERT_EQ(logits.size(), 7 * vocabulary);
  double expected = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const float* row = logits.data() + i * vocabulary;
    double sum = 0;
    for (std::uint32_t t = 0; t < vocabulary; ++t) sum += std::exp(static_cast<double>(row[t]));
    expected += std::log(sum) - static_cast<double>(row[3 + static_cast<unsigned char>(text[i])]);
  }
  EXPECT_NEAR(reply.nll, expected, 1e-5 * expected);

  ASSERT_TRUE(say(text, request(SMARTZONE_PROMPT_RESTART)).ok());
  double in_parts = 0;
  for (std::uint32_t left = 7; left != 0;) {
    std::vector<float> none;
    ASSERT_TRUE(score(invoke_, 2, &none, &reply).ok());
    in_parts += reply.nll;
    left -= reply.computed;
  }
  EXPECT_NEAR(in_parts, reply.position == 7 ? expected : 0, 1e-5 * expected);
}

TEST_F(Talking, LogitsLeaveOnlyWhereThePlanSaysSo) {
  load(toy_);
  ASSERT_TRUE(say("abc", request()).ok());
  std::vector<float> logits(260);
  smartzone_score reply{};
  EXPECT_EQ(score(invoke_, 1, &logits, &reply).status, Status::kBadState);
  EXPECT_TRUE(logits.empty());
  EXPECT_TRUE(score(invoke_, 1, &logits, &reply).ok());
  EXPECT_EQ(reply.computed, 1u);
  EXPECT_EQ(score(invoke_, 0, &logits, &reply), (Reply{0, Status::kBadParameters, 2}));
  EXPECT_EQ(score(invoke_, 1, &logits, &reply, 2), (Reply{0, Status::kBadParameters, 2}));

  load(toy_plan({.flags = package::kLogitsMayLeave}));
  ASSERT_TRUE(say("abc", request()).ok());
  logits.resize(2 * 260 - 1);
  EXPECT_EQ(score(invoke_, 2, &logits, &reply), (Reply{0, Status::kBufferTooSmall, 2 * 260 * 4}));
}

}  // namespace
}  // namespace sz::ta::testing
