// Secure memory or heap that runs out, or is not taken back: refused by name, and nothing is lost.

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "shim/loopback.h"
#include "shim/secure_pool.h"
#include "ta/testing/commands.h"
#include "ta/testing/fixture.h"

namespace sz::ta::testing {
namespace {

using shim::Fault;
using shim::LoopbackSession;

TEST_F(TrustedApplication, SaysWhichRegionCouldNotBeHadAndLosesNothing) {
  const std::vector<std::byte> expected = load_and_run(plan_);
  ASSERT_TRUE(unload(invoke_).ok());
  std::uint32_t regions = 0;
  for (std::uint32_t n = 1;; ++n) {
    shim::fail_map(n);
    const Reply reply = load_begin(invoke_, plan_.plan);
    shim::fail_map(0);
    if (reply.ok()) break;
    ASSERT_EQ(reply.status, Status::kOutOfSecureMemory);
    EXPECT_EQ(reply.detail, n - 1);
    expect_empty();
    ++regions;
    EXPECT_EQ(load_and_run(plan_), expected);
    ASSERT_TRUE(unload(invoke_).ok());
  }
  EXPECT_EQ(regions, facts().scratch_mapped == 0 ? 3u : 4u);
}

TEST_F(TrustedApplication, AnyPoolTooSmallIsRefusedAndTheExactOneIsEnough) {
  ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights).ok());
  const std::uint64_t need = mapped();
  ASSERT_TRUE(unload(invoke_).ok());
  for (std::uint64_t limit = 0; limit < need; limit += 4096) {
    shim::set_pool_limit(before_.mapped + limit);
    ASSERT_EQ(load_begin(invoke_, plan_.plan).status, Status::kOutOfSecureMemory) << limit;
    expect_empty();
  }
  shim::set_pool_limit(before_.mapped + need);
  EXPECT_TRUE(load_model(invoke_, plan_.plan, plan_.weights).ok());
}

TEST_F(TrustedApplication, ARefusedModelLeavesThePeakThatWasReached) {
  shim::fail_map(3);
  ASSERT_EQ(load_begin(invoke_, plan_.plan).detail, 2u);
  const smartzone_info now = facts();
  EXPECT_EQ(now.mapped_now, 0u);
  EXPECT_GT(now.mapped_peak, 0u);
}

TEST_F(TrustedApplication, SurvivesAFullHeap) {
  for (std::uint32_t n = 1; n <= 2; ++n) {  // the plan's digest, then the weights'
    shim::inject_fault(Fault::kHeap, n);
    const Reply reply = load_begin(invoke_, plan_.plan);
    EXPECT_EQ(reply.result, 0u);
    EXPECT_FALSE(reply.ok());
    expect_empty();
  }
  shim::inject_fault(Fault::kHeap, 0);
  load_and_run(plan_);
  shim::inject_fault(Fault::kHeap, 1);
  std::unique_ptr<LoopbackSession> second;
  EXPECT_EQ(LoopbackSession::open(&second), 0xffff000cu);  // TEE_ERROR_OUT_OF_MEMORY
  EXPECT_EQ(second, nullptr);
}

TEST_F(TrustedApplication, SaysWhenMemoryIsNotTakenBackAndTriesAgain) {
  ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights).ok());
  shim::inject_fault(Fault::kUnmap, 1);
  EXPECT_EQ(unload(invoke_).status, Status::kInternal);
  EXPECT_GT(facts().mapped_now, 0u);
  EXPECT_TRUE(unload(invoke_).ok());
  expect_empty();
}

}  // namespace
}  // namespace sz::ta::testing
