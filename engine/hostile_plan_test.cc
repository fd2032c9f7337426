// Plans that an attacker might send: each is refused with its own status, or, if a change leaves
// it a valid plan, runs within its memory.
#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string>

#include "base/status_text.h"
#include "engine/testing/damages.h"
#include "engine/testing/model_runner.h"
#include "engine/testing/plan_builder.h"

namespace sz::engine::testing {

void PrintTo(const Damage& damage, std::ostream* out);
void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

namespace {

// Larger models are checked, but not run: one flipped bit can ask for a gigabyte.
constexpr std::uint64_t kLargestRun = 1 << 24;

bool refused_as_plan(Status status) {
  const auto number = static_cast<std::uint32_t>(status);
  return number >= 200 && number < 400 && status_name(number) != "unknown status";
}

// Runs all entry points of an accepted plan; false if it is too large to be tried.
bool run_all(ModelRunner& runner, ByteSpan weights) {
  MemoryNeed need;
  EXPECT_TRUE(memory_need(runner.model().plan().header(), 1, &need).ok());
  if (need.weights + need.arena + need.state + need.scratch > kLargestRun) return false;
  EXPECT_TRUE(runner.attach(weights).ok());
  for (std::uint32_t entry = 0; entry < runner.model().plan().entries().size(); ++entry) {
    const std::vector<std::byte> inputs(runner.input_bytes(entry), std::byte{0x3e});
    const Failure failure = runner.run(entry, inputs);
    EXPECT_TRUE(failure.ok() || failure.status == Status::kContextFull ||
                failure.status == Status::kIndexOutOfRange)
        << status_sentence(static_cast<std::uint32_t>(failure.status),
                                                 failure.detail);
  }
  return true;
}

class HostilePlans : public ::testing::TestWithParam<ops::Kernel> {
 protected:
  std::vector<TestPlan> plans() const {
    return {sequence_plan(GetParam()).builder.finish(), branches_plan(GetParam()).builder.finish(),
            convolutions_plan(GetParam()).finish(),     enlarging_plan(GetParam()).finish(),
            residuals_plan(GetParam()).finish(),        functions_plan(GetParam()).finish(),
            language_plan(GetParam()).finish()};
  }
};
INSTANTIATE_TEST_SUITE_P(Kernels, HostilePlans,
                         ::testing::Values(ops::Kernel::kReference, ops::Kernel::kVector));

TEST_P(HostilePlans, EveryTruncationIsRefused) {
  for (const TestPlan& plan : plans()) {
    for (std::size_t size = 0; size < plan.plan.size(); ++size) {
      std::vector<std::byte> cut(plan.plan.begin(), plan.plan.begin() + size);
      EXPECT_EQ(ModelRunner(cut).failure().status, Status::kPlanTruncated) << size;
      reseal(cut);
      EXPECT_EQ(ModelRunner(cut).failure().status, Status::kPlanTruncated) << size;
    }
  }
}

TEST_P(HostilePlans, EveryFlippedBitIsRefused) {
  for (const TestPlan& plan : plans()) {
    std::size_t by_digest = 0;
    for (std::size_t bit = 0; bit < plan.plan.size() * 8; ++bit) {
      auto flipped = plan.plan;
      flipped[bit / 8] ^= std::byte(1 << bit % 8);
      const Status status = ModelRunner(flipped).failure().status;
      EXPECT_TRUE(refused_as_plan(status)) << "bit " << bit;
      by_digest += status == Status::kPlanDigest;
      // Everything behind the header is caught by the digest and nothing later.
      if (bit >= sizeof(package::PlanHeader) * 8) {
        EXPECT_EQ(status, Status::kPlanDigest);
      }
    }
    EXPECT_GT(by_digest, plan.plan.size() * 8 - sizeof(package::PlanHeader) * 8);
  }
}

TEST_P(HostilePlans, EveryFlippedBitWithARightDigestIsRefusedOrRunsInBounds) {
  for (const TestPlan& plan : plans()) {
    std::size_t accepted = 0, ran = 0, refused = 0;
    for (std::size_t bit = 0; bit < plan.plan.size() * 8; ++bit) {
      SCOPED_TRACE("bit " + std::to_string(bit));
      auto flipped = plan.plan;
      flipped[bit / 8] ^= std::byte(1 << bit % 8);
      reseal(flipped);
      ModelRunner runner(flipped);
      if (runner.failure().ok()) {
        ++accepted;
        ran += run_all(runner, plan.weights);
      } else {
        ++refused;
        EXPECT_TRUE(refused_as_plan(runner.failure().status));
      }
      ASSERT_TRUE(runner.guards_intact());
    }
    EXPECT_GT(ran, 100u) << "of " << accepted << " accepted";
    EXPECT_GT(refused, accepted);
  }
}

TEST_P(HostilePlans, EveryWordSetToAnExtremeIsRefusedOrRunsInBounds) {
  constexpr std::uint32_t kExtremes[] = {0, 1, 2, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
  for (const TestPlan& plan : plans()) {
    for (std::size_t word = 0; word < plan.plan.size() / 4; ++word) {
      for (const std::uint32_t value : kExtremes) {
        SCOPED_TRACE("word " + std::to_string(word) + " = " + std::to_string(value));
        auto changed = plan.plan;
        std::memcpy(changed.data() + word * 4, &value, 4);
        reseal(changed);
        ModelRunner runner(changed);
        if (runner.failure().ok()) {
          run_all(runner, plan.weights);
        } else {
          EXPECT_TRUE(refused_as_plan(runner.failure().status));
        }
        ASSERT_TRUE(runner.guards_intact());
      }
    }
  }
}

// Quantised rows are structures: a place that only bytes may have is refused.
TEST(HostileLanguagePlan, QuantisedRowsAtAnOddPlaceAreRefused) {
  const TestPlan plan = language_plan().finish();
  const std::optional<PlanTables> whole = PlanTables::decode(plan.plan);
  ASSERT_TRUE(whole);
  unsigned tried = 0;
  for (const package::StepRecord& step : whole->steps) {
    if (step.op != static_cast<std::uint16_t>(ops::OpCode::kQuantizeRows)) continue;
    PlanTables changed = *whole;
    changed.header.arena_bytes += 64;
    changed.tensors[changed.operands[step.operand_begin + 1]].offset += 1;
    const std::vector<std::byte> bytes = changed.encode();
    EXPECT_EQ(ModelRunner(bytes).failure().status, Status::kTensorAlignment);
    ++tried;
  }
  EXPECT_GT(tried, 0u);
}

// --- one damage, one status ------------------------------------------------------------------

class DamagedPlan : public ::testing::TestWithParam<Damage> {};
INSTANTIATE_TEST_SUITE_P(All, DamagedPlan, ::testing::ValuesIn(all_damages()),
                         [](const auto& test) { return test.param.name; });

TEST_P(DamagedPlan, IsRefusedWithItsStatus) {
  const Failure failure = ModelRunner(GetParam().plan.plan).failure();
  EXPECT_EQ(status_name(static_cast<std::uint32_t>(failure.status)),
            status_name(static_cast<std::uint32_t>(GetParam().expected.status)));
  EXPECT_EQ(failure.detail, GetParam().expected.detail);
}

}  // namespace
}  // namespace sz::engine::testing
