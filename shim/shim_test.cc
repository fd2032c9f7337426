#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "shim/gp.h"
#include "shim/secure_pool.h"
#include "shim/sha256.h"

namespace sz::shim {
namespace {

std::string hex_digest(const std::string& data, std::size_t piece) {
  Sha256 hash;
  for (std::size_t i = 0; i < data.size(); i += piece) {
    const std::string part = data.substr(i, piece);
    hash.update(part.data(), part.size());
  }
  std::string text;
  for (const std::uint8_t byte : hash.finish()) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", byte);
    text += digits;
  }
  return text;
}

// Vectors of FIPS 180-4's examples and of NIST's byte-oriented test set.
TEST(Sha256, AgreesWithThePublishedVectors) {
  EXPECT_EQ(hex_digest("", 1), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_digest("abc", 3),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 100),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex_digest(std::string(1000000, 'a'), 1000000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnHowTheDataIsCut) {
  std::string data;
  for (int i = 0; i < 1000; ++i) data += static_cast<char>(i * 7 + i / 13);
  const std::string whole = hex_digest(data, data.size());
  for (const std::size_t piece : {1u, 3u, 55u, 56u, 63u, 64u, 65u, 127u, 128u, 129u}) {
    EXPECT_EQ(hex_digest(data, piece), whole) << "pieces of " << piece;
  }
}

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
