#include "ops/layout/layout.h"

#include <gtest/gtest.h>

#include "ops/check.h"
#include "ops/testing/random_cases.h"

namespace sz::ops::testing {
namespace {

TEST(Copy, MovesEveryBit) {
  const std::uint64_t seed = test_seed();
  SingleWorker worker;
  for (std::uint64_t i = 0; i < 100; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 86028121 + i);
    const Case test = random_copy(random);
    EXPECT_EQ(run_case(test, Kernel::kReference, worker), test.inputs[0].bits());
  }
}

TEST(Transpose, PutsEveryElementWhereThePermutationSays) {
  const std::uint64_t seed = test_seed();
  SingleWorker worker;
  for (std::uint64_t i = 0; i < 150; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 122949823 + i);
    const Case test = random_transpose(random);
    TransposeAttributes attributes;
    ASSERT_TRUE(read_attributes(test.attributes, &attributes));
    const auto& x = test.inputs[0].view();
    const auto bits = run_case(test, Kernel::kReference, worker);
    for (std::size_t in = 0; in < bits.size(); ++in) {
      // The coordinates of `in`, then the place of the same coordinates, permuted.
      std::uint32_t index[kMaxRank] = {};
      std::size_t rest = in;
      for (std::uint32_t d = x.rank; d-- > 0; rest /= x.dims[d]) {
        index[d] = static_cast<std::uint32_t>(rest % x.dims[d]);
      }
      std::size_t out = 0;
      for (std::uint32_t d = 0; d < x.rank; ++d) {
        out = out * x.dims[attributes.perm[d]] + index[attributes.perm[d]];
      }
      ASSERT_EQ(bits[out], std::bit_cast<std::uint32_t>(test.inputs[0].at(in)));
    }
  }
}

TEST(Transpose, HonoursADenseDimensionOfSizeOne) {
  Tensor x({4, 1}, 7);  // rows of one element, 8 apart
  for (std::size_t i = 0; i < 4; ++i) x.at(i) = static_cast<float>(i);
  TransposeAttributes attributes;
  attributes.perm[0] = 1;
  expect_same_bits({OpCode::kTranspose, {x}, Tensor({1, 4}), words_of(attributes)});
}

TEST(Upsample, RepeatsEveryPixel) {
  Tensor x({2, 1, 2, 1});
  for (std::size_t i = 0; i < 4; ++i) x.at(i) = static_cast<float>(i);
  const auto bits = expect_same_bits(
      {OpCode::kUpsample, {x}, Tensor({2, 2, 6, 1}), words_of(UpsampleAttributes{2, 3})});
  const float expected[] = {0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 2, 2, 2, 3, 3, 3};
  ASSERT_EQ(bits.size(), std::size(expected));
  for (std::size_t i = 0; i < bits.size(); ++i) {
    EXPECT_EQ(std::bit_cast<float>(bits[i]), expected[i]) << i;
  }
}

TEST(UpsampleCheck, RefusesOtherShapesAndFactors) {
  const auto check = [](std::vector<std::uint32_t> y, UpsampleAttributes attributes,
                        std::vector<std::uint32_t> x = {1, 2, 3, 4}) {
    return check_case({OpCode::kUpsample, {Tensor(x)}, Tensor(y), words_of(attributes)});
  };
  EXPECT_EQ(check({1, 4, 9, 4}, {2, 3}), Status::kOk);
  EXPECT_EQ(check({1, 2, 3, 4}, {1, 1}), Status::kOk);
  EXPECT_EQ(check({1, 4, 6, 4}, {2, 3}), Status::kShapeMismatch);
  EXPECT_EQ(check({1, 4, 9, 5}, {2, 3}), Status::kShapeMismatch);
  EXPECT_EQ(check({2, 4, 9, 4}, {2, 3}), Status::kShapeMismatch);
  EXPECT_EQ(check({4, 9, 4}, {2, 3}, {2, 3, 4}), Status::kShapeMismatch);
  EXPECT_EQ(check({1, 2, 3, 4}, {0, 1}), Status::kBadAttribute);
  EXPECT_EQ(check({1, 2, 3, 4}, {1, kMaxStride + 1}), Status::kBadAttribute);
  EXPECT_EQ(check({1, 2, 3, 4}, {0x80000001u, 1}), Status::kBadAttribute) << "the product wraps";
}

TEST(CopyCheck, RefusesOtherShapesAndAttributes) {
  const auto check = [](std::vector<std::uint32_t> y, std::vector<std::uint32_t> attributes) {
    return check_case({OpCode::kCopy, {Tensor({2, 3})}, Tensor(y), attributes});
  };
  EXPECT_EQ(check({2, 3}, {}), Status::kOk);
  EXPECT_EQ(check({2, 3}, {1}), Status::kBadAttribute);
  EXPECT_EQ(check({3, 2}, {}), Status::kShapeMismatch);
  EXPECT_EQ(check({6}, {}), Status::kShapeMismatch);
}

TEST(TransposeCheck, RefusesWhatIsNoPermutation) {
  const auto check = [](std::vector<std::uint32_t> perm, std::vector<std::uint32_t> y) {
    TransposeAttributes attributes;
    std::copy(perm.begin(), perm.end(), attributes.perm);
    return check_case({OpCode::kTranspose, {Tensor({2, 3, 4})}, Tensor(y), words_of(attributes)});
  };
  EXPECT_EQ(check({2, 0, 1}, {4, 2, 3}), Status::kOk);
  EXPECT_EQ(check({0, 0, 1}, {2, 2, 3}), Status::kBadAttribute) << "0 twice";
  EXPECT_EQ(check({3, 0, 1}, {4, 2, 3}), Status::kBadAttribute) << "3 is out of range";
  EXPECT_EQ(check({0xffffffffu, 0, 1}, {4, 2, 3}), Status::kBadAttribute);
  EXPECT_EQ(check({2, 0, 1, 1}, {4, 2, 3}), Status::kBadAttribute) << "entry beyond the rank";
  EXPECT_EQ(check({2, 0, 1}, {2, 3, 4}), Status::kShapeMismatch);
  EXPECT_EQ(check({2, 0, 1}, {4, 6}), Status::kShapeMismatch);
}

}  // namespace
}  // namespace sz::ops::testing
