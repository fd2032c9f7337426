// The trusted application over the shim: every command in every state, wrong parameters, memory
// that runs out, a normal world that changes what it has sent.

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "engine/model.h"
#include "engine/testing/plan_builder.h"
#include "package/plan_format.h"
#include "shim/loopback.h"
#include "shim/secure_pool.h"
#include "ta/testing/commands.h"

namespace sz::ta::testing {
namespace {

using engine::testing::branches_plan;
using engine::testing::PlanTables;
using engine::testing::reseal;
using engine::testing::sequence_plan;
using engine::testing::TestPlan;
using shim::Fault;
using shim::LoopbackSession;
using shim::Param;
using shim::Params;

constexpr std::uint32_t kBadParametersResult = 0xffff0006;  // TEE_ERROR_BAD_PARAMETERS

// A session with nothing mapped before it and, after it, nothing mapped and nothing left unwiped.
class TrustedApplication : public ::testing::Test {
 protected:
  TrustedApplication() : before_(shim::pool_statistics()) {
    EXPECT_EQ(LoopbackSession::open(&session_), 0u);
    invoke_ = invoke_of(*session_);
  }

  ~TrustedApplication() override {
    session_.reset();
    for (const Fault fault : {Fault::kMap, Fault::kUnmap, Fault::kHeap})
      shim::inject_fault(fault, 0);
    shim::set_pool_limit(before_.limit);
    EXPECT_EQ(shim::pool_statistics().mapped, before_.mapped);
    EXPECT_EQ(shim::pool_statistics().dirty_unmaps, before_.dirty_unmaps);
  }

  smartzone_info facts() {
    smartzone_info facts{};
    EXPECT_TRUE(info(invoke_, &facts).ok());
    return facts;
  }

  std::uint64_t mapped() const { return shim::pool_statistics().mapped - before_.mapped; }

  void expect_empty() {
    const smartzone_info now = facts();
    EXPECT_EQ(now.state, static_cast<std::uint32_t>(SMARTZONE_STATE_EMPTY));
    EXPECT_EQ(now.mapped_now, 0u);
    EXPECT_EQ(now.cores, 0u);
    EXPECT_EQ(now.inputs_bytes, 0u);
    EXPECT_EQ(mapped(), 0u);
  }

  // Loads the plan and runs it; the outputs' bits. Fails the test if anything is refused.
  std::vector<std::byte> load_and_run(const TestPlan& plan) {
    const Reply loaded = load_model(invoke_, plan.plan, plan.weights);
    EXPECT_TRUE(loaded.ok()) << static_cast<std::uint32_t>(loaded.status);
    return run_loaded();
  }

  std::vector<std::byte> run_loaded() {
    std::vector<std::byte> outputs(facts().outputs_bytes);
    EXPECT_TRUE(run(invoke_, inputs(), &outputs).ok());
    return outputs;
  }

  std::vector<std::byte> inputs() {
    std::vector<std::byte> bytes(facts().inputs_bytes);
    for (std::size_t i = 0; i < bytes.size(); i += sizeof(float)) {
      const float value = 0.125f * static_cast<float>(i % 29) - 1.0f;
      std::memcpy(bytes.data() + i, &value, sizeof(value));
    }
    return bytes;
  }

  shim::PoolStatistics before_;
  std::unique_ptr<LoopbackSession> session_;
  Invoke invoke_;
  const TestPlan plan_ = sequence_plan().builder.finish();
};

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

// --- parameters ---------------------------------------------------------------------------------

// Every parameter-type word of 16 bits, the senseless ones included, for every command.
TEST_F(TrustedApplication, RefusesEveryWrongCombinationOfParameterTypes) {
  ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights).ok());
  const std::array<std::uint32_t, 6> right = {0x2006, 0x2015, 0x2015, 0x2000, 0x2165, 0x2000};
  for (std::uint32_t command = 0; command < right.size(); ++command) {
    for (std::uint32_t types = 0; types < 0x10000; ++types) {
      if (types == right[command]) continue;
      Params params;
      for (std::size_t i = 0; i < 4; ++i) {
        params[i].kind = static_cast<Param::Kind>(types >> (4 * i) & 0xf);
      }
      ASSERT_EQ(session_->invoke(command, params), kBadParametersResult)
          << "command " << command << " types 0x" << std::hex << types;
    }
  }
  EXPECT_EQ(facts().state, static_cast<std::uint32_t>(SMARTZONE_STATE_READY));
}

TEST_F(TrustedApplication, NamesAnUnknownCommand) {
  for (const std::uint32_t command : {6u, 7u, 1000u, 0xffffffffu}) {
    Params params;
    EXPECT_EQ(session_->invoke(command, params), kBadParametersResult);
    params[3].kind = Param::Kind::kValueOut;
    EXPECT_EQ(session_->invoke(command, params), 0u);
    EXPECT_EQ(params[3].a, static_cast<std::uint32_t>(Status::kBadCommand));
    EXPECT_EQ(params[3].b, command);
  }
}

TEST_F(TrustedApplication, InfoWantsRoomForTheWholeReply) {
  smartzone_info reply;
  std::memset(&reply, 0x5a, sizeof(reply));
  for (const std::size_t room : {std::size_t{0}, std::size_t{1}, sizeof(reply) - 1}) {
    Params params;
    params[0] = {.kind = Param::Kind::kMemrefOut, .data = &reply, .size = room};
    params[3].kind = Param::Kind::kValueOut;
    EXPECT_EQ(session_->invoke(SMARTZONE_CMD_INFO, params), 0u);
    EXPECT_EQ(params[3].a, static_cast<std::uint32_t>(Status::kBufferTooSmall));
    EXPECT_EQ(params[3].b, sizeof(reply));
    EXPECT_EQ(params[0].size, 0u);
  }
  EXPECT_EQ(reply.protocol_version, 0x5a5a5a5au);
}

TEST_F(TrustedApplication, TakesNullForNoBytesWhateverTheSizeSays) {
  const Bytes null_with_size(static_cast<const std::byte*>(nullptr), 4096);
  EXPECT_EQ(load_begin(invoke_, null_with_size).status, Status::kPlanTruncated);
  ASSERT_TRUE(load_begin(invoke_, plan_.plan).ok());
  EXPECT_EQ(load_weights(invoke_, null_with_size, 0).status, Status::kBadParameters);
  ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights).ok());
  std::vector<std::byte> outputs(64);
  EXPECT_EQ(run(invoke_, null_with_size, &outputs).status, Status::kInputSize);

  Params params;
  const std::vector<std::byte> image = inputs();
  params[0] = {.kind = Param::Kind::kMemrefIn,
               .data = const_cast<std::byte*>(image.data()),
               .size = image.size()};
  params[1] = {.kind = Param::Kind::kMemrefOut, .data = nullptr, .size = 64};
  params[2] = {.kind = Param::Kind::kValueIn, .a = 0, .b = 1};
  params[3] = {.kind = Param::Kind::kValueOut};
  EXPECT_EQ(session_->invoke(SMARTZONE_CMD_RUN, params), 0u);
  EXPECT_EQ(params[3].a, static_cast<std::uint32_t>(Status::kBufferTooSmall));
  EXPECT_EQ(params[1].size, 0u);
}

TEST_F(TrustedApplication, RunChecksSizesEntryAndCores) {
  ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights, 2).ok());
  const std::vector<std::byte> image = inputs();
  const smartzone_info now = facts();
  const auto attempt = [&](std::size_t in, std::size_t out, std::uint32_t entry,
                           std::uint32_t cores) {
    std::vector<std::byte> bytes = image;
    bytes.resize(in);
    std::vector<std::byte> outputs(out);
    const Reply reply = run(invoke_, bytes, &outputs, entry, cores);
    EXPECT_EQ(outputs.size(), reply.ok() ? now.outputs_bytes : 0u);
    return reply;
  };
  const std::size_t in = now.inputs_bytes;
  const std::size_t out = now.outputs_bytes;
  EXPECT_EQ(attempt(in - 1, out, 0, 1).status, Status::kInputSize);
  EXPECT_EQ(attempt(in + 1, out, 0, 1).detail, in);
  EXPECT_EQ(attempt(in, out - 1, 0, 1).status, Status::kBufferTooSmall);
  EXPECT_EQ(attempt(in, 0, 0, 1).detail, out);
  EXPECT_EQ(attempt(in, out, 1, 1).status, Status::kBadEntryPoint);
  EXPECT_EQ(attempt(in, out, 0xffffffff, 1).status, Status::kBadEntryPoint);
  EXPECT_EQ(attempt(in, out, 0, 0).status, Status::kBadParameters);
  EXPECT_EQ(attempt(in, out, 0, 3).status, Status::kBadParameters);
  EXPECT_TRUE(attempt(in, out, 0, 2).ok());
  EXPECT_TRUE(attempt(in, out + 1, 0, 1).ok());
  EXPECT_EQ(facts().state, static_cast<std::uint32_t>(SMARTZONE_STATE_READY));
}

TEST_F(TrustedApplication, LoadBeginChecksTheCores) {
  for (const std::uint32_t cores : {0u, SMARTZONE_MAX_CORES + 1u, 0xffffffffu}) {
    EXPECT_EQ(load_begin(invoke_, plan_.plan, cores).status, Status::kBadParameters);
    expect_empty();
  }
  EXPECT_TRUE(load_begin(invoke_, plan_.plan, SMARTZONE_MAX_CORES).ok());
}

// --- plans and weights --------------------------------------------------------------------------

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

// --- memory -------------------------------------------------------------------------------------

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

// --- a normal world that changes what it has sent -----------------------------------------------

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
