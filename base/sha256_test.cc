#include "base/sha256.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace sz {
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

}  // namespace
}  // namespace sz
