#include "package/package_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace sz::package {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> sample() {
  return write_package(bytes_of("the plan"), bytes_of("some weights, seventeen"),
                       R"({"format":1})");
}

template <typename T>
void poke(std::vector<std::byte>& file, std::size_t offset, T value) {
  std::memcpy(file.data() + offset, &value, sizeof(value));
}

std::size_t record_at(std::size_t index) {
  return sizeof(PackageHeader) + index * sizeof(SectionRecord);
}

void expect_refused(const std::vector<std::byte>& file, const std::string& part) {
  try {
    read_package(file, "x.szp");
    FAIL() << "accepted; expected a refusal with: " << part;
  } catch (const PackageError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()).rfind("x.szp: ", 0), 0u) << error.what();
  }
}

TEST(PackageFile, ReadsBackWhatWasWritten) {
  const auto file = sample();
  const PackageFile package = read_package(file, "x.szp");
  EXPECT_EQ(std::vector<std::byte>(package.plan.begin(), package.plan.end()), bytes_of("the plan"));
  EXPECT_EQ(std::vector<std::byte>(package.weights.begin(), package.weights.end()),
            bytes_of("some weights, seventeen"));
  EXPECT_EQ(package.info, R"({"format":1})");
  EXPECT_EQ((package.plan.data() - file.data()) % 64, 0);
  EXPECT_EQ((package.weights.data() - file.data()) % 64, 0);
}

TEST(PackageFile, AllowsEmptyWeights) {
  const auto file = write_package(bytes_of("p"), {}, "{}");
  EXPECT_TRUE(read_package(file, "x").weights.empty());
}

TEST(PackageFile, KnowsTheDigestOfAbc) {
  const Sha256Digest digest = sha256_of(bytes_of("abc"));  // FIPS 180-4, example
  EXPECT_EQ(digest[0], 0xba);
  EXPECT_EQ(digest[1], 0x78);
  EXPECT_EQ(digest[31], 0xad);
}

TEST(PackageFile, RefusesEveryTruncation) {
  const auto file = sample();
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_THROW(read_package(std::span(file).first(size), "x"), PackageError) << size;
  }
}

TEST(PackageFile, RefusesEveryFlippedBit) {
  const auto file = sample();
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    auto damaged = file;
    damaged[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_THROW(read_package(damaged, "x"), PackageError) << "bit " << bit;
  }
}

TEST(PackageFile, RefusesBytesBehindTheEnd) {
  auto file = sample();
  file.push_back(std::byte{0});
  expect_refused(file, "1 bytes behind its last section");
}

TEST(PackageFile, NamesAnotherVersion) {
  auto file = sample();
  poke(file, 8, std::uint32_t{2});
  expect_refused(file, "package version 2");
}

TEST(PackageFile, RefusesTooManySections) {
  auto file = sample();
  poke(file, 12, std::uint32_t{0xffffffff});
  expect_refused(file, "4294967295 sections");
}

TEST(PackageFile, RefusesAMissingSection) {
  std::vector<std::byte> file(sizeof(PackageHeader));
  const PackageHeader header{kPackageMagic, kPackageVersion, 0};
  std::memcpy(file.data(), &header, sizeof(header));
  expect_refused(file, "no section 'plan'");
}

TEST(PackageFile, RefusesASectionTwice) {
  auto file = sample();
  poke(file, record_at(1), static_cast<std::uint32_t>(SectionKind::kPlan));
  expect_refused(file, "two sections 'plan'");
}

TEST(PackageFile, RefusesAnUnknownKind) {
  auto file = sample();
  poke(file, record_at(1), std::uint32_t{99});
  expect_refused(file, "unknown kind 99");
}

TEST(PackageFile, RefusesAnOffsetWhoseEndOverflows) {
  auto file = sample();
  poke(file, record_at(0) + 8, std::uint64_t{0xffffffffffffffc0});
  poke(file, record_at(0) + 16, std::uint64_t{0x80});
  expect_refused(file, "reaches past the end");
}

TEST(PackageFile, RefusesOverlappingSections) {
  auto file = sample();
  poke(file, record_at(0) + 8, std::uint64_t{0});
  expect_refused(file, "overlaps");
}

TEST(PackageFile, NamesTheDamagedSection) {
  auto file = sample();
  const PackageFile package = read_package(file, "x");
  file[static_cast<std::size_t>(package.weights.data() - file.data())] ^= std::byte{1};
  expect_refused(file, "section 'weights' does not match its SHA-256");
}

}  // namespace
}  // namespace sz::package
