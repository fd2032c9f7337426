// What a session does when everybody behaves: loads, runs, gives its memory back, in every state.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "engine/model.h"
#include "engine/testing/plan_builder.h"
#include "package/plan_format.h"
#include "shim/loopback.h"
#include "shim/secure_pool.h"
#include "ta/testing/commands.h"
#include "ta/testing/fixture.h"

namespace sz::ta::testing {
namespace {

using engine::testing::branches_plan;
using engine::testing::TestPlan;
using shim::LoopbackSession;

TEST_F(TrustedApplication, SaysWhatItIsBeforeAnythingIsLoaded) {
  const smartzone_info now = facts();
  EXPECT_EQ(now.protocol_version, static_cast<std::uint32_t>(SMARTZONE_PROTOCOL_VERSION));
  EXPECT_EQ(now.plan_version, package::kPlanVersion);
  expect_empty();
}

TEST_F(TrustedApplication, LoadsAndRunsANetwork) {
  const std::vector<std::byte> outputs = load_and_run(plan_);
  ASSERT_EQ(outputs.size(), 5 * sizeof(float));
  float sum = 0;
  for (int i = 0; i < 5; ++i) {
    float score = 0;
    std::memcpy(&score, outputs.data() + i * sizeof(float), sizeof(score));
    EXPECT_GT(score, 0.0f);
    sum += score;
  }
  EXPECT_NEAR(sum, 1.0f, 1e-6f);
}

TEST_F(TrustedApplication, MapsWhatTheEngineAsksForAndNoMore) {
  ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights, 3).ok());
  package::PlanHeader header;
  std::memcpy(&header, plan_.plan.data(), sizeof(header));
  engine::MemoryNeed need;
  ASSERT_TRUE(engine::memory_need(header, 3, &need).ok());
  const auto pages = [](std::uint64_t bytes) { return (bytes + 4095) / 4096 * 4096; };
  const smartzone_info now = facts();
  EXPECT_EQ(now.control_mapped, pages(need.control));
  EXPECT_EQ(now.weights_mapped, pages(need.weights));
  EXPECT_EQ(now.arena_mapped, pages(need.arena));
  EXPECT_EQ(now.scratch_mapped, pages(need.scratch));
  EXPECT_EQ(now.mapped_now, mapped());
  EXPECT_EQ(now.mapped_peak, mapped());
  EXPECT_EQ(now.cores, 3u);
}

TEST_F(TrustedApplication, GivesEverythingBackAHundredTimes) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights).ok()) << "cycle " << i;
    ASSERT_GT(mapped(), 0u);
    ASSERT_TRUE(unload(invoke_).ok());
    ASSERT_EQ(mapped(), 0u) << "cycle " << i;
  }
  expect_empty();
}

TEST_F(TrustedApplication, GivesEverythingBackWhenTheSessionEndsLoaded) {
  ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights).ok());
  session_.reset();
  EXPECT_EQ(mapped(), 0u);
  EXPECT_EQ(shim::pool_statistics().dirty_unmaps, before_.dirty_unmaps);
}

TEST_F(TrustedApplication, ASecondLoadReplacesTheModel) {
  const std::vector<std::byte> first = load_and_run(plan_);
  const std::uint64_t once = mapped();
  const TestPlan other = branches_plan().builder.finish();
  EXPECT_NE(load_and_run(other), first);
  EXPECT_EQ(load_and_run(plan_), first);
  EXPECT_EQ(mapped(), once);
}

TEST_F(TrustedApplication, TakesTheWeightsInPiecesOfAnySize) {
  const std::vector<std::byte> whole = load_and_run(plan_);
  for (const std::size_t chunk : {1u, 63u, 64u, 4095u}) {
    ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights, 1, chunk).ok());
    EXPECT_EQ(run_loaded(), whole) << "pieces of " << chunk;
  }
}

// --- states -------------------------------------------------------------------------------------

TEST_F(TrustedApplication, RefusesToRunOrToEndALoadThatHasNotBegun) {
  std::vector<std::byte> outputs(64);
  EXPECT_EQ(run(invoke_, outputs, &outputs).status, Status::kBadState);
  EXPECT_TRUE(outputs.empty());
  EXPECT_EQ(load_end(invoke_).status, Status::kBadState);
  EXPECT_EQ(load_weights(invoke_, plan_.weights, 0).status, Status::kBadState);
  EXPECT_TRUE(unload(invoke_).ok());
  expect_empty();
}

TEST_F(TrustedApplication, RefusesToRunWhileLoadingAndKeepsLoading) {
  ASSERT_TRUE(load_begin(invoke_, plan_.plan).ok());
  EXPECT_EQ(facts().state, static_cast<std::uint32_t>(SMARTZONE_STATE_LOADING));
  std::vector<std::byte> outputs(64);
  EXPECT_EQ(run(invoke_, inputs(), &outputs).status, Status::kBadState);
  ASSERT_TRUE(load_weights(invoke_, plan_.weights, 0).ok());
  EXPECT_TRUE(load_end(invoke_).ok());
  EXPECT_EQ(facts().state, static_cast<std::uint32_t>(SMARTZONE_STATE_READY));
}

TEST_F(TrustedApplication, WeightsForAReadyModelDropIt) {
  ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights).ok());
  EXPECT_EQ(load_weights(invoke_, plan_.weights, 0).status, Status::kBadState);
  expect_empty();
  ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights).ok());
  EXPECT_EQ(load_end(invoke_).status, Status::kBadState);
  expect_empty();
}

TEST_F(TrustedApplication, UnloadsFromEveryState) {
  EXPECT_TRUE(unload(invoke_).ok());
  ASSERT_TRUE(load_begin(invoke_, plan_.plan).ok());
  EXPECT_TRUE(unload(invoke_).ok());
  expect_empty();
  ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights).ok());
  EXPECT_TRUE(unload(invoke_).ok());
  expect_empty();
}

TEST_F(TrustedApplication, LoadsAPlanWithoutWeights) {
  engine::testing::PlanBuilder builder;
  const auto x = builder.arena({1, 4});
  const auto y = builder.arena({1, 4});
  builder.step(ops::OpCode::kUnary, {x}, {y}, ops::UnaryAttributes{});
  builder.entry({x}, {y});
  const TestPlan plan = builder.finish();
  ASSERT_TRUE(plan.weights.empty());
  const std::vector<std::byte> outputs = load_and_run(plan);
  EXPECT_EQ(facts().weights_mapped, 0u);
  EXPECT_TRUE(std::equal(outputs.begin(), outputs.begin() + 16, inputs().begin()));
}

TEST_F(TrustedApplication, SessionsDoNotSeeEachOther) {
  const std::vector<std::byte> expected = load_and_run(plan_);
  std::unique_ptr<LoopbackSession> second;
  ASSERT_EQ(LoopbackSession::open(&second), 0u);
  const Invoke other = invoke_of(*second);
  smartzone_info facts_of_other{};
  ASSERT_TRUE(info(other, &facts_of_other).ok());
  EXPECT_EQ(facts_of_other.state, static_cast<std::uint32_t>(SMARTZONE_STATE_EMPTY));
  const TestPlan branches = branches_plan().builder.finish();
  ASSERT_TRUE(load_model(other, branches.plan, branches.weights).ok());
  EXPECT_EQ(run_loaded(), expected);
  second.reset();
  EXPECT_EQ(run_loaded(), expected);
}

TEST_F(TrustedApplication, SessionsWorkSideBySideInThreads) {
  const std::vector<std::byte> expected = load_and_run(plan_);
  const std::vector<std::byte> image = inputs();
  std::array<int, 4> wrong{};
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&] {
      std::unique_ptr<LoopbackSession> session;
      if (LoopbackSession::open(&session) != 0) ++count;
      for (int i = 0; i < 20 && count == 0; ++i) {
        std::vector<std::byte> outputs(expected.size());
        const Invoke invoke = invoke_of(*session);
        if (!load_model(invoke, plan_.plan, plan_.weights, 1, 100).ok()) ++count;
        if (!run(invoke, image, &outputs).ok() || outputs != expected) ++count;
        if (!unload(invoke).ok()) ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, (std::array<int, 4>{}));
}

}  // namespace
}  // namespace sz::ta::testing
