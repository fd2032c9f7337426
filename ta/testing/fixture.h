// The fixture of the trusted application's tests: a session in this process. Host only.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "engine/testing/plan_builder.h"
#include "shim/loopback.h"
#include "shim/secure_pool.h"
#include "ta/testing/commands.h"

namespace sz::ta::testing {

// A session with nothing mapped before it and, after it, nothing mapped and nothing left unwiped.
class TrustedApplication : public ::testing::Test {
 protected:
  TrustedApplication() : before_(shim::pool_statistics()) {
    EXPECT_EQ(shim::LoopbackSession::open(&session_), 0u);
    invoke_ = invoke_of(*session_);
  }

  ~TrustedApplication() override {
    session_.reset();
    for (const auto fault : {shim::Fault::kMap, shim::Fault::kUnmap, shim::Fault::kHeap})
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
  std::vector<std::byte> load_and_run(const engine::testing::TestPlan& plan) {
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
  std::unique_ptr<shim::LoopbackSession> session_;
  Invoke invoke_;
  const engine::testing::TestPlan plan_ = engine::testing::sequence_plan().builder.finish();
};

}  // namespace sz::ta::testing
