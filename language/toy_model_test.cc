// The tiny model of the tests: the engine runs it, and of its caches only what is kept counts.

#include "language/testing/toy_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/workers.h"
#include "engine/kept_state.h"
#include "engine/model.h"
#include "engine/testing/model_runner.h"

namespace sz::language::testing {
namespace {

using engine::KeptState;
using engine::testing::ModelRunner;
using engine::testing::TestPlan;

class ToyModelTest : public ::testing::TestWithParam<ops::BlockFormat> {
 protected:
  ToyModelTest() : plan_(toy_model({.cache = GetParam()}).finish()), runner_(plan_.plan) {
    EXPECT_TRUE(runner_.failure().ok()) << static_cast<std::uint32_t>(runner_.failure().status)
                                        << " at " << runner_.failure().detail;
    EXPECT_TRUE(runner_.attach(plan_.weights).ok());
  }

  engine::Model& model() { return runner_.model(); }

  // The logits after `tokens`, which stand at `position`.
  std::vector<float> run(std::vector<std::uint32_t> tokens, std::uint32_t position) {
    const package::LanguageRecord& language = *model().language();
    const std::uint32_t entry = tokens.size() == 1 ? language.decode_entry : language.prefill_entry;
    std::span<float> logits;
    SingleWorker alone;
    EXPECT_TRUE(model().run_tokens(entry, tokens, position, alone, &logits).ok());
    return {logits.begin(), logits.end()};
  }

  TestPlan plan_;
  ModelRunner runner_;
};

TEST_P(ToyModelTest, PrefillAndDecodeGiveTheSameBits) {
  const std::vector<std::uint32_t> tokens = {1, 80, 81, 90, 7, 200, 201, 5};
  const std::vector<float> at_once = run(tokens, 0);
  std::vector<float> one_by_one;
  for (std::uint32_t i = 0; i < tokens.size(); ++i) one_by_one = run({tokens[i]}, i);
  EXPECT_EQ(at_once, one_by_one);
  EXPECT_GT(*std::max_element(at_once.begin(), at_once.end()),
            *std::min_element(at_once.begin(), at_once.end()));
  EXPECT_NE(run({6}, 8), at_once);
}

TEST_P(ToyModelTest, WhatIsKeptOfTheCachesIsAllThatCounts) {
  for (std::uint32_t tokens = 0; tokens < 40; ++tokens) run({3 + tokens}, tokens);  // old contents
  const std::uint32_t used = 18;
  for (std::uint32_t tokens = 0; tokens < used; ++tokens) run({30 + tokens}, tokens);
  const KeptState kept(model(), used);
  // 18 positions are 2 of the 3 groups of 16 that 40 take.
  EXPECT_EQ(kept.bytes(), model().state().size() / 3 * 2);
  std::vector<std::byte> saved(kept.bytes());
  for (std::size_t at = 0; at < saved.size(); at += 100) {
    kept.read(at, std::span(saved).subspan(at, std::min<std::size_t>(100, saved.size() - at)));
  }
  const std::vector<float> expected = run({99}, used);

  std::ranges::fill(model().state(), std::byte{0});
  EXPECT_NE(run({99}, used), expected);
  std::ranges::fill(model().state(), std::byte{0});
  for (std::size_t at = 0; at < saved.size(); at += 77) {
    kept.write(at, std::span(saved).subspan(at, std::min<std::size_t>(77, saved.size() - at)));
  }
  EXPECT_EQ(run({99}, used), expected);
}

TEST_P(ToyModelTest, NothingIsKeptOfAnEmptyConversationAndAllOfAFullOne) {
  EXPECT_EQ(KeptState(model(), 0).bytes(), 0u);
  EXPECT_EQ(KeptState(model(), 1).bytes(), model().state().size() / 3);
  EXPECT_EQ(KeptState(model(), 40).bytes(), model().state().size());
}

// A plan that keeps something else than caches as wide as the context: the whole region.
TEST_P(ToyModelTest, InDoubtAllIsKept) {
  engine::testing::PlanBuilder builder = toy_model({.cache = GetParam()});
  builder.tables.language[0].context = 20;
  const TestPlan other = builder.finish();
  ModelRunner runner(other.plan);
  ASSERT_TRUE(runner.failure().ok());
  ASSERT_TRUE(runner.attach(other.weights).ok());
  EXPECT_EQ(KeptState(runner.model(), 1).bytes(), runner.model().state().size());
}

INSTANTIATE_TEST_SUITE_P(Caches, ToyModelTest,
                         ::testing::Values(ops::BlockFormat::kF32, ops::BlockFormat::kF16,
                                           ops::BlockFormat::kQ8_0));

}  // namespace
}  // namespace sz::language::testing
