#include "client/plugin/lending_service.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "client/errors.h"
#include "protocol/ask_for_cores.h"
#include "protocol/secure_cores.h"

namespace sz::client {
namespace {

constexpr LendingPolicy kQuick{std::chrono::microseconds(1), std::chrono::microseconds(10), 3};

// Counts visits by group; there is work while `busy`.
struct World {
  std::atomic<std::uint32_t> visits{0};
  std::atomic<std::uint64_t> last_group{0};
  std::atomic<bool> busy{false};

  OpenLender opener() {
    class Way final : public Lender {
     public:
      explicit Way(World& world) : world_(world) {}
      Loan lend(std::uint64_t group) override {
        ++world_.visits;
        world_.last_group = group;
        return {kTeeSuccess, SECURE_CORES_EXIT_RETURN, world_.busy ? 1u : 0u};
      }

     private:
      World& world_;
    };
    return [this] { return std::make_unique<Way>(*this); };
  }
};

bool eventually(const std::function<bool()>& so) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!so()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  return true;
}

std::uint32_t ask(LendingService& service, std::uint64_t group, std::uint32_t cores) {
  const ask_for_cores_request request{group, cores, 0};
  return service.ask(ASK_FOR_CORES_CMD, 0, &request, sizeof(request));
}

TEST(LendingService, BringsLendersThatGoWhenThereIsNothingToDo) {
  World world;
  LendingService service(world.opener(), kQuick);
  EXPECT_EQ(ask(service, 17, 2), kTeeSuccess);
  EXPECT_EQ(service.threads(), 2u);
  ASSERT_TRUE(eventually([&] { return world.visits == 6; }));  // three idle visits each
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(world.visits, 6u);
  EXPECT_EQ(world.last_group, 17u);
  EXPECT_EQ(ask(service, 17, 2), kTeeSuccess);
  EXPECT_TRUE(eventually([&] { return world.visits == 12; }));
}

TEST(LendingService, KeepsLendersWhileThereIsWork) {
  World world;
  world.busy = true;
  LendingService service(world.opener(), kQuick);
  EXPECT_EQ(ask(service, 17, 1), kTeeSuccess);
  EXPECT_TRUE(eventually([&] { return world.visits > 1000; }));
  world.busy = false;
}

TEST(LendingService, RefusesRequestsThatMakeNoSense) {
  World world;
  LendingService service(world.opener(), kQuick);
  const ask_for_cores_request good{17, 1, 0};
  const auto bad = [&](const ask_for_cores_request& request) {
    return service.ask(ASK_FOR_CORES_CMD, 0, &request, sizeof(request)) == kTeeBadParameters;
  };
  EXPECT_TRUE(bad({0, 1, 0}));
  EXPECT_TRUE(bad({17, 0, 0}));
  EXPECT_TRUE(bad({17, SECURE_CORES_MAX_SLOTS + 1, 0}));
  EXPECT_TRUE(bad({17, 1, 1}));
  EXPECT_EQ(service.ask(1, 0, &good, sizeof(good)), kTeeBadParameters);
  EXPECT_EQ(service.ask(ASK_FOR_CORES_CMD, 1, &good, sizeof(good)), kTeeBadParameters);
  EXPECT_EQ(service.ask(ASK_FOR_CORES_CMD, 0, &good, sizeof(good) - 1), kTeeBadParameters);
  EXPECT_EQ(service.ask(ASK_FOR_CORES_CMD, 0, &good, sizeof(good) + 1), kTeeBadParameters);
  EXPECT_EQ(service.ask(ASK_FOR_CORES_CMD, 0, nullptr, 0), kTeeBadParameters);
  EXPECT_EQ(service.threads(), 0u);
}

TEST(LendingService, ServesManyGroupsButNotWithoutEnd) {
  World world;
  world.busy = true;
  LendingService service(world.opener(), kQuick);
  std::uint32_t refused = 0;
  for (std::uint64_t group = 1; group <= 20; ++group) {
    const std::uint32_t result = ask(service, group, SECURE_CORES_MAX_SLOTS);
    if (result == kTeeSuccess) continue;
    EXPECT_EQ(result, kTeeOutOfMemory);
    ++refused;
  }
  EXPECT_EQ(refused, 16u);
  EXPECT_EQ(service.threads(), 4u * SECURE_CORES_MAX_SLOTS);
  // When the work is done there is room again.
  world.busy = false;
  EXPECT_TRUE(eventually([&] { return ask(service, 99, 1) == kTeeSuccess; }));
}

TEST(LendingService, MayBeAskedByManyAtOnce) {
  World world;
  LendingService service(world.opener(), kQuick);
  std::vector<std::thread> threads;
  for (std::uint64_t group = 1; group <= 3; ++group) {
    threads.emplace_back([&, group] {
      for (std::uint32_t i = 0; i < 50; ++i) {
        ASSERT_EQ(ask(service, group, 1 + i % 3), kTeeSuccess);
        if (i % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(world.visits, 0u);
}

}  // namespace
}  // namespace sz::client
