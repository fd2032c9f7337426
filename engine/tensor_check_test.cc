// The checker's rules about single tensors; those about steps are in checker_test.cc.
#include <gtest/gtest.h>

#include "engine/testing/model_runner.h"
#include "engine/testing/plan_builder.h"

namespace sz::engine::testing {
namespace {

Failure check(const PlanBuilder& builder) { return ModelRunner(builder.finish().plan).failure(); }

void expect_failure(const PlanBuilder& builder, Status status, std::uint32_t detail) {
  const Failure failure = check(builder);
  EXPECT_EQ(failure.status, status);
  EXPECT_EQ(failure.detail, detail);
}

// A plan with one tensor more than it needs: what that one looks like is up to the test.
struct OneTensor {
  PlanBuilder builder;
  std::uint32_t tensor;

  explicit OneTensor(std::uint64_t arena_bytes) {
    const auto x = builder.arena({4});
    builder.entry({x}, {x});
    tensor = builder.arena({4});
    builder.tables.header.arena_bytes = arena_bytes;
  }
  package::TensorRecord& record() { return builder.tables.tensors[tensor]; }
};

TEST(TensorCheck, TakesATensorUpToTheLastByteOfItsRegionAndNotOneMore) {
  OneTensor plan(4096);
  plan.record().dims = {63, 16, 1, 1, 1, 1};  // 4032 bytes behind 64
  plan.record().rank = 2;
  plan.record().pitch = 16;
  EXPECT_TRUE(check(plan.builder).ok());
  plan.builder.tables.header.arena_bytes = 4095;
  expect_failure(plan.builder, Status::kTensorBounds, plan.tensor);
}

TEST(TensorCheck, CountsThePitchOfEveryRowButTheLast) {
  OneTensor plan(64 + 4 * (9 * 20 + 5));
  plan.record().dims = {10, 5, 1, 1, 1, 1};
  plan.record().rank = 2;
  plan.record().pitch = 20;
  EXPECT_TRUE(check(plan.builder).ok());
  plan.record().pitch = 21;
  expect_failure(plan.builder, Status::kTensorBounds, plan.tensor);
}

TEST(TensorCheck, RefusesSizesThatOverflow) {
  struct Case {
    std::array<std::uint32_t, 6> dims;
    Status status;
  };
  constexpr std::uint32_t kHuge = 0xffffffff, kHalf = 0x80000000;
  const Case cases[] = {
      {{kHalf, 1, 1, 1, 1, 1}, Status::kTensorBounds},
      {{kHuge, 1, 1, 1, 1, 1}, Status::kTensorBounds},
      {{kHalf, kHalf, 1, 1, 1, 1}, Status::kTensorShape},  // 2^62 elements, 2^64 bytes
      {{kHuge, kHuge, 1, 1, 1, 1}, Status::kTensorShape},
      {{65536, 65536, 65536, 65536, 1, 1}, Status::kTensorShape},  // 2^64 elements
      {{kHuge, kHuge, kHuge, kHuge, kHuge, kHuge}, Status::kTensorShape},
      {{kHalf, kHalf, 4, 1, 1, 1}, Status::kTensorShape},
      {{1, 1, 1, 1, 1, 0}, Status::kTensorShape},
      {{0, 1, 1, 1, 1, 1}, Status::kTensorShape},
      {{kHuge, 0, kHuge, kHuge, 1, 1}, Status::kTensorShape},
  };
  for (const Case& wrong : cases) {
    SCOPED_TRACE(&wrong - cases);
    OneTensor plan(4096);
    plan.record().dims = wrong.dims;
    plan.record().rank = 6;
    plan.record().pitch = wrong.dims[5];
    expect_failure(plan.builder, wrong.status, plan.tensor);
  }
}

TEST(TensorCheck, RefusesAnOffsetThatOverflows) {
  for (const std::uint64_t offset :
       {std::uint64_t{4096}, std::uint64_t{1} << 32, ~std::uint64_t{63}, std::uint64_t{1} << 63}) {
    OneTensor plan(4096);
    plan.record().offset = offset;
    expect_failure(plan.builder, Status::kTensorBounds, plan.tensor);
  }
}

TEST(TensorCheck, DemandsTheAlignmentOfElementsAndOfConstants) {
  OneTensor plan(4096);
  plan.record().dims = {3, 5, 1, 1, 1, 1};
  plan.record().rank = 2;
  plan.record().pitch = 5;
  plan.record().offset = 100;  // rows of something larger
  EXPECT_TRUE(check(plan.builder).ok());
  plan.record().pitch = 6;  // columns of something larger
  EXPECT_TRUE(check(plan.builder).ok());
  plan.record().offset = 102;
  expect_failure(plan.builder, Status::kTensorAlignment, plan.tensor);
  plan.record().dtype = static_cast<std::uint8_t>(DType::kI64);
  plan.record().offset = 100;
  expect_failure(plan.builder, Status::kTensorAlignment, plan.tensor);
  plan.record().offset = 104;
  EXPECT_TRUE(check(plan.builder).ok());
}

TEST(TensorCheck, RefusesPitchesBelowTheRowAndBeyondTheRegion) {
  OneTensor plan(4096);
  for (const std::uint32_t pitch : {0u, 3u, 1025u, 0xffffffffu}) {
    plan.record().pitch = pitch;  // one row of 4
    expect_failure(plan.builder, Status::kTensorPitch, plan.tensor);
  }
  plan.record().pitch = 1024;
  EXPECT_TRUE(check(plan.builder).ok());
}

TEST(TensorCheck, RefusesSlicesOfConstants) {
  PlanBuilder builder = sequence_plan().builder;
  const float values[8] = {};
  const auto tensor = builder.constant({2, 4}, values);
  EXPECT_TRUE(check(builder).ok());
  builder.tables.tensors[tensor].dims[1] = 3;
  expect_failure(builder, Status::kTensorPitch, tensor);
  builder.tables.tensors[tensor].dims[1] = 4;
  builder.tables.tensors[tensor].dims[0] = 1;
  builder.tables.tensors[tensor].offset += 16;  // constants start at a multiple of 64
  expect_failure(builder, Status::kTensorAlignment, tensor);
}

TEST(TensorCheck, RefusesDimensionsBehindTheRank) {
  OneTensor plan(4096);
  plan.record().rank = 0;
  expect_failure(plan.builder, Status::kTensorRank, plan.tensor);
  plan.record().rank = 7;
  expect_failure(plan.builder, Status::kTensorRank, plan.tensor);
  plan.record().rank = 0;
  plan.record().dims[0] = 1;
  plan.record().pitch = 1;
  EXPECT_TRUE(check(plan.builder).ok()) << "a scalar";
}

}  // namespace
}  // namespace sz::engine::testing
