#include "base/sha256.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

namespace sz {
namespace {

std::string hex(const std::array<std::uint8_t, kSha256Bytes>& digest) {
  std::string text;
  for (const std::uint8_t byte : digest) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", byte);
    text += digits;
  }
  return text;
}

std::string hex_digest(const std::string& data, std::size_t piece) {
  Sha256 hash;
  const ByteSpan bytes = std::as_bytes(std::span(data));
  for (std::size_t i = 0; i < bytes.size(); i += piece) {
    hash.update(bytes.subspan(i, std::min(piece, bytes.size() - i)));
  }
  return hex(hash.finish());
}

constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

// Vectors of FIPS 180-4's examples and of NIST's byte-oriented test set.
TEST(Sha256, AgreesWithThePublishedVectors) {
  EXPECT_EQ(hex_digest("", 1), kEmpty);
  EXPECT_EQ(hex_digest("abc", 3), kAbc);
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

TEST(Sha256, StartsAfreshAfterTheDigest) {
  const std::string abc = "abc";
  Sha256 hash;
  for (int round = 0; round < 3; ++round) {
    hash.update(std::as_bytes(std::span(abc)));
    EXPECT_EQ(hex(hash.finish()), kAbc) << "round " << round;
  }
  hash.update({});
  EXPECT_EQ(hex(hash.finish()), kEmpty);
}

TEST(Sha256, KeepsWhatWasAddedWhenItMoves) {
  const std::string abc = "abc";
  Sha256 first;
  first.update(std::as_bytes(std::span(abc)).first(1));
  Sha256 second = std::move(first);
  second.update(std::as_bytes(std::span(abc)).subspan(1));
  EXPECT_EQ(hex(second.finish()), kAbc);
}

}  // namespace
}  // namespace sz
