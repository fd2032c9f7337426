#include "client/core_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/commands.h"
#include "protocol/secure_cores.h"

namespace sz::client {
namespace {

using ::testing::HasSubstr;

constexpr SecureCores kExtension{true, SECURE_CORES_VERSION, SECURE_CORES_MAX_SLOTS, 8, 16};

CoreLimits limits() {
  return {.asked = 0,
          .cpus = 4,
          .model_most = SMARTZONE_MAX_CORES,
          .secure = kExtension,
          .backend = Backend::kTee};
}

TEST(CoreChoice, IsAllThatTheProcessMayUse) {
  EXPECT_EQ(choose_cores(limits()).cores, 4u);
  EXPECT_EQ(choose_cores(limits()).advice, "");
}

TEST(CoreChoice, KeepsEveryLimit) {
  CoreLimits many = limits();
  many.cpus = 100;
  EXPECT_EQ(choose_cores(many).cores, 8u);
  CoreLimits slots = many;
  slots.secure.max_slots = 2;
  EXPECT_EQ(choose_cores(slots).cores, 3u);
  CoreLimits threads = many;
  threads.secure.threads = 5;
  EXPECT_EQ(choose_cores(threads).cores, 3u);
  threads.backend = Backend::kHost;  // Linux has threads enough
  EXPECT_EQ(choose_cores(threads).cores, 8u);
  CoreLimits model = many;
  model.model_most = 2;
  EXPECT_EQ(choose_cores(model).cores, 2u);
}

TEST(CoreChoice, TakesAsManyAsAskedEvenIfTheyShareProcessors) {
  CoreLimits asked = limits();
  for (const std::uint32_t n : {1u, 2u, 4u, 7u}) {
    asked.asked = n;
    asked.cpus = 2;
    EXPECT_EQ(choose_cores(asked).cores, n);
  }
  asked.asked = 1000;
  EXPECT_EQ(choose_cores(asked).cores, 8u);
}

TEST(CoreChoice, SaysWhyItIsOneCore) {
  CoreLimits stock = limits();
  stock.secure = {};
  EXPECT_EQ(choose_cores(stock).cores, 1u);
  EXPECT_THAT(choose_cores(stock).advice, HasSubstr("this OP-TEE has no secure-cores extension"));
  CoreLimits other = limits();
  other.secure.version = SECURE_CORES_VERSION + 1;
  EXPECT_EQ(choose_cores(other).cores, 1u);
  EXPECT_THAT(choose_cores(other).advice, HasSubstr("version 2"));
  for (const std::uint32_t threads : {0u, 1u, 2u, 3u}) {
    CoreLimits few = limits();
    few.secure.threads = threads;
    EXPECT_EQ(choose_cores(few).cores, 1u);
    EXPECT_THAT(choose_cores(few).advice, HasSubstr("CFG_NUM_THREADS"));
  }
  CoreLimits none = limits();
  none.secure.max_slots = 0;
  EXPECT_EQ(choose_cores(none).cores, 1u);
}

TEST(CoreChoice, SaysNothingToWhoWantsOneCore) {
  CoreLimits one = limits();
  one.secure = {};
  one.asked = 1;
  EXPECT_EQ(choose_cores(one).advice, "");
  one.asked = 0;
  one.cpus = 1;
  EXPECT_EQ(choose_cores(one).advice, "");
  one.cpus = 4;
  one.model_most = 1;
  EXPECT_EQ(choose_cores(one).advice, "");
}

}  // namespace
}  // namespace sz::client
