// Lent cores, over the shim's pseudo-TA: threads of the test lend themselves as a client's do.
#include "ta/secure_cores.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "protocol/secure_cores.h"
#include "shim/secure_cores_pta.h"
#include "ta/testing/fixture.h"
#include "ta/testing/lenders.h"
#include "ta/testing/talking.h"

namespace sz::ta::testing {
namespace {

using engine::testing::PlanBuilder;
using engine::testing::TestPlan;

// Two convolutions of some ten million multiply-adds.
TestPlan wide_plan() {
  PlanBuilder builder;
  builder.kernel = ops::Kernel::kVector;
  const auto image = builder.arena({1, 32, 32, 16});
  const auto first = builder.arena({1, 32, 32, 64});
  const auto second = builder.arena({1, 32, 32, 16});
  ops::Conv2dAttributes conv;
  conv.window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  conv.activation.clamp.low = 0;
  builder.step(ops::OpCode::kConv2d, {image, builder.conv_weights({16, 64, 1, 3, 3}, 1)}, {first},
               conv);
  builder.step(ops::OpCode::kConv2d, {first, builder.conv_weights({64, 16, 1, 3, 3}, 2)}, {second},
               conv);
  builder.entry({image}, {second});
  builder.tables.header.scratch_bytes = 65536;
  return builder.finish();
}

class LentCores : public TrustedApplication {
 protected:
  ~LentCores() override {
    shim::set_secure_cores_present(true);
    shim::inject_fault(shim::Fault::kStart, 0);
  }

  smartzone_cores cores() {
    smartzone_cores reply{};
    shim::Params params;
    params[0] = {shim::Param::Kind::kMemrefOut, 0, 0, &reply, sizeof(reply)};
    params[3].kind = shim::Param::Kind::kValueOut;
    EXPECT_EQ(session_->invoke(SMARTZONE_CMD_CORES, params), 0u);
    EXPECT_EQ(params[3].a, 0u);
    EXPECT_EQ(params[0].size, sizeof(reply));
    return reply;
  }

  void load(std::uint32_t wanted) {
    ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights, wanted).ok());
  }

  std::vector<std::byte> run_on(std::uint32_t wanted) {
    std::vector<std::byte> outputs(facts().outputs_bytes);
    EXPECT_TRUE(run(invoke_, inputs(), &outputs, 0, wanted).ok());
    return outputs;
  }

  const TestPlan plan_ = wide_plan();
};

TEST_F(LentCores, GiveTheSameBitsHoweverManyComeAndGo) {
  load(1);
  const std::vector<std::byte> alone = run_on(1);
  for (const std::uint32_t count : {2u, 4u, SMARTZONE_MAX_CORES + 0u}) {
    load(count);
    const smartzone_cores before = cores();
    ASSERT_EQ(before.usable, count);
    ASSERT_NE(before.group, 0u);
    const Lenders lenders(before.group, count - 1);
    for (int i = 0; i < 30; ++i) ASSERT_EQ(run_on(count), alone) << count << " cores, run " << i;
    const smartzone_cores after = cores();
    EXPECT_EQ(after.runs, 30u);
    EXPECT_EQ(after.shared_steps, 60u);
  }
  EXPECT_TRUE(unload(invoke_).ok());
  expect_empty();
}

// Wide enough that its steps are worth sharing. Greedy, from the prompt's batches to the last
// token.
TEST_F(LentCores, LeaveALanguageModelsAnswerAsItIs) {
  const TestPlan plan = toy_plan({.layers = 1, .heads = 8, .head = 64});
  ASSERT_TRUE(load_model(invoke_, plan.plan, plan.weights, 1).ok());
  const smartzone_prompt greedy = request(SMARTZONE_PROMPT_RESTART | SMARTZONE_PROMPT_SAMPLING);
  ASSERT_TRUE(prompt(invoke_, bytes_of("eighteen characters"), greedy).ok());
  const Answer alone = answer(invoke_, 12);
  EXPECT_FALSE(alone.tokens.empty());
  ASSERT_TRUE(load_model(invoke_, plan.plan, plan.weights, 3).ok());
  const Lenders lenders(cores().group, 2);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(prompt(invoke_, bytes_of("eighteen characters"), greedy).ok());
    EXPECT_EQ(answer(invoke_, 12, 4, 3), alone);
  }
  EXPECT_GT(cores().shared_steps, 100u);
}

TEST_F(LentCores, DoShareTheWork) {
  load(2);
  const smartzone_cores before = cores();
  const Lenders lenders(before.group, 1);
  std::uint64_t helped = 0;
  for (int i = 0; i < 1000 && helped == 0; ++i) {
    run_on(2);
    helped = cores().work[1];
  }
  EXPECT_GT(helped, 0u);
}

TEST_F(LentCores, NobodyComesAndTheOwnerDoesItAll) {
  load(4);
  run_on(4);
  const smartzone_cores after = cores();
  EXPECT_GT(after.work[0], 0u);
  for (int i = 1; i < SMARTZONE_MAX_CORES; ++i) EXPECT_EQ(after.work[i], 0u);
  EXPECT_EQ(after.present, 0u);
}

TEST_F(LentCores, ARunAsksForFewerThanThereAre) {
  load(4);
  const Lenders lenders(cores().group, 3);
  for (int i = 0; i < 20; ++i) run_on(2);
  const smartzone_cores after = cores();
  EXPECT_EQ(after.work[2], 0u);
  EXPECT_EQ(after.work[3], 0u);
  const std::uint64_t runs = after.runs;
  run_on(1);
  EXPECT_EQ(cores().runs, runs);
}

TEST_F(LentCores, WithoutTheExtensionEverythingIsDoneOnOneCore) {
  shim::set_secure_cores_present(false);
  load(4);
  EXPECT_EQ(cores().usable, 1u);
  EXPECT_EQ(cores().group, 0u);
  const auto outputs = run_on(4);
  shim::set_secure_cores_present(true);
  load(4);
  EXPECT_EQ(cores().usable, 4u);
  EXPECT_EQ(run_on(4), outputs);
}

TEST_F(LentCores, WithoutPageTablesEverythingIsDoneOnOneCore) {
  shim::inject_fault(shim::Fault::kStart, 1);
  load(3);
  EXPECT_EQ(cores().usable, 1u);
  EXPECT_EQ(shim::secure_cores_groups(), 0u);
  run_on(3);
}

TEST_F(LentCores, TheGroupGoesWithTheModelAndWithTheSession) {
  load(2);
  const std::uint64_t group = cores().group;
  EXPECT_EQ(shim::lend(group).result, 0u);
  EXPECT_TRUE(unload(invoke_).ok());
  EXPECT_NE(shim::lend(group).result, 0u);
  EXPECT_EQ(cores().usable, 1u);
  load(2);
  const std::uint64_t other = cores().group;
  EXPECT_NE(other, group);
  session_.reset();
  EXPECT_NE(shim::lend(other).result, 0u);
  EXPECT_EQ(shim::secure_cores_groups(), 0u);
  ASSERT_EQ(shim::LoopbackSession::open(&session_), 0u);
}

TEST_F(LentCores, FlagsThatAreNotKnownAreRefused) {
  shim::Params params;
  std::vector<std::byte> plan = plan_.plan;
  params[0] = {shim::Param::Kind::kMemrefIn, 0, 0, plan.data(), plan.size()};
  params[1] = {shim::Param::Kind::kValueIn, 1, 2, nullptr, 0};
  params[3].kind = shim::Param::Kind::kValueOut;
  ASSERT_EQ(session_->invoke(SMARTZONE_CMD_LOAD_BEGIN, params), 0u);
  EXPECT_EQ(params[3].a, static_cast<std::uint32_t>(Status::kBadParameters));
  params[1].b = SMARTZONE_LOAD_ASKS;
  ASSERT_EQ(session_->invoke(SMARTZONE_CMD_LOAD_BEGIN, params), 0u);
  EXPECT_EQ(params[3].a, 0u);
}

}  // namespace
}  // namespace sz::ta::testing
