#include "engine/checker.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "engine/testing/model_runner.h"
#include "engine/testing/plan_builder.h"

namespace sz::engine::testing {
namespace {

constexpr auto kCopy = ops::OpCode::kCopy;
constexpr auto kBinary = ops::OpCode::kBinary;
constexpr auto kUnary = ops::OpCode::kUnary;
const ops::BinaryAttributes kAdd;
const ops::UnaryAttributes kRelu{ops::UnaryKind::kClamp, {0.0f, __builtin_inff()}};

Failure check(const PlanBuilder& builder) { return ModelRunner(builder.finish().plan).failure(); }

void expect_failure(const PlanBuilder& builder, Status status, std::uint32_t detail) {
  const Failure failure = check(builder);
  EXPECT_EQ(failure.status, status);
  EXPECT_EQ(failure.detail, detail);
}

TEST(Checker, AcceptsThePlansOfTheTests) {
  for (const auto kernel : {ops::Kernel::kReference, ops::Kernel::kVector}) {
    EXPECT_EQ(check(sequence_plan(kernel).builder).status, Status::kOk);
    EXPECT_EQ(check(branches_plan(kernel).builder).status, Status::kOk);
  }
}

// --- what has been written -----------------------------------------------------------------

TEST(Checker, ReadsABufferWhoseSlicesWereAllWritten) {
  PlanBuilder builder;
  const auto x = builder.arena({2, 3, 4});
  const auto whole = builder.arena({2, 3, 12});
  const auto low = builder.slice(whole, 0, 4);
  const auto middle = builder.slice(whole, 4, 4);
  const auto high = builder.slice(whole, 8, 4);
  const auto y = builder.arena({2, 3, 12});
  builder.step(kCopy, {x}, {high});
  builder.step(kCopy, {x}, {low});
  builder.step(kCopy, {x}, {middle});
  builder.step(kCopy, {whole}, {y});
  builder.entry({x}, {y});
  EXPECT_TRUE(check(builder).ok());

  // Without one of them the buffer is incomplete: `middle` is written behind the reader.
  std::swap(builder.tables.steps[2], builder.tables.steps[3]);
  expect_failure(builder, Status::kReadBeforeWrite, 2);
}

TEST(Checker, ReadsTheSameBytesInAnotherShape) {
  PlanBuilder builder;
  const auto x = builder.arena({2, 3, 4});
  const auto whole = builder.arena({2, 3, 8});
  const auto low = builder.slice(whole, 0, 4);
  const auto high = builder.slice(whole, 4, 4);
  const auto flat = builder.arena_at(builder.tables.tensors[whole].offset, {1, 48});
  const auto y = builder.arena({1, 48});
  builder.step(kCopy, {x}, {low});
  builder.step(kCopy, {x}, {high});
  builder.step(kCopy, {flat}, {y});
  builder.entry({x}, {y});
  EXPECT_TRUE(check(builder).ok());
  builder.tables.tensors[flat].dims[1] = builder.tables.tensors[y].dims[1] = 49;
  builder.tables.tensors[flat].pitch = builder.tables.tensors[y].pitch = 49;
  builder.tables.header.arena_bytes += 4;
  expect_failure(builder, Status::kReadBeforeWrite, 2);
}

TEST(Checker, ReadsASliceOfAWrittenBufferAndASliceOfASlice) {
  PlanBuilder builder;
  const auto x = builder.arena({2, 3, 12});
  const auto slice = builder.slice(x, 3, 5);
  const auto narrow = builder.slice(slice, 1, 2);
  const auto wide = builder.arena({2, 3, 9});
  const auto part = builder.slice(wide, 2, 5);
  const auto inside = builder.slice(part, 1, 2);
  const auto outside = builder.slice(part, 4, 2);  // one channel too far
  const auto y = builder.arena({2, 3, 2});
  builder.step(kCopy, {narrow}, {y});
  builder.step(kCopy, {slice}, {part});
  builder.step(kCopy, {inside}, {y});
  builder.entry({x}, {y});
  EXPECT_TRUE(check(builder).ok());
  builder.tables.operands[4] = outside;
  expect_failure(builder, Status::kReadBeforeWrite, 2);
}

TEST(Checker, RefusesToReadWhatWasOverwritten) {
  PlanBuilder builder;
  const auto x = builder.arena({2, 8});
  const auto a = builder.arena({2, 8});
  const auto b = builder.arena_at(builder.tables.tensors[a].offset, {1, 1});
  const auto scalar = builder.arena({1, 1});
  const auto y = builder.arena({2, 8});
  builder.step(kCopy, {x}, {a});
  const auto read = builder.step(kCopy, {a}, {y});
  builder.step(kCopy, {scalar}, {b});  // the first element of `a`
  builder.entry({x, scalar}, {y});
  EXPECT_TRUE(check(builder).ok());
  std::swap(builder.tables.steps[read], builder.tables.steps[read + 1]);
  expect_failure(builder, Status::kReadBeforeWrite, read + 1);
}

TEST(Checker, OverwritingOneSliceLeavesTheOthers) {
  PlanBuilder builder;
  const auto x = builder.arena({4, 3});
  const auto whole = builder.arena({4, 6});
  const auto low = builder.slice(whole, 0, 3);
  const auto high = builder.slice(whole, 3, 3);
  const auto y = builder.arena({4, 6});
  builder.step(kCopy, {x}, {low});
  builder.step(kCopy, {x}, {high});
  builder.step(kCopy, {x}, {low});
  builder.step(kCopy, {whole}, {y});
  builder.entry({x}, {y});
  EXPECT_TRUE(check(builder).ok());
}

TEST(Checker, RefusesACycle) {
  PlanBuilder builder;
  const auto x = builder.arena({4});
  const auto a = builder.arena({4});
  const auto b = builder.arena({4});
  builder.step(kBinary, {x, b}, {a}, kAdd);
  builder.step(kBinary, {x, a}, {b}, kAdd);
  builder.entry({x}, {b});
  expect_failure(builder, Status::kReadBeforeWrite, 0);
}

TEST(Checker, EntryPointsDoNotSeeWhatAnotherOneWrote) {
  PlanBuilder builder;
  const auto x = builder.arena({4});
  const auto a = builder.arena({4});
  const auto y = builder.arena({4});
  builder.step(kCopy, {x}, {a});
  builder.entry({x}, {a});
  const auto second = builder.step(kCopy, {a}, {y});
  builder.entry({x}, {y});
  expect_failure(builder, Status::kReadBeforeWrite, second);
}

// --- aliases -------------------------------------------------------------------------------

TEST(Checker, WorksInPlaceOnlyOnExactlyTheSameTensor) {
  PlanBuilder builder;
  const auto x = builder.arena({2, 4});
  const auto same = builder.arena_at(0, {2, 4});
  builder.step(kUnary, {x}, {same}, kRelu);
  builder.entry({x}, {same});
  EXPECT_TRUE(check(builder).ok());

  // Another shape of the same bytes.
  builder.tables.tensors[same].dims = {1, 2, 4, 1, 1, 1};
  builder.tables.tensors[same].rank = 3;
  expect_failure(builder, Status::kIllegalAlias, 0);

  // One row further.
  builder.tables.tensors[same] = builder.tables.tensors[x];
  builder.tables.tensors[same].pitch = builder.tables.tensors[x].pitch = 5;
  builder.tables.tensors[same].offset = 20;
  builder.tables.header.arena_bytes = 64;
  expect_failure(builder, Status::kIllegalAlias, 0);
}

TEST(Checker, RefusesToWorkInPlaceWhereTheOperatorCannot) {
  PlanBuilder builder;
  const auto x = builder.arena({2, 4});
  builder.step(kCopy, {x}, {x});
  builder.entry({x}, {x});
  expect_failure(builder, Status::kIllegalAlias, 0);
}

TEST(Checker, RefusesAnOutputOnTheSecondInput) {
  PlanBuilder builder;
  const auto x = builder.arena({2, 4});
  const auto y = builder.arena({2, 4});
  builder.step(kBinary, {x, y}, {x}, kAdd);
  builder.entry({x, y}, {x});
  EXPECT_TRUE(check(builder).ok());
  builder.tables.operands[2] = y;
  expect_failure(builder, Status::kIllegalAlias, 0);
  builder.tables.operands[0] = y;  // on both
  expect_failure(builder, Status::kIllegalAlias, 0);
}

TEST(Checker, WritesFromOneSliceOfABufferToAnother) {
  PlanBuilder builder;
  const auto x = builder.arena({4, 6});
  const auto from = builder.slice(x, 0, 3);
  const auto to = builder.slice(x, 3, 3);
  builder.step(kCopy, {from}, {to});
  builder.entry({x}, {to});
  EXPECT_TRUE(check(builder).ok());
  builder.tables.tensors[to].offset -= 4;  // shares a column
  expect_failure(builder, Status::kIllegalAlias, 0);
  builder.tables.tensors[to].offset += 8;  // wraps into the first column of the next row
  builder.tables.header.arena_bytes += 4;
  expect_failure(builder, Status::kIllegalAlias, 0);
}

// --- entry points --------------------------------------------------------------------------

TEST(Checker, RefusesEntryPointsThatDoNotFit) {
  using Damage = std::function<void(PlanTables&)>;
  const Damage damages[] = {
      [](PlanTables& t) { t.entries[0].kind = 3; },
      [](PlanTables& t) { t.entries[0].step_begin = 1; },
      [](PlanTables& t) { t.entries[0].step_count += 1; },
      [](PlanTables& t) { t.entries[0].step_count = 0xffffffff; },
      [](PlanTables& t) { t.entries[0].input_count = 0xffffffff; },
      [](PlanTables& t) { t.entries[0].input_count = 32; },
      [](PlanTables& t) { t.entries[0].output_count = 0; },
      [](PlanTables& t) { t.entries[0].output_count = 2; },
      [](PlanTables& t) { t.entries[0].operand_begin += 1; },
      [](PlanTables& t) { t.entries[0].operand_begin = 0xffffffff; },
      [](PlanTables& t) { t.operands[t.entries[0].operand_begin] = package::kNoTensor; },
      [](PlanTables& t) { t.operands[t.entries[0].operand_begin + 1] = 9999; },
      [](PlanTables& t) { t.operands[t.entries[0].operand_begin + 1] = 1; },  // weights
      [](PlanTables& t) { t.operands[t.entries[0].operand_begin] = 1; },
  };
  for (const Damage& damage : damages) {
    SCOPED_TRACE(&damage - damages);
    SequencePlan plan = sequence_plan();
    ASSERT_EQ(plan.conv_weights, 1u);
    damage(plan.builder.tables);
    expect_failure(plan.builder, Status::kEntryInvalid, 0);
  }
}

TEST(Checker, RefusesAnOutputThatNothingWrote) {
  PlanBuilder builder;
  const auto x = builder.arena({4});
  const auto y = builder.arena({4});
  builder.entry({x}, {y});
  expect_failure(builder, Status::kEntryInvalid, 0);
}

TEST(Checker, RefusesInputsThatOverlap) {
  PlanBuilder builder;
  const auto x = builder.arena({2, 8});
  const auto y = builder.arena_at(0, {1, 4});
  builder.entry({x, y}, {x});
  expect_failure(builder, Status::kEntryInvalid, 0);
  builder.tables.operands[1] = x;  // twice the same
  expect_failure(builder, Status::kEntryInvalid, 0);
}

TEST(Checker, RefusesStepsThatBelongToNoEntryPointOrToTwo) {
  PlanBuilder builder;
  const auto x = builder.arena({4});
  const auto y = builder.arena({4});
  builder.step(kCopy, {x}, {y});
  builder.entry({x}, {y});
  builder.step(kCopy, {x}, {y});
  expect_failure(builder, Status::kEntryInvalid, 1);
  builder.entry({x}, {y});
  EXPECT_TRUE(check(builder).ok());
  builder.tables.entries[1].step_begin = 0;
  builder.tables.entries[1].step_count = 2;
  expect_failure(builder, Status::kEntryInvalid, 1);
}

TEST(Checker, RefusesAPlanWithoutEntryPoints) {
  PlanBuilder builder;
  builder.arena({4});
  expect_failure(builder, Status::kEntryInvalid, 0);
  expect_failure(PlanBuilder(), Status::kEntryInvalid, 0);
}

// The dearest plan there is: as many tensors and steps as are allowed, each step reading through
// two other shapes of what was written last.
TEST(Checker, TakesAPlanAtAllItsLimits) {
  PlanBuilder builder;
  std::uint32_t last = builder.arena({2, 8});
  const std::uint32_t input = last;
  for (std::uint32_t i = 0; i + 1 < package::kMaxSteps; ++i) {
    const auto reshaped = builder.arena_at(builder.tables.tensors[last].offset, {1, 16});
    const auto next = builder.arena({1, 16});
    builder.step(kBinary, {reshaped, reshaped}, {next}, kAdd);
    last = next;
  }
  const auto result = builder.arena({1, 16});
  builder.step(kCopy, {last}, {result});
  builder.entry({input}, {result});
  while (builder.tables.tensors.size() < package::kMaxTensors) builder.arena({2, 8});
  EXPECT_EQ(builder.tables.steps.size(), package::kMaxSteps);
  EXPECT_TRUE(check(builder).ok());
  builder.arena({2, 8});
  expect_failure(builder, Status::kPlanLimit, package::kMaxTensors + 1);
}

}  // namespace
}  // namespace sz::engine::testing
