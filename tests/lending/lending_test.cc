// The trusted application on cores that come and go at random: the same bits, always. Everything
// but the model's size is as on the device: the client's lenders are replaced by threads that keep
// no order.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <random>
#include <thread>

#include "client/testing/test_package.h"
#include "compiler/compile.h"
#include "include/smartzone/smartzone.hpp"
#include "protocol/secure_cores.h"
#include "shim/loopback.h"
#include "ta/testing/commands.h"

namespace sz {
namespace {

using ta::testing::Invoke;

constexpr int kRuns = 100;
constexpr std::uint32_t kReserved = 4;

// Threads that lend at random moments, whether anybody wants them or not.
class Strollers {
 public:
  Strollers(std::uint64_t group, std::uint32_t count, std::uint32_t seed) {
    for (std::uint32_t i = 0; i < count; ++i) {
      threads_.emplace_back([this, group, i, seed] { stroll(group, seed + i); });
    }
  }
  ~Strollers() {
    done_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

  std::uint32_t visits() const { return visits_; }

 private:
  void stroll(std::uint64_t group, std::uint32_t seed) {
    std::mt19937 random(seed);
    while (!done_) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 400));
      const shim::Loan loan = shim::lend(group);
      if (loan.result == 0) {
        EXPECT_EQ(loan.exit, static_cast<std::uint32_t>(SECURE_CORES_EXIT_RETURN));
        ++visits_;
      }
    }
  }

  std::atomic<bool> done_{false};
  std::atomic<std::uint32_t> visits_{0};
  std::vector<std::thread> threads_;
};

// A session of the trusted application with a model for several cores.
class Lending : public ::testing::Test {
 protected:
  void load(const Package& package) {
    ASSERT_EQ(shim::LoopbackSession::open(&session_), 0u);
    invoke_ = ta::testing::invoke_of(*session_);
    ASSERT_TRUE(
        ta::testing::load_model(invoke_, package.plan(), package.weights(), kReserved).ok());
    smartzone_info info{};
    ASSERT_TRUE(ta::testing::info(invoke_, &info).ok());
    inputs_.resize(info.inputs_bytes);
    outputs_bytes_ = info.outputs_bytes;
    for (std::size_t i = 0; i + sizeof(float) <= inputs_.size(); i += sizeof(float)) {
      const float value = 0.0625f * static_cast<float>(i / 4 % 31) - 1.0f;
      std::memcpy(inputs_.data() + i, &value, sizeof(value));
    }
  }

  std::vector<std::byte> run(std::uint32_t cores) {
    std::vector<std::byte> outputs(outputs_bytes_);
    EXPECT_TRUE(ta::testing::run(invoke_, inputs_, &outputs, 0, cores).ok());
    return outputs;
  }

  smartzone_cores counters() {
    smartzone_cores counters{};
    shim::Params params;
    params[0] = {
        .kind = shim::Param::Kind::kMemrefOut, .data = &counters, .size = sizeof(counters)};
    params[3].kind = shim::Param::Kind::kValueOut;
    EXPECT_EQ(session_->invoke(SMARTZONE_CMD_CORES, params), 0u);
    EXPECT_EQ(params[3].a, 0u);
    return counters;
  }

  // 100 runs on each number of cores, with strollers about.
  void expect_same_bits(const Package& package) {
    load(package);
    const std::vector<std::byte> expected = run(1);
    const smartzone_cores before = counters();
    ASSERT_EQ(before.usable, kReserved);
    ASSERT_NE(before.group, 0u);
    Strollers strollers(before.group, 4, 1);  // one more than there are slots
    for (const std::uint32_t cores : {1u, 2u, 4u}) {
      for (int i = 0; i < kRuns; ++i) ASSERT_EQ(run(cores), expected) << cores << " cores, " << i;
    }
    EXPECT_EQ(counters().runs, 2u * kRuns);
  }

  std::unique_ptr<shim::LoopbackSession> session_;
  Invoke invoke_;
  std::vector<std::byte> inputs_;
  std::size_t outputs_bytes_ = 0;
};

TEST_F(Lending, LeavesTheBitsOfDigitsAsTheyAre) {
  const std::string model = SMARTZONE_SOURCE_DIR "/models/digits/digits.onnx";
  const auto compiled = compiler::compile_file(model, {});
  expect_same_bits(Package::from_bytes(compiled.package, "digits.szp"));
}

TEST_F(Lending, LeavesTheBitsOfAConvolutionAsTheyAre) {
  const Package package =
      Package::from_bytes(client::testing::convolution_package(20), "convolution.szp");
  expect_same_bits(package);
}

TEST_F(Lending, SharesTheWork) {
  load(Package::from_bytes(client::testing::convolution_package(20), "convolution.szp"));
  const std::vector<std::byte> expected = run(1);
  Strollers strollers(counters().group, 3, 7);
  // On a busy machine a stroller may miss many a run; not all of them.
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  smartzone_cores now = counters();
  while ((now.work[1] == 0 || now.work[2] == 0) && std::chrono::steady_clock::now() < limit) {
    ASSERT_EQ(run(kReserved), expected);
    now = counters();
  }
  EXPECT_GT(now.work[0], 0u);
  EXPECT_GT(now.work[1], 0u);
  EXPECT_GT(now.work[2], 0u);
  EXPECT_GT(strollers.visits(), 0u);
}

TEST_F(Lending, MayGoOnWhileTheModelIsReplacedAndTheSessionClosed) {
  const Package package =
      Package::from_bytes(client::testing::convolution_package(20), "convolution.szp");
  load(package);
  const std::vector<std::byte> expected = run(1);
  const std::uint64_t first = counters().group;
  Strollers strollers(first, 2, 3);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(run(kReserved), expected);
    ASSERT_TRUE(
        ta::testing::load_model(invoke_, package.plan(), package.weights(), kReserved).ok());
    ASSERT_EQ(run(kReserved), expected);
  }
  session_.reset();
  EXPECT_NE(shim::lend(first).result, 0u);
}

}  // namespace
}  // namespace sz
