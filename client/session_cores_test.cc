// Sessions that compute on lent cores, over the in-process back end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <numeric>
#include <thread>

#include "base/status.h"
#include "client/cpus.h"
#include "client/errors.h"
#include "client/plan_io.h"
#include "client/testing/test_package.h"
#include "client/transport.h"
#include "include/smartzone/smartzone.hpp"
#include "protocol/commands.h"
#include "shim/secure_cores_pta.h"
#include "shim/secure_pool.h"

namespace sz {
namespace {

using client::testing::add_package;
using client::testing::convolution_package;
using ::testing::HasSubstr;

// Worth four cores.
Package heavy() { return Package::from_bytes(convolution_package(32), "heavy.szp"); }
Package tiny() { return Package::from_bytes(add_package(100), "tiny.szp"); }

Tensor input_of(const Package& package) {
  Tensor tensor{package.inputs()[0], std::vector<std::byte>(package.inputs()[0].bytes())};
  const auto values = tensor.f32();
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = 0.37f * static_cast<float>(i % 1009) - 5.0f;
  }
  return tensor;
}

std::vector<std::byte> output(Session& session, const Tensor& input) {
  return session.run({{input}})[0].data;
}

std::vector<std::byte> alone(const Package& package, const Tensor& input) {
  Session session = Session::open(Backend::kHost, {.cores = 1});
  session.load(package);
  return output(session, input);
}

// The pseudo-TA and the pool as they were, whatever a test does to them.
class SessionCores : public ::testing::Test {
 protected:
  SessionCores() : before_(shim::pool_statistics()) {}
  ~SessionCores() override {
    shim::set_secure_cores_present(true);
    shim::set_pool_limit(before_.limit);
    shim::fail_map(0);
    shim::inject_fault(shim::Fault::kStart, 0);
    EXPECT_EQ(shim::pool_statistics().mapped, before_.mapped);
    EXPECT_EQ(shim::pool_statistics().dirty_unmaps, before_.dirty_unmaps);
    EXPECT_EQ(shim::secure_cores_groups(), 0u);
  }
  shim::PoolStatistics before_;
};

TEST_F(SessionCores, GiveTheSameBitsInAnyNumber) {
  const Package package = heavy();
  const Tensor input = input_of(package);
  const std::vector<std::byte> expected = alone(package, input);
  for (const unsigned cores : {1u, 2u, 4u}) {
    Session session = Session::open(Backend::kHost, {.cores = cores});
    session.load(package);
    for (int run = 0; run < 25; ++run) ASSERT_EQ(output(session, input), expected);
    const CoreReport report = session.cores();
    EXPECT_EQ(report.asked, cores);
    EXPECT_EQ(report.used, cores);
    EXPECT_EQ(report.work.size(), cores);
    EXPECT_EQ(report.advice, "");
    EXPECT_EQ(report.lending_errors, 0u) << report.lending_error;
    EXPECT_EQ(report.runs, cores == 1 ? 0u : 25u);
  }
}

TEST_F(SessionCores, AreSeenAtWork) {
  const Package package = heavy();
  const Tensor input = input_of(package);
  Session session = Session::open(Backend::kHost, {.cores = 2});
  session.load(package);
  // On a busy machine a lender may be late for a run: not for all of them.
  CoreReport report;
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  do {
    output(session, input);
    report = session.cores();
    // A lender that leaves is for a moment neither present nor counted.
  } while ((report.work[1] == 0 || report.visits + report.present == 0) &&
           std::chrono::steady_clock::now() < limit);
  EXPECT_GT(report.work[1], 0u);
  EXPECT_GT(report.visits + report.present, 0u);
  EXPECT_GT(report.shared_steps, 0u);
  EXPECT_NEAR(std::accumulate(report.shares.begin(), report.shares.end(), 0.0), 1.0, 1e-9);
}

TEST_F(SessionCores, AreByDefaultAllThatTheProcessMayUse) {
  const Package package = heavy();
  Session session = Session::open(Backend::kHost);
  EXPECT_EQ(session.cores().used, 1u);
  session.load(package);
  const unsigned useful = client::useful_cores(package.plan(), 8);
  EXPECT_EQ(useful, 4u);
  EXPECT_EQ(session.cores().used, std::min(client::usable_cpus(), useful));
  const DeviceInfo device = session.device_info();
  EXPECT_TRUE(device.secure_cores);
  EXPECT_EQ(device.most_cores, 8u);
  session.unload();
  EXPECT_EQ(session.cores().used, 1u);
}

TEST_F(SessionCores, DoNotComeForAModelThatIsTooSmall) {
  const Package package = tiny();
  Session session = Session::open(Backend::kHost, {.cores = 4});
  session.load(package);
  const CoreReport report = session.cores();
  EXPECT_EQ(report.used, 1u);
  EXPECT_EQ(report.advice, "");
  EXPECT_EQ(session.secure_memory().stacks, 0u);
}

TEST_F(SessionCores, AreOneWithAdviceWhereThereIsNoExtension) {
  shim::set_secure_cores_present(false);
  const Package package = heavy();
  const Tensor input = input_of(package);
  Session session = Session::open(Backend::kHost, {.cores = 2});
  EXPECT_FALSE(session.device_info().secure_cores);
  EXPECT_EQ(session.device_info().most_cores, 1u);
  session.load(package);
  EXPECT_EQ(session.cores().used, 1u);
  EXPECT_THAT(session.cores().advice, HasSubstr("computing on one core"));
  EXPECT_EQ(session.secure_memory().stacks, 0u);
  EXPECT_EQ(output(session, input), alone(package, input));
}

TEST_F(SessionCores, AreOneWithAdviceWhereTheTrustedOsCannotLetThemIn) {
  const Package package = heavy();
  const Tensor input = input_of(package);
  const std::vector<std::byte> expected = alone(package, input);
  Session session = Session::open(Backend::kHost, {.cores = 2});
  shim::inject_fault(shim::Fault::kStart, 1);
  session.load(package);
  EXPECT_EQ(session.cores().used, 1u);
  EXPECT_THAT(session.cores().advice, HasSubstr("could not let other cores in"));
  EXPECT_EQ(output(session, input), expected);
  session.load(package);
  EXPECT_EQ(session.cores().used, 2u);
}

TEST_F(SessionCores, AreFewerWhereTheMemoryIsShort) {
  const Package package = heavy();
  std::uint64_t one = 0, two = 0;
  for (const unsigned cores : {1u, 2u}) {
    Session session = Session::open(Backend::kHost, {.cores = cores});
    session.load(package);
    (cores == 1 ? one : two) = session.secure_memory().now;
  }
  ASSERT_GT(two, one);
  const std::uint64_t others = before_.mapped;
  for (const unsigned most : {1u, 2u}) {
    shim::set_pool_limit(others + (most == 1 ? two - 1 : two));
    Session session = Session::open(Backend::kHost, {.cores = 4});
    session.load(package);
    EXPECT_EQ(session.cores().used, most);
    EXPECT_THAT(session.cores().advice, HasSubstr("suffices for " + std::to_string(most)));
    EXPECT_EQ(session.run({{input_of(package)}}).size(), 1u);
  }
}

// What statistics cannot tell: each mapping of the load fails once.
TEST_F(SessionCores, AreOneWhereAPieceOfMemoryIsMissing) {
  const Package package = heavy();
  for (std::uint32_t n = 1; n <= 5; ++n) {
    Session session = Session::open(Backend::kHost, {.cores = 2});
    shim::fail_map(n);
    session.load(package);
    EXPECT_EQ(session.cores().used, 1u) << n;
    EXPECT_THAT(session.cores().advice, HasSubstr("suffices for 1 of 2")) << n;
    EXPECT_EQ(session.run({{input_of(package)}}).size(), 1u);
  }
}

TEST_F(SessionCores, ServeSeveralSessionsAtOnce) {
  const Package package = heavy();
  const Tensor input = input_of(package);
  const std::vector<std::byte> expected = alone(package, input);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 3; ++round) {
        Session session = Session::open(Backend::kHost, {.cores = 2});
        session.load(package);
        for (int run = 0; run < 3; ++run) ASSERT_EQ(output(session, input), expected);
        if (round == 1) session.unload();
        if (round == 2) session.load(package);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(SessionCores, LeaveThePluginToLendWhereTold) {
  const Package package = heavy();
  const Tensor input = input_of(package);
  Session session = Session::open(Backend::kHost, {.cores = 2, .plugin_lends = true});
  session.load(package);
  EXPECT_EQ(output(session, input), alone(package, input));
  const CoreReport report = session.cores();
  EXPECT_EQ(report.used, 2u);
  EXPECT_EQ(report.visits, 0u);  // nobody came, for there is no plugin here
  EXPECT_EQ(report.work[1], 0u);
}

// The in-process back end, but every run ends as `ending` says, and the model is gone.
class FailingRuns final : public client::Transport {
 public:
  explicit FailingRuns(client::CallResult ending) : ending_(ending) {}
  Backend backend() const override { return way_->backend(); }
  std::unique_ptr<client::SharedBuffer> allocate(std::size_t bytes) override {
    return way_->allocate(bytes);
  }
  client::CallResult invoke(std::uint32_t command, client::Parameters& parameters) override {
    if (command != SMARTZONE_CMD_RUN) return way_->invoke(command, parameters);
    client::Parameters none;
    none[3] = client::Parameter::value_out();
    EXPECT_EQ(way_->invoke(SMARTZONE_CMD_UNLOAD, none).result, client::kTeeSuccess);
    parameters[3].a = static_cast<std::uint32_t>(Status::kHelperFault);
    return ending_;
  }
  SecurePool pool() override { return way_->pool(); }
  std::string description() override { return way_->description(); }
  client::SecureCores secure_cores() override { return way_->secure_cores(); }
  client::OpenLender lender_opener() override { return way_->lender_opener(); }

 private:
  const client::CallResult ending_;
  const std::unique_ptr<client::Transport> way_ = client::open_loopback_transport();
};

TEST_F(SessionCores, AreSentHomeByARunThatLosesTheModel) {
  const Package package = heavy();
  const Tensor input = input_of(package);
  constexpr client::CallResult kPanic{0xffff3024, 3};
  constexpr client::CallResult kHelperFault{client::kTeeSuccess, 0};  // the status says it
  for (const client::CallResult ending : {kPanic, kHelperFault}) {
    Session session = Session::open(std::make_unique<FailingRuns>(ending), {.cores = 2});
    session.load(package);
    EXPECT_THROW(output(session, input), Error);
    EXPECT_EQ(session.cores().used, 1u);
    try {
      output(session, input);
      ADD_FAILURE() << "ran without a model";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("no model is loaded"));
    }
    session.load(package);  // and everything is there again
    EXPECT_EQ(session.cores().used, 2u);
  }
}

}  // namespace
}  // namespace sz
