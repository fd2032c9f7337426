#include "package/plan_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "package/package_file.h"

namespace sz::package {
namespace {

constexpr std::size_t kDigestEnd = sizeof(PlanHeader::magic) + sizeof(PlanHeader::sha256);

struct Tables {
  PlanHeader header{};
  std::vector<TensorRecord> tensors{3};
  std::vector<StepRecord> steps{2};
  std::vector<EntryRecord> entries{1};
  std::vector<std::uint32_t> operands{10, 11, 12, 13};
  std::vector<std::uint32_t> attributes{20, 21, 22, 23, 24};

  Tables() {
    header.magic = kPlanMagic;
    header.version = kPlanVersion;
    header.tensor_count = 3;
    header.step_count = 2;
    header.entry_count = 1;
    header.operand_count = 4;
    header.attribute_count = 5;
  }
};

template <typename T>
void append(std::vector<std::byte>& bytes, const T* records, std::size_t count) {
  const auto* raw = reinterpret_cast<const std::byte*>(records);
  bytes.insert(bytes.end(), raw, raw + count * sizeof(T));
}

std::vector<std::byte> bytes_of(Tables tables) {
  std::vector<std::byte> bytes;
  append(bytes, &tables.header, 1);
  append(bytes, tables.tensors.data(), tables.tensors.size());
  append(bytes, tables.steps.data(), tables.steps.size());
  append(bytes, tables.entries.data(), tables.entries.size());
  append(bytes, tables.operands.data(), tables.operands.size());
  append(bytes, tables.attributes.data(), tables.attributes.size());
  const Sha256Digest digest = sha256_of(ByteSpan(bytes).subspan(kDigestEnd));
  std::memcpy(bytes.data() + sizeof(PlanHeader::magic), digest.data(), digest.size());
  return bytes;
}

void expect_failure(const std::vector<std::byte>& bytes, Status status, std::uint32_t detail) {
  PlanView view;
  const Failure failure = PlanView::parse(bytes, sha256_host, &view);
  EXPECT_EQ(failure.status, status);
  EXPECT_EQ(failure.detail, detail);
  EXPECT_TRUE(view.tensors().empty()) << "the view was changed in spite of the failure";
}

TEST(PlanReader, FindsTheTablesOneBehindTheOther) {
  Tables tables;
  tables.tensors[2].offset = 77;
  tables.steps[1].op = 5;
  tables.entries[0].step_count = 9;
  const auto bytes = bytes_of(tables);
  EXPECT_EQ(bytes.size(), 144u + 3 * 40 + 2 * 24 + 24 + 4 * 4 + 5 * 4);

  PlanView view;
  ASSERT_TRUE(PlanView::parse(bytes, sha256_host, &view).ok());
  EXPECT_EQ(view.header().version, kPlanVersion);
  ASSERT_EQ(view.tensors().size(), 3u);
  EXPECT_EQ(view.tensors()[2].offset, 77u);
  ASSERT_EQ(view.steps().size(), 2u);
  EXPECT_EQ(view.steps()[1].op, 5u);
  ASSERT_EQ(view.entries().size(), 1u);
  EXPECT_EQ(view.entries()[0].step_count, 9u);
  ASSERT_EQ(view.operands().size(), 4u);
  EXPECT_EQ(view.operands()[3], 13u);
  ASSERT_EQ(view.attributes().size(), 5u);
  EXPECT_EQ(view.attributes()[4], 24u);
  EXPECT_EQ(static_cast<const void*>(&view.attributes()[4]), bytes.data() + bytes.size() - 4);
}

TEST(PlanReader, RefusesEveryTruncationWithTheSizeNeeded) {
  const auto bytes = bytes_of({});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::size_t needed = size < sizeof(PlanHeader) ? sizeof(PlanHeader) : bytes.size();
    expect_failure({bytes.begin(), bytes.begin() + size}, Status::kPlanTruncated,
                   static_cast<std::uint32_t>(needed));
  }
}

TEST(PlanReader, RefusesBytesBehindTheTables) {
  auto bytes = bytes_of({});
  const auto expected = static_cast<std::uint32_t>(bytes.size());
  bytes.push_back(std::byte{0});
  expect_failure(bytes, Status::kPlanSize, expected);
}

TEST(PlanReader, RefusesAnotherMagic) {
  for (std::size_t i = 0; i < kPlanMagic.size(); ++i) {
    auto bytes = bytes_of({});
    bytes[i] ^= std::byte{1};
    expect_failure(bytes, Status::kPlanMagic, 0);
  }
}

TEST(PlanReader, RefusesAnotherVersionAndNamesIt) {
  Tables tables;
  tables.header.version = 7;
  expect_failure(bytes_of(tables), Status::kPlanVersion, 7);
}

TEST(PlanReader, RefusesEveryFlippedBitBehindTheDigest) {
  const auto bytes = bytes_of({});
  for (std::size_t bit = kDigestEnd * 8; bit < bytes.size() * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] ^= std::byte(1 << bit % 8);
    PlanView view;
    EXPECT_FALSE(PlanView::parse(flipped, sha256_host, &view).ok()) << "bit " << bit;
  }
}

TEST(PlanReader, RefusesAnotherDigest) {
  auto bytes = bytes_of({});
  bytes[sizeof(PlanHeader::magic)] ^= std::byte{0x80};
  expect_failure(bytes, Status::kPlanDigest, 0);
}

TEST(PlanReader, SaysSoIfTheDigestCannotBeComputed) {
  PlanView view;
  const auto bytes = bytes_of({});
  const auto failing = [](ByteSpan, Sha256Digest*) { return false; };
  EXPECT_EQ(PlanView::parse(bytes, failing, &view).status, Status::kInternal);
}

TEST(PlanReader, RefusesCountsAndSizesBeyondTheirLimits) {
  struct Case {
    void (*change)(PlanHeader&);
    std::uint32_t detail;
  };
  const Case cases[] = {
      {[](PlanHeader& h) { h.tensor_count = kMaxTensors + 1; }, kMaxTensors + 1},
      {[](PlanHeader& h) { h.tensor_count = 0xffffffff; }, 0xffffffff},
      {[](PlanHeader& h) { h.step_count = kMaxSteps + 1; }, kMaxSteps + 1},
      {[](PlanHeader& h) { h.entry_count = kMaxEntries + 1; }, kMaxEntries + 1},
      {[](PlanHeader& h) { h.operand_count = kMaxOperands + 1; }, kMaxOperands + 1},
      {[](PlanHeader& h) { h.attribute_count = kMaxAttributes + 1; }, kMaxAttributes + 1},
      {[](PlanHeader& h) { h.weights_bytes = kMaxRegionBytes + 1; }, (1u << 30) + 1},
      {[](PlanHeader& h) { h.weights_bytes = ~std::uint64_t{0}; }, 0xffffffff},
      {[](PlanHeader& h) { h.arena_bytes = kMaxRegionBytes + 1; }, (1u << 30) + 1},
      {[](PlanHeader& h) { h.scratch_bytes = kMaxRegionBytes + 64; }, (1u << 30) + 64},
      {[](PlanHeader& h) { h.scratch_bytes = 63; }, 63},
  };
  for (const Case& wrong : cases) {
    SCOPED_TRACE(&wrong - cases);
    Tables tables;
    wrong.change(tables.header);
    expect_failure(bytes_of(tables), Status::kPlanLimit, wrong.detail);
  }
}

TEST(PlanReader, TakesSizesAtTheirLimits) {
  Tables tables;
  tables.header.weights_bytes = tables.header.arena_bytes = kMaxRegionBytes;
  tables.header.scratch_bytes = kMaxRegionBytes;
  PlanView view;
  EXPECT_TRUE(PlanView::parse(bytes_of(tables), sha256_host, &view).ok());

  PlanHeader header = tables.header;
  header.tensor_count = kMaxTensors;
  header.step_count = kMaxSteps;
  header.entry_count = kMaxEntries;
  header.operand_count = kMaxOperands;
  header.attribute_count = kMaxAttributes;
  std::uint64_t bytes = 0;
  ASSERT_TRUE(plan_size(header, &bytes).ok());
  EXPECT_EQ(bytes, 144u + 16384 * 40 + 8192 * 24 + 8 * 24 + 131072 * 4 + 262144 * 4);
}

TEST(PlanReader, RefusesReservedFieldsThatAreNotZero) {
  Tables tables;
  tables.tensors[2].reserved = 1;
  expect_failure(bytes_of(tables), Status::kPlanReserved, 2);
  tables = Tables();
  tables.steps[1].reserved = 0x80000000;
  expect_failure(bytes_of(tables), Status::kPlanReserved, 1);
}

}  // namespace
}  // namespace sz::package
