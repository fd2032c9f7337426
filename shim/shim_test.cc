#include <gtest/gtest.h>

#include "shim/gp.h"
#include "shim/secure_pool.h"

namespace sz::shim {
namespace {

TEST(SecurePool, CountsWholePagesAndZeroesThem) {
  const PoolStatistics before = pool_statistics();
  auto* memory = static_cast<unsigned char*>(tee_map_zi(4097, 0));
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(pool_statistics().mapped, before.mapped + 8192);
  for (int i = 0; i < 8192; ++i) ASSERT_EQ(memory[i], 0);
  EXPECT_EQ(tee_unmap(memory, 4097), TEE_SUCCESS);
  EXPECT_EQ(pool_statistics().mapped, before.mapped);
  EXPECT_EQ(pool_statistics().dirty_unmaps, before.dirty_unmaps);
}

TEST(SecurePool, NoticesMemoryThatWasNotWiped) {
  const PoolStatistics before = pool_statistics();
  auto* memory = static_cast<unsigned char*>(tee_map_zi(4096, 0));
  ASSERT_NE(memory, nullptr);
  memory[4095] = 1;
  EXPECT_EQ(tee_unmap(memory, 4096), TEE_SUCCESS);
  EXPECT_EQ(pool_statistics().dirty_unmaps, before.dirty_unmaps + 1);
}

TEST(SecurePool, RefusesWhatIsNotThere) {
  const std::uint64_t limit = pool_statistics().limit;
  set_pool_limit(pool_statistics().mapped + 8192);
  EXPECT_EQ(tee_map_zi(8193, 0), nullptr);
  void* memory = tee_map_zi(8192, 0);
  EXPECT_NE(memory, nullptr);
  EXPECT_EQ(tee_map_zi(1, 0), nullptr);
  EXPECT_EQ(tee_unmap(memory, 4096), TEE_ERROR_BAD_PARAMETERS);
  EXPECT_EQ(tee_unmap(static_cast<char*>(memory) + 4096, 4096), TEE_ERROR_BAD_PARAMETERS);
  EXPECT_EQ(tee_unmap(memory, 8192), TEE_SUCCESS);
  EXPECT_EQ(tee_unmap(memory, 8192), TEE_ERROR_BAD_PARAMETERS);
  set_pool_limit(limit);
}

TEST(SecurePool, RefusesNoBytesAndUnknownFlags) {
  EXPECT_EQ(tee_map_zi(0, 0), nullptr);
  EXPECT_EQ(tee_map_zi(4096, 1), nullptr);
  EXPECT_EQ(tee_map_zi(std::size_t{1} << 32, 0), nullptr);
}

TEST(SecurePool, FailsTheCallThatItIsToldToFail) {
  inject_fault(Fault::kMap, 2);
  void* first = tee_map_zi(1, 0);
  EXPECT_NE(first, nullptr);
  EXPECT_EQ(tee_map_zi(1, 0), nullptr);
  inject_fault(Fault::kUnmap, 1);
  EXPECT_EQ(tee_unmap(first, 1), TEE_ERROR_GENERIC);
  EXPECT_EQ(tee_unmap(first, 1), TEE_SUCCESS);
  inject_fault(Fault::kHeap, 1);
  EXPECT_EQ(TEE_Malloc(1, TEE_MALLOC_FILL_ZERO), nullptr);
}

using SecurePoolDeathTest = testing::Test;

TEST(SecurePoolDeathTest, StopsWhoReadsBehindARegion) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  auto* memory = static_cast<volatile char*>(tee_map_zi(4096, 0));
  ASSERT_NE(memory, nullptr);
  EXPECT_DEATH(static_cast<void>(memory[4096]), "");
  EXPECT_DEATH(static_cast<void>(memory[-1]), "");
  EXPECT_EQ(tee_unmap(const_cast<char*>(memory), 4096), TEE_SUCCESS);
}

}  // namespace
}  // namespace sz::shim
