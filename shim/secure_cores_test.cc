// The pseudo-TA of secure cores in this process, as its owner and as its lenders see it.
#include "protocol/secure_cores.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "shim/gp.h"
#include "shim/secure_cores_pta.h"
#include "shim/secure_pool.h"

namespace sz::shim {
namespace {

constexpr TEE_UUID kSecureCores = SECURE_CORES_UUID;
constexpr std::uint32_t kStack = 2 * SECURE_CORES_PAGE;
constexpr std::uint32_t kStartTypes =
    TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_INPUT, TEE_PARAM_TYPE_VALUE_INPUT,
                    TEE_PARAM_TYPE_VALUE_INPUT, TEE_PARAM_TYPE_VALUE_INOUT);
constexpr std::uint32_t kTwoOutputs =
    TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_VALUE_OUTPUT, 0, 0);
constexpr std::uint32_t kOneOutput = TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_OUTPUT, 0, 0, 0);

using EntryPoint = void (*)(std::uintptr_t slot, std::uintptr_t argument);

void set_pair(TEE_Param* param, std::uint64_t value) {
  param->value = {static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)};
}

// What helpers and test share.
struct Shared {
  std::atomic<std::uint32_t> seen{0};  // bits of slots that were entered
  std::atomic<std::uint32_t> inside{0};
  std::atomic<bool> leave{false};
};

void helper_returns_slot(std::uintptr_t slot, std::uintptr_t argument) {
  reinterpret_cast<Shared*>(argument)->seen |= 1u << slot;
  _utee_return(100 + slot);
}

void helper_waits(std::uintptr_t slot, std::uintptr_t argument) {
  auto* shared = reinterpret_cast<Shared*>(argument);
  shared->seen |= 1u << slot;
  ++shared->inside;
  while (!shared->leave) std::this_thread::yield();
  --shared->inside;
  _utee_return(slot);
}

void helper_panics(std::uintptr_t, std::uintptr_t) { TEE_Panic(0xabcd); }
void helper_runs_off_its_end(std::uintptr_t, std::uintptr_t) {}
void helper_maps_memory(std::uintptr_t, std::uintptr_t) {
  static_cast<void>(tee_map_zi(4096, 0));
  _utee_return(1);
}

// An owner with a session and a stack area.
class Owner {
 public:
  explicit Owner(std::uint32_t slots) : slots_(slots) {
    EXPECT_EQ(
        TEE_OpenTASession(&kSecureCores, TEE_TIMEOUT_INFINITE, 0, nullptr, &session_, nullptr),
        TEE_SUCCESS);
    stacks_ = tee_map_zi(area(), 0);
    EXPECT_NE(stacks_, nullptr);
  }
  ~Owner() {
    TEE_CloseTASession(session_);
    EXPECT_EQ(tee_unmap(stacks_, area()), TEE_SUCCESS);
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  TEE_Result start(EntryPoint entry) { return start(entry, slots_, kStack, stacks_); }

  TEE_Result start(EntryPoint entry, std::uint32_t slots, std::uint32_t stack, void* area) {
    TEE_Param params[4] = {};
    set_pair(&params[0], reinterpret_cast<std::uintptr_t>(entry));
    set_pair(&params[1], reinterpret_cast<std::uintptr_t>(&shared));
    set_pair(&params[2], reinterpret_cast<std::uintptr_t>(area));
    params[3].value = {slots, stack};
    const TEE_Result result = call(SECURE_CORES_CMD_START, kStartTypes, params);
    if (result == TEE_SUCCESS) id = std::uint64_t{params[3].value.b} << 32 | params[3].value.a;
    return result;
  }

  TEE_Result stop(std::uint32_t* evicted) {
    TEE_Param params[4] = {};
    params[0].value = {77, 77};
    const TEE_Result result = call(SECURE_CORES_CMD_STOP, kOneOutput, params);
    *evicted = params[0].value.a;
    return result;
  }

  TEE_Result status(TEE_Param params[4]) {
    return call(SECURE_CORES_CMD_STATUS, kTwoOutputs, params);
  }

  TEE_Result call(std::uint32_t command, std::uint32_t types, TEE_Param params[4]) {
    std::uint32_t origin = 0;
    const TEE_Result result =
        TEE_InvokeTACommand(session_, TEE_TIMEOUT_INFINITE, command, types, params, &origin);
    EXPECT_EQ(origin, TEE_ORIGIN_TRUSTED_APP);
    return result;
  }

  void* stacks() const { return stacks_; }

  std::uint64_t id = 0;
  Shared shared;

 private:
  std::size_t area() const { return SECURE_CORES_PAGE + std::size_t{slots_} * kStack; }

  std::uint32_t slots_;
  TEE_TASessionHandle session_ = TEE_HANDLE_NULL;
  void* stacks_ = nullptr;
};

void wait_until(const std::atomic<std::uint32_t>& value, std::uint32_t wanted) {
  while (value != wanted) std::this_thread::yield();
}

TEST(SecureCores, LetsALenderRunTheOwnersFunction) {
  Owner owner(3);
  ASSERT_EQ(owner.start(helper_returns_slot), TEE_SUCCESS);
  ASSERT_NE(owner.id, 0u);
  const Loan loan = lend(owner.id);
  EXPECT_EQ(loan.result, TEE_SUCCESS);
  EXPECT_EQ(loan.exit, static_cast<std::uint32_t>(SECURE_CORES_EXIT_RETURN));
  EXPECT_EQ(loan.value, 100u);
  EXPECT_EQ(owner.shared.seen, 1u);
}

TEST(SecureCores, GivesEachHelperItsOwnSlotAndRefusesOneTooMany) {
  Owner owner(3);
  ASSERT_EQ(owner.start(helper_waits), TEE_SUCCESS);
  std::vector<std::thread> lenders;
  for (int i = 0; i < 3; ++i) {
    lenders.emplace_back([&] { EXPECT_EQ(lend(owner.id).result, TEE_SUCCESS); });
  }
  wait_until(owner.shared.inside, 3);
  EXPECT_EQ(owner.shared.seen, 7u);
  EXPECT_EQ(lend(owner.id).result, TEE_ERROR_BUSY);
  TEE_Param params[4] = {};
  ASSERT_EQ(owner.status(params), TEE_SUCCESS);
  EXPECT_EQ(params[0].value.a, 0u);
  EXPECT_EQ(params[1].value.a, 3u);
  EXPECT_EQ(params[1].value.b, 3u);
  owner.shared.leave = true;
  for (std::thread& lender : lenders) lender.join();
  ASSERT_EQ(owner.status(params), TEE_SUCCESS);
  EXPECT_EQ(params[1].value.a, 0u);
  EXPECT_EQ(params[1].value.b, 3u);
}

TEST(SecureCores, KnowsNoGroupThatIsStoppedClosedOrInvented) {
  std::uint64_t id = 0;
  std::uint32_t evicted = 1;
  {
    Owner owner(1);
    EXPECT_EQ(owner.stop(&evicted), TEE_ERROR_BAD_STATE);
    ASSERT_EQ(owner.start(helper_returns_slot), TEE_SUCCESS);
    id = owner.id;
    EXPECT_EQ(lend(id ^ 1).result, TEE_ERROR_ITEM_NOT_FOUND);
    EXPECT_EQ(lend(0).result, TEE_ERROR_ITEM_NOT_FOUND);
    ASSERT_EQ(owner.stop(&evicted), TEE_SUCCESS);
    EXPECT_EQ(evicted, 0u);
    EXPECT_EQ(lend(id).result, TEE_ERROR_ITEM_NOT_FOUND);
    ASSERT_EQ(owner.start(helper_returns_slot), TEE_SUCCESS);
    EXPECT_EQ(owner.id, id);
    EXPECT_EQ(lend(id).result, TEE_SUCCESS);
  }
  EXPECT_EQ(lend(id).result, TEE_ERROR_ITEM_NOT_FOUND);
  EXPECT_EQ(secure_cores_groups(), 0u);
}

TEST(SecureCores, StopWaitsForThoseInside) {
  Owner owner(1);
  ASSERT_EQ(owner.start(helper_waits), TEE_SUCCESS);
  std::thread lender([&] { EXPECT_EQ(lend(owner.id).result, TEE_SUCCESS); });
  wait_until(owner.shared.inside, 1);
  std::atomic<bool> stopped{false};
  std::thread stopper([&] {
    std::uint32_t evicted = 1;
    EXPECT_EQ(owner.stop(&evicted), TEE_SUCCESS);
    EXPECT_EQ(evicted, 0u);
    EXPECT_EQ(owner.shared.inside, 0u);
    stopped = true;
  });
  while (lend(owner.id).result == TEE_ERROR_BUSY) std::this_thread::yield();
  EXPECT_EQ(lend(owner.id).result, TEE_ERROR_ITEM_NOT_FOUND);
  EXPECT_FALSE(stopped);
  owner.shared.leave = true;
  stopper.join();
  lender.join();
}

TEST(SecureCores, LetsNobodyInAfterAFaultUntilStartedAnew) {
  struct Case {
    EntryPoint entry;
    std::uint32_t code;
  };
  for (const Case& one : {Case{helper_panics, 0xabcd}, Case{helper_runs_off_its_end, 0},
                          Case{helper_maps_memory, TEE_ERROR_ACCESS_DENIED}}) {
    Owner owner(2);
    ASSERT_EQ(owner.start(one.entry), TEE_SUCCESS);
    const Loan loan = lend(owner.id);
    EXPECT_EQ(loan.result, TEE_SUCCESS);
    EXPECT_EQ(loan.exit, static_cast<std::uint32_t>(SECURE_CORES_EXIT_FAULT));
    EXPECT_EQ(lend(owner.id).result, TEE_ERROR_BUSY);
    TEE_Param params[4] = {};
    ASSERT_EQ(owner.status(params), TEE_SUCCESS);
    EXPECT_EQ(params[0].value.a, 1u);
    EXPECT_EQ(params[0].value.b, one.code);
    std::uint32_t evicted = 1;
    ASSERT_EQ(owner.stop(&evicted), TEE_SUCCESS);
    ASSERT_EQ(owner.start(helper_returns_slot), TEE_SUCCESS);
    EXPECT_EQ(lend(owner.id).result, TEE_SUCCESS);
    ASSERT_EQ(owner.status(params), TEE_SUCCESS);
    EXPECT_EQ(params[0].value.a, 0u);
  }
}

TEST(SecureCores, RefusesAStartThatMakesNoSense) {
  Owner owner(2);
  EXPECT_EQ(owner.start(nullptr), TEE_ERROR_BAD_PARAMETERS);
  const auto refused = [&](std::uint32_t slots, std::uint32_t stack, void* area) {
    return owner.start(helper_returns_slot, slots, stack, area) == TEE_ERROR_BAD_PARAMETERS;
  };
  EXPECT_TRUE(refused(0, kStack, owner.stacks()));
  EXPECT_TRUE(refused(1, kStack, owner.stacks()));
  EXPECT_TRUE(refused(SECURE_CORES_MAX_SLOTS + 1, kStack, owner.stacks()));
  EXPECT_TRUE(refused(2, 0, owner.stacks()));
  EXPECT_TRUE(refused(2, kStack - 1, owner.stacks()));
  EXPECT_TRUE(refused(2, kStack / 2, owner.stacks()));
  EXPECT_TRUE(refused(2, 0xfffff000, owner.stacks()));
  EXPECT_TRUE(refused(2, kStack, static_cast<char*>(owner.stacks()) + SECURE_CORES_PAGE));
  EXPECT_TRUE(refused(2, kStack, nullptr));
  EXPECT_EQ(owner.id, 0u);
  EXPECT_EQ(owner.start(helper_returns_slot), TEE_SUCCESS);
  EXPECT_EQ(owner.start(helper_returns_slot), TEE_ERROR_BAD_STATE);
}

TEST(SecureCores, FailsTheStartThatItIsToldToFailAndLeavesNothing) {
  Owner owner(1);
  inject_fault(Fault::kStart, 1);
  EXPECT_EQ(owner.start(helper_returns_slot), TEE_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(secure_cores_groups(), 0u);
  EXPECT_EQ(owner.start(helper_returns_slot), TEE_SUCCESS);
}

TEST(SecureCores, TakesExactTypesAndTheOwnersCommandsOnly) {
  Owner owner(1);
  TEE_Param params[4] = {};
  for (std::uint32_t types = 0; types <= 0xffff; ++types) {
    if (types != kTwoOutputs) {
      ASSERT_EQ(owner.call(SECURE_CORES_CMD_QUERY, types, params), TEE_ERROR_BAD_PARAMETERS);
      ASSERT_EQ(owner.call(SECURE_CORES_CMD_STATUS, types, params), TEE_ERROR_BAD_PARAMETERS);
    }
    if (types != kOneOutput) {
      ASSERT_EQ(owner.call(SECURE_CORES_CMD_STOP, types, params), TEE_ERROR_BAD_PARAMETERS);
    }
    // With the right types it is the values that are wrong.
    ASSERT_EQ(owner.call(SECURE_CORES_CMD_START, types, params), TEE_ERROR_BAD_PARAMETERS);
  }
  EXPECT_EQ(owner.call(SECURE_CORES_CMD_LEND, kTwoOutputs, params), TEE_ERROR_ACCESS_DENIED);
  EXPECT_EQ(owner.call(5, 0, params), TEE_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(owner.call(UINT32_MAX, 0, params), TEE_ERROR_NOT_SUPPORTED);
  ASSERT_EQ(owner.call(SECURE_CORES_CMD_QUERY, kTwoOutputs, params), TEE_SUCCESS);
  EXPECT_EQ(params[0].value.a, static_cast<std::uint32_t>(SECURE_CORES_VERSION));
  EXPECT_EQ(params[0].value.b, static_cast<std::uint32_t>(SECURE_CORES_MAX_SLOTS));
  EXPECT_GE(params[1].value.a, 1u);
}

TEST(SecureCores, AreAbsentWhereTold) {
  set_secure_cores_present(false);
  TEE_TASessionHandle session = TEE_HANDLE_NULL;
  SecureCoresFacts facts;
  EXPECT_EQ(TEE_OpenTASession(&kSecureCores, 0, 0, nullptr, &session, nullptr),
            TEE_ERROR_ITEM_NOT_FOUND);
  EXPECT_TRUE(session == TEE_HANDLE_NULL);
  EXPECT_EQ(query_secure_cores(&facts), TEE_ERROR_ITEM_NOT_FOUND);
  set_secure_cores_present(true);
  EXPECT_EQ(query_secure_cores(&facts), TEE_SUCCESS);
  EXPECT_EQ(facts.version, static_cast<std::uint32_t>(SECURE_CORES_VERSION));
  TEE_UUID other = kSecureCores;
  other.timeLow ^= 1;
  EXPECT_EQ(TEE_OpenTASession(&other, 0, 0, nullptr, &session, nullptr), TEE_ERROR_ITEM_NOT_FOUND);
  EXPECT_EQ(TEE_OpenTASession(&kSecureCores, 0, 1, nullptr, &session, nullptr),
            TEE_ERROR_BAD_PARAMETERS);
}

// Owners start, stop and close while lenders hammer all their groups.
TEST(SecureCores, ServeSeveralOwnersUnderLoad) {
  constexpr int kOwners = 2, kLenders = 3, kRounds = 100;
  std::array<std::atomic<std::uint64_t>, kOwners> ids{};
  std::atomic<bool> done{false};
  std::atomic<std::uint32_t> loans{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kLenders; ++i) {
    threads.emplace_back([&] {
      while (!done) {
        for (const auto& id : ids) {
          const Loan loan = lend(id);
          if (loan.result == TEE_SUCCESS) ++loans;
          ASSERT_TRUE(loan.result == TEE_SUCCESS || loan.result == TEE_ERROR_BUSY ||
                      loan.result == TEE_ERROR_ITEM_NOT_FOUND);
        }
      }
    });
  }
  std::vector<std::thread> owners;
  for (auto& id : ids) {
    owners.emplace_back([&id] {
      for (int round = 0; round < kRounds; ++round) {
        Owner owner(1 + static_cast<std::uint32_t>(round % 3));
        owner.shared.leave = true;
        for (int n = 0; n < 3; ++n) {
          ASSERT_EQ(owner.start(n % 2 == 0 ? helper_waits : helper_returns_slot), TEE_SUCCESS);
          id = owner.id;
          std::this_thread::yield();
          std::uint32_t evicted = 1;
          ASSERT_EQ(owner.stop(&evicted), TEE_SUCCESS);
          ASSERT_EQ(owner.shared.inside, 0u);
        }
        ASSERT_EQ(owner.start(helper_returns_slot), TEE_SUCCESS);
        while (round == 0 && owner.shared.seen == 0) std::this_thread::yield();
      }
    });
  }
  for (std::thread& owner : owners) owner.join();
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(loans, 0u);
  EXPECT_EQ(secure_cores_groups(), 0u);
}

using SecureCoresDeathTest = testing::Test;

TEST(SecureCoresDeathTest, OnlyHelpersReturn) {
  // Not "threadsafe": that runs the program anew, which qemu-user cannot.
  testing::GTEST_FLAG(death_test_style) = "fast";
  EXPECT_DEATH(_utee_return(0), "outside of a helper");
}

}  // namespace
}  // namespace sz::shim
