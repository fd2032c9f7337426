// Broken plans and weights, and a normal world that changes what it has sent during the call.

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "engine/testing/plan_builder.h"
#include "package/plan_format.h"
#include "shim/loopback.h"
#include "ta/testing/commands.h"
#include "ta/testing/fixture.h"

namespace sz::ta::testing {
namespace {

using engine::testing::PlanTables;
using engine::testing::reseal;

TEST_F(TrustedApplication, RefusesAPlanCutAnywhereAndTheNextLoadWorks) {
  for (std::size_t bytes = 0; bytes < plan_.plan.size(); ++bytes) {
    const Reply reply = load_begin(invoke_, Bytes(plan_.plan).first(bytes));
    ASSERT_EQ(reply.status, Status::kPlanTruncated) << bytes << " bytes";
    ASSERT_GT(reply.detail, bytes);
    ASSERT_EQ(mapped(), 0u);
  }
  load_and_run(plan_);
}

TEST_F(TrustedApplication, RefusesAPlanWithBytesBehindIt) {
  std::vector<std::byte> longer = plan_.plan;
  longer.push_back(std::byte{0});
  const Reply reply = load_begin(invoke_, longer);
  EXPECT_EQ(reply.status, Status::kPlanSize);
  EXPECT_EQ(reply.detail, plan_.plan.size());
  expect_empty();
}

TEST_F(TrustedApplication, RefusesEveryPlanWithOneBitFlipped) {
  std::vector<std::byte> bytes = plan_.plan;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= std::byte(1u << bit % 8);
    const Reply reply = load_begin(invoke_, bytes);
    ASSERT_EQ(reply.result, 0u);
    ASSERT_NE(reply.status, Status::kOk) << "bit " << bit;
    ASSERT_NE(reply.status, Status::kInternal) << "bit " << bit;
    ASSERT_EQ(mapped(), 0u);
    bytes[bit / 8] ^= std::byte(1u << bit % 8);
  }
  load_and_run(plan_);
}

TEST_F(TrustedApplication, RefusesWeightsOutOfOrderOverlappingOrPastTheEnd) {
  const Bytes weights = plan_.weights;
  ASSERT_GT(weights.size(), 256u);
  const auto begin = [&] { ASSERT_TRUE(load_begin(invoke_, plan_.plan).ok()); };
  const auto refused = [&](Bytes chunk, std::uint64_t offset, std::uint64_t expected) {
    const Reply reply = load_weights(invoke_, chunk, offset);
    EXPECT_EQ(reply.status, Status::kWeightsOffset);
    EXPECT_EQ(reply.detail, expected);
    expect_empty();
  };
  begin();
  refused(weights.first(64), 64, 0);
  begin();
  ASSERT_TRUE(load_weights(invoke_, weights.first(128), 0).ok());
  refused(weights.subspan(64, 64), 64, 128);
  begin();
  ASSERT_TRUE(load_weights(invoke_, weights.first(128), 0).ok());
  refused(weights.first(128), std::uint64_t{1} << 32 | 128, 128);
  begin();
  std::vector<std::byte> longer(weights.begin(), weights.end());
  longer.push_back(std::byte{0});
  refused(longer, 0, 0);
  begin();
  ASSERT_TRUE(load_weights(invoke_, weights, 0).ok());
  refused(weights.first(1), weights.size(), weights.size());
  begin();
  refused(weights.first(1), ~std::uint64_t{0}, 0);
}

TEST_F(TrustedApplication, RefusesChunksOfNoOrTooManyBytes) {
  ASSERT_TRUE(load_begin(invoke_, plan_.plan).ok());
  EXPECT_EQ(load_weights(invoke_, {}, 0).status, Status::kBadParameters);
  expect_empty();
  ASSERT_TRUE(load_begin(invoke_, plan_.plan).ok());
  const std::vector<std::byte> huge(SMARTZONE_MAX_CHUNK_BYTES + 1);
  EXPECT_EQ(load_weights(invoke_, huge, 0).status, Status::kBadParameters);
  expect_empty();
}

TEST_F(TrustedApplication, RefusesIncompleteAndAlteredWeights) {
  ASSERT_TRUE(load_begin(invoke_, plan_.plan).ok());
  EXPECT_EQ(load_end(invoke_).status, Status::kWeightsIncomplete);
  expect_empty();
  ASSERT_TRUE(load_begin(invoke_, plan_.plan).ok());
  ASSERT_TRUE(load_weights(invoke_, Bytes(plan_.weights).subspan(1), 0).ok());
  const Reply incomplete = load_end(invoke_);
  EXPECT_EQ(incomplete.status, Status::kWeightsIncomplete);
  EXPECT_EQ(incomplete.detail, 1u);

  std::vector<std::byte> altered = plan_.weights;
  for (const std::size_t byte : {std::size_t{0}, altered.size() / 2, altered.size() - 1}) {
    altered[byte] ^= std::byte{0x10};
    EXPECT_EQ(load_model(invoke_, plan_.plan, altered).status, Status::kWeightsDigest);
    altered[byte] ^= std::byte{0x10};
    expect_empty();
  }
  load_and_run(plan_);
}

// Changes the plan at the n-th event of LOAD_BEGIN, for every n. Whatever is loaded must be one
// of the two plans as a whole, never a mixture.
TEST_F(TrustedApplication, APlanThatChangesDuringTheCallIsOneOfBothOrRefused) {
  const std::vector<std::byte> expected = load_and_run(plan_);
  ASSERT_TRUE(unload(invoke_).ok());

  // The same tables, but a hundred times the arena: more memory than the first look grants.
  PlanTables tables = *PlanTables::decode(plan_.plan);
  tables.header.weights_sha256 = {};
  std::memcpy(&tables.header.weights_sha256, plan_.plan.data() + 88, 32);
  tables.header.arena_bytes *= 100;
  const std::vector<std::byte> greedy = tables.encode();
  ASSERT_EQ(greedy.size(), plan_.plan.size());

  int accepted = 0;
  for (std::uint32_t when = 0; when < 64; ++when) {
    session_->set_mutator([&](std::uint32_t event, const shim::SharedMemory& memory) {
      if (event == when) std::memcpy(memory[0].data(), greedy.data(), greedy.size());
    });
    const Reply begun = load_begin(invoke_, plan_.plan);
    session_->set_mutator({});
    ASSERT_EQ(begun.result, 0u);
    if (!begun.ok()) {
      expect_empty();
      continue;
    }
    ++accepted;
    package::PlanHeader header;
    std::memcpy(&header, plan_.plan.data(), sizeof(header));
    const std::uint64_t arena = facts().arena_mapped;
    EXPECT_TRUE(arena == (header.arena_bytes + 4095) / 4096 * 4096 ||
                arena == (tables.header.arena_bytes + 4095) / 4096 * 4096);
    EXPECT_EQ(facts().mapped_now, mapped());
    ASSERT_TRUE(load_weights(invoke_, plan_.weights, 0).ok());
    ASSERT_TRUE(load_end(invoke_).ok());
    EXPECT_EQ(run_loaded(), expected);
  }
  EXPECT_GT(accepted, 0);
}

// Random bytes of the plan change at a random event: never more than a refusal.
TEST_F(TrustedApplication, SurvivesRandomChangesOfThePlanDuringTheCall) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 engine(seed);
  const auto random = [&] { return static_cast<std::uint32_t>(engine()); };
  for (int i = 0; i < 3000; ++i) {
    const std::uint32_t when = random() % 16;
    const std::uint32_t where = random();
    const auto value = std::byte(random());
    session_->set_mutator([&](std::uint32_t event, const shim::SharedMemory& memory) {
      if (event != when || memory[0].empty()) return;
      memory[0][where % memory[0].size()] = value;
      if (value < std::byte{64}) reseal(memory[0]);
    });
    const Reply reply = load_begin(invoke_, plan_.plan, 1 + random() % 4);
    session_->set_mutator({});
    ASSERT_EQ(reply.result, 0u);
    ASSERT_NE(reply.status, Status::kInternal);
    ASSERT_EQ(facts().mapped_now, mapped());
  }
}

// The weights change right after, or while, the TA has copied them: what was hashed is what is
// used.
TEST_F(TrustedApplication, WeightsThatChangeDuringTheCallNeverPassUnnoticed) {
  const std::vector<std::byte> expected = load_and_run(plan_);
  const std::vector<std::byte> image = inputs();
  for (std::uint32_t when = 0; when < 8; ++when) {
    ASSERT_TRUE(load_begin(invoke_, plan_.plan).ok());
    session_->set_mutator([&](std::uint32_t event, const shim::SharedMemory& memory) {
      if (event == when) std::memset(memory[0].data(), 0x3f, memory[0].size());
    });
    ASSERT_TRUE(load_weights(invoke_, plan_.weights, 0).ok());
    session_->set_mutator({});
    const Reply ended = load_end(invoke_);
    if (!ended.ok()) {
      EXPECT_EQ(ended.status, Status::kWeightsDigest);
      EXPECT_EQ(when, 0u);  // before the copy
      continue;
    }
    EXPECT_EQ(run_loaded(), expected);
  }
}

}  // namespace
}  // namespace sz::ta::testing
