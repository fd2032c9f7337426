// The owner's side when a helper is late, faults, or cannot be let in again, over the shim's
// pseudo-TA. There STOP waits for the helper instead of evicting it; withheld helpers proper are
// tested on the device (tests/cores/).
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "cores/footprint.h"
#include "protocol/secure_cores.h"
#include "shim/secure_cores_pta.h"
#include "shim/secure_pool.h"
#include "ta/secure_cores.h"
#include "ta/secure_memory.h"

// Last: see ta/gp.h.
#include "ta/gp.h"

namespace sz::ta::testing {
namespace {

constexpr std::uint32_t kChunks = 16;
constexpr std::uint32_t kPanicCode = 0x1234;

enum class Conduct { kGood, kLate, kFaulty };

// Chunks of which a helper gets at least one: the owner waits for that in its own.
struct Job {
  explicit Job(Conduct helpers) : conduct(helpers) {}

  static void run(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
    auto& job = *static_cast<Job*>(context);
    if (worker == 0) {
      const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
      while (!job.helped && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    } else if (!job.helped.exchange(true)) {
      // Longer than the owner's patience.
      if (job.conduct == Conduct::kLate) std::this_thread::sleep_for(std::chrono::seconds(1));
      if (job.conduct == Conduct::kFaulty) TEE_Panic(kPanicCode);
    }
    job.done[chunk] = chunk + 1;
  }

  Work work() { return {run, this, kChunks, kCostToShare}; }
  bool complete() const {
    for (std::uint32_t i = 0; i < kChunks; ++i) {
      if (done[i] != i + 1) return false;
    }
    return true;
  }

  const Conduct conduct;
  std::atomic<bool> helped = false;
  std::array<std::uint32_t, kChunks> done{};
};

class Eviction : public ::testing::Test {
 protected:
  Eviction() {
    EXPECT_TRUE(board_.map(cores::board_bytes(2)));
    EXPECT_TRUE(stacks_.map(cores::stacks_bytes(2)));
    cores_.start(board_.bytes(), stacks_.bytes(), 2, false);
    EXPECT_EQ(cores_.usable(), 2u);
    lender_ = std::thread([this, group = facts().group] {
      while (!ending_) {
        if (shim::lend(group).result == 0) continue;
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    });
  }
  ~Eviction() override {
    ending_ = true;
    lender_.join();
    shim::inject_fault(shim::Fault::kStart, 0);
  }

  smartzone_cores facts() const {
    smartzone_cores facts;
    cores_.describe(&facts);
    return facts;
  }

  // One step on the cores of this run.
  void step(Conduct conduct) {
    Job job(conduct);
    if (cores_.usable() == 1) job.helped = true;  // nobody will come
    const Work work = job.work();
    cores_.run(work);
    EXPECT_TRUE(job.complete());
  }

  SecureRegion board_;
  SecureRegion stacks_;
  SecureCores cores_;
  std::atomic<bool> ending_ = false;
  std::thread lender_;
};

TEST_F(Eviction, LetsHelpersInAgainInTheSameRun) {
  cores_.begin_run(2);
  step(Conduct::kLate);
  EXPECT_EQ(facts().evictions, 1u);
  EXPECT_EQ(facts().usable, 2u);
  step(Conduct::kGood);  // waits for a helper: one must come
  EXPECT_TRUE(cores_.end_run().ok());
  EXPECT_GE(facts().evictions, 1u);  // more on a machine that is busy elsewhere
}

TEST_F(Eviction, GoesOnAloneWhereTheGroupDoesNotStartAgainAndTriesInTheNextRun) {
  cores_.begin_run(2);
  shim::inject_fault(shim::Fault::kStart, 1);
  step(Conduct::kLate);
  EXPECT_EQ(facts().usable, 1u);
  step(Conduct::kGood);
  EXPECT_TRUE(cores_.end_run().ok());

  cores_.begin_run(2);
  EXPECT_EQ(facts().usable, 2u);
  step(Conduct::kGood);
  EXPECT_TRUE(cores_.end_run().ok());
  EXPECT_GE(facts().evictions, 1u);  // more on a machine that is busy elsewhere
}

TEST_F(Eviction, EndsWithTheThirdInARun) {
  cores_.begin_run(2);
  for (int i = 0; i < 3; ++i) step(Conduct::kLate);
  EXPECT_EQ(facts().evictions, 3u);
  EXPECT_EQ(facts().usable, 1u);
  step(Conduct::kGood);
  EXPECT_TRUE(cores_.end_run().ok());
  cores_.begin_run(2);
  EXPECT_EQ(facts().usable, 2u);
  EXPECT_TRUE(cores_.end_run().ok());
}

TEST_F(Eviction, OfAHelperThatFaultsIsAnErrorAndItsChunkIsDoneAllTheSame) {
  cores_.begin_run(2);
  step(Conduct::kFaulty);
  EXPECT_EQ(facts().redone, 1u);
  EXPECT_EQ(facts().usable, 1u);
  step(Conduct::kGood);
  const Failure failure = cores_.end_run();
  EXPECT_EQ(failure.status, Status::kHelperFault);
  EXPECT_EQ(failure.detail, kPanicCode);
  EXPECT_EQ(shim::secure_cores_groups(), 0u);
}

}  // namespace
}  // namespace sz::ta::testing
