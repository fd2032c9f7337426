#include "engine/model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "engine/testing/model_runner.h"
#include "engine/testing/plan_builder.h"
#include "package/package_file.h"

namespace sz::engine::testing {
namespace {

// Chunks on real threads, dealt out in turn, however small the work.
class ThreadWorkers final : public Workers {
 public:
  explicit ThreadWorkers(std::uint32_t count) : count_(count) {}
  std::uint32_t count() const override { return count_; }
  void run(const Work& work) override {
    std::vector<std::jthread> threads;
    for (std::uint32_t worker = 0; worker < count_; ++worker) {
      threads.emplace_back([=, this] {
        for (std::uint32_t chunk = worker; chunk < work.chunks; chunk += count_) {
          work.run(work.context, chunk, worker);
        }
      });
    }
  }

 private:
  std::uint32_t count_;
};

std::vector<std::byte> bytes_of(const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

std::vector<float> ramp(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i) / 64.0f - 0.5f;
  return values;
}

// Element of an OIHW weight from the packed blob: a single narrow panel holds all outputs.
float packed_weight(const float* blob, std::size_t width, std::size_t k, std::size_t output) {
  return blob[width * (k + 1) + output];
}

// sequence_plan, computed a second time with plain loops in double.
std::vector<double> sequence_by_hand(const std::vector<float>& image, const float* conv,
                                     const float* dense) {
  double features[6][6][8], pooled[3 * 3 * 8], scores[5];
  for (int y = 0; y < 6; ++y) {
    for (int x = 0; x < 6; ++x) {
      for (int m = 0; m < 8; ++m) {
        double sum = conv[m];
        for (int tap = 0; tap < 27; ++tap) {
          const int iy = y + tap / 9 - 1, ix = x + tap / 3 % 3 - 1;
          if (iy < 0 || iy >= 6 || ix < 0 || ix >= 6) continue;
          sum += double{packed_weight(conv, 8, tap, m)} * image[(iy * 6 + ix) * 3 + tap % 3];
        }
        features[y][x][m] = std::max(sum, 0.0);
      }
    }
  }
  for (int i = 0; i < 72; ++i) {
    const int y = i / 24 * 2, x = i / 8 % 3 * 2, m = i % 8;
    pooled[i] = std::max(std::max(features[y][x][m], features[y][x + 1][m]),
                         std::max(features[y + 1][x][m], features[y + 1][x + 1][m]));
  }
  double total = 0;
  for (int m = 0; m < 5; ++m) {
    scores[m] = dense[m];
    for (int k = 0; k < 72; ++k) scores[m] += double{packed_weight(dense, 8, k, m)} * pooled[k];
    total += std::exp(scores[m]);
  }
  std::vector<double> result;
  for (const double score : scores) result.push_back(std::exp(score) / total);
  return result;
}

class ModelKernels : public ::testing::TestWithParam<ops::Kernel> {};
INSTANTIATE_TEST_SUITE_P(All, ModelKernels,
                         ::testing::Values(ops::Kernel::kReference, ops::Kernel::kVector));

TEST_P(ModelKernels, ComputesASmallNetwork) {
  const SequencePlan sequence = sequence_plan(GetParam());
  const TestPlan plan = sequence.builder.finish();
  const std::vector<float> image = ramp(6 * 6 * 3);
  ModelRunner runner(plan.plan);
  ASSERT_TRUE(runner.failure().ok());
  ASSERT_TRUE(runner.attach(plan.weights).ok());
  ASSERT_TRUE(runner.run(0, bytes_of(image)).ok());

  const auto* weights = reinterpret_cast<const float*>(plan.weights.data());
  const auto& dense = sequence.builder.tables.tensors[sequence.dense_weights];
  const auto expected = sequence_by_hand(image, weights, weights + dense.offset / sizeof(float));
  ASSERT_EQ(runner.f32_outputs().size(), 5u);
  for (int i = 0; i < 5; ++i) EXPECT_NEAR(runner.f32_outputs()[i], expected[i], 1e-5) << i;
  EXPECT_TRUE(runner.guards_intact());
}

// A slice that is read too early, or written too wide, shows up as a difference here.
TEST_P(ModelKernels, GivesTheSameBitsWhateverWasInMemoryAndForEveryNumberOfWorkers) {
  for (const TestPlan& plan :
       {sequence_plan(GetParam()).builder.finish(), branches_plan(GetParam()).builder.finish(),
        convolutions_plan(GetParam()).finish(), enlarging_plan(GetParam()).finish(),
        residuals_plan(GetParam()).finish(), functions_plan(GetParam()).finish()}) {
    ModelRunner runner(plan.plan);
    ASSERT_TRUE(runner.failure().ok());
    const auto inputs = bytes_of(ramp(runner.input_bytes(0) / sizeof(float)));
    ASSERT_TRUE(runner.attach(plan.weights, 1, 0x00).ok());
    ASSERT_TRUE(runner.run(0, inputs).ok());
    const std::vector<std::byte> first(runner.outputs().begin(), runner.outputs().end());
    for (const float value : runner.f32_outputs()) EXPECT_TRUE(std::isfinite(value));
    for (const std::uint32_t workers : {1u, 2u, 3u, 5u}) {
      ASSERT_TRUE(runner.attach(plan.weights, workers, 0xff).ok());  // NaN in every float
      ThreadWorkers threads(workers);
      ASSERT_TRUE(runner.run(0, inputs, threads).ok());
      EXPECT_TRUE(std::ranges::equal(first, runner.outputs())) << workers << " workers";
      EXPECT_TRUE(runner.guards_intact());
    }
  }
}

TEST(Model, KernelsGiveTheSameBits) {
  std::vector<float> results[2];
  for (const auto kernel : {ops::Kernel::kReference, ops::Kernel::kVector}) {
    for (const TestPlan& plan :
         {sequence_plan(kernel).builder.finish(), branches_plan(kernel).builder.finish(),
          convolutions_plan(kernel).finish(), enlarging_plan(kernel).finish(),
          residuals_plan(kernel).finish(), functions_plan(kernel).finish()}) {
      ModelRunner runner(plan.plan);
      ASSERT_TRUE(runner.failure().ok());
      ASSERT_TRUE(runner.attach(plan.weights).ok());
      ASSERT_TRUE(runner.run(0, bytes_of(ramp(runner.input_bytes(0) / sizeof(float)))).ok());
      const auto outputs = runner.f32_outputs();
      auto& all = results[kernel == ops::Kernel::kVector];
      all.insert(all.end(), outputs.begin(), outputs.end());
    }
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST(Model, PutsInputsAndOutputsAtMultiplesOf64AndHonoursThePitch) {
  PlanBuilder builder;
  const auto wide = builder.arena({3, 5});
  const auto a = builder.slice(wide, 1, 2);  // 24 bytes when dense
  const auto b = builder.arena({1});
  const auto copy = builder.arena({3, 2});
  builder.step(ops::OpCode::kCopy, {a}, {copy});
  builder.entry({a, b}, {b, a, copy});
  const TestPlan plan = builder.finish();
  ModelRunner runner(plan.plan);
  ASSERT_TRUE(runner.failure().ok());
  ASSERT_TRUE(runner.attach(plan.weights).ok());
  IoSize size;
  ASSERT_TRUE(runner.model().io_size(0, &size).ok());
  EXPECT_EQ(size.inputs, 64u + 4);  // nothing behind the last one
  EXPECT_EQ(size.outputs, 128u + 24);

  std::vector<float> inputs(17, -1.0f);
  for (int i = 0; i < 6; ++i) inputs[i] = static_cast<float>(i);
  inputs[16] = 42.0f;
  ASSERT_TRUE(runner.run(0, bytes_of(inputs)).ok());
  const auto outputs = runner.f32_outputs();
  EXPECT_EQ(outputs[0], 42.0f);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(outputs[16 + i], static_cast<float>(i));
    EXPECT_EQ(outputs[32 + i], static_cast<float>(i));
  }
}

TEST(Model, RunsTheEntryPointAskedFor) {
  PlanBuilder builder;
  const auto x = builder.arena({4});
  const auto y = builder.arena({4});
  builder.step(ops::OpCode::kCopy, {x}, {y});
  builder.entry({x}, {y});
  builder.step(ops::OpCode::kBinary, {x, x}, {y}, ops::BinaryAttributes{});
  builder.entry({x}, {y});
  const TestPlan plan = builder.finish();
  ModelRunner runner(plan.plan);
  ASSERT_TRUE(runner.attach(plan.weights).ok());
  ASSERT_TRUE(runner.run(0, bytes_of({1, 2, 3, 4})).ok());
  EXPECT_EQ(runner.f32_outputs()[3], 4.0f);
  ASSERT_TRUE(runner.run(1, bytes_of({1, 2, 3, 4})).ok());
  EXPECT_EQ(runner.f32_outputs()[3], 8.0f);
}

TEST(Model, RefusesWrongSizesAndEntryPoints) {
  const TestPlan plan = sequence_plan().builder.finish();
  ModelRunner runner(plan.plan);
  ASSERT_TRUE(runner.attach(plan.weights).ok());
  std::vector<std::byte> inputs(432), outputs(20);
  SingleWorker worker;
  const auto run = [&](std::uint32_t entry, std::size_t in, std::size_t out) {
    return runner.model().run(entry, ByteSpan(inputs).first(in),
                              MutableByteSpan(outputs).first(out), worker);
  };
  EXPECT_EQ(run(0, 432, 20).status, Status::kOk);
  Failure failure = run(0, 431, 20);
  EXPECT_EQ(failure.status, Status::kInputSize);
  EXPECT_EQ(failure.detail, 432u);
  failure = run(0, 432, 19);
  EXPECT_EQ(failure.status, Status::kBufferTooSmall);
  EXPECT_EQ(failure.detail, 20u);
  failure = run(1, 432, 20);
  EXPECT_EQ(failure.status, Status::kBadEntryPoint);
  EXPECT_EQ(failure.detail, 1u);
}

TEST(Model, RefusesToRunWithoutPlanOrMemoryOrWithTooManyWorkers) {
  Model empty;
  SingleWorker worker;
  EXPECT_EQ(empty.run(0, {}, {}, worker).status, Status::kBadEntryPoint);
  EXPECT_EQ(empty.attach({}, 1).status, Status::kInternal);

  const TestPlan plan = sequence_plan().builder.finish();
  ModelRunner runner(plan.plan);
  const std::vector<std::byte> inputs(432);
  EXPECT_EQ(runner.run(0, inputs).status, Status::kInternal);
  EXPECT_EQ(runner.attach(plan.weights, 0).status, Status::kInternal);
  ASSERT_TRUE(runner.attach(plan.weights, 2).ok());
  ThreadWorkers two(2), three(3);
  EXPECT_EQ(runner.run(0, inputs, two).status, Status::kOk);
  EXPECT_EQ(runner.run(0, inputs, three).status, Status::kInternal);
}

TEST(Model, RefusesRegionsThatAreTooSmallOrMisaligned) {
  const TestPlan plan = sequence_plan().builder.finish();
  ModelRunner runner(plan.plan);
  MemoryNeed need;
  ASSERT_TRUE(memory_need(runner.model().plan().header(), 1, &need).ok());
  GuardedRegion weights(need.weights, 0), arena(need.arena, 0), scratch(need.scratch, 0);
  GuardedRegion larger(need.arena + 64, 0);
  const ModelMemory right{weights.bytes(), arena.bytes(), scratch.bytes()};
  EXPECT_TRUE(runner.model().attach(right, 1).ok());
  EXPECT_EQ(runner.model().attach(right, 2).status, Status::kInternal) << "scratch for one core";
  ModelMemory wrong = right;
  wrong.weights = wrong.weights.first(need.weights - 1);
  EXPECT_EQ(runner.model().attach(wrong, 1).status, Status::kInternal);
  wrong = right;
  wrong.arena = wrong.arena.first(need.arena - 1);
  EXPECT_EQ(runner.model().attach(wrong, 1).status, Status::kInternal);
  wrong = right;
  wrong.arena = larger.bytes().subspan(64);
  EXPECT_EQ(runner.model().attach(wrong, 1).status, Status::kInternal);
}

TEST(Model, NeedsTheControlMemoryThatMemoryNeedStates) {
  const TestPlan plan = sequence_plan().builder.finish();
  package::PlanHeader header;
  std::memcpy(&header, plan.plan.data(), sizeof(header));
  MemoryNeed need;
  ASSERT_TRUE(memory_need(header, 3, &need).ok());
  EXPECT_EQ(need.weights, plan.weights.size());
  EXPECT_EQ(need.arena, header.arena_bytes);
  EXPECT_EQ(need.scratch, 3 * header.scratch_bytes);
  EXPECT_GE(need.control, plan.plan.size() + header.tensor_count * (sizeof(TensorView) + 1));
  EXPECT_LE(need.control, plan.plan.size() + header.tensor_count * (sizeof(TensorView) + 1) + 8);

  GuardedRegion control(need.control, 0);
  std::memcpy(control.bytes().data(), plan.plan.data(), plan.plan.size());
  Model model;
  const auto prepare = [&](std::size_t bytes, std::size_t plan_bytes) {
    return model.prepare(control.bytes().first(bytes), plan_bytes, package::sha256_host);
  };
  Failure failure = prepare(need.control - 1, plan.plan.size());
  EXPECT_EQ(failure.status, Status::kPlanSize);
  EXPECT_EQ(failure.detail, need.control);
  EXPECT_EQ(prepare(plan.plan.size() - 1, plan.plan.size()).status, Status::kPlanSize);
  EXPECT_TRUE(prepare(need.control, plan.plan.size()).ok());
}

TEST(Model, IsEmptyAfterAPlanThatWasRefused) {
  const TestPlan plan = sequence_plan().builder.finish();
  ModelRunner runner(plan.plan);
  ASSERT_TRUE(runner.attach(plan.weights).ok());
  const std::vector<std::byte> inputs(432);
  ASSERT_TRUE(runner.run(0, inputs).ok());
  GuardedRegion control(8192, 0);
  std::memcpy(control.bytes().data(), plan.plan.data(), plan.plan.size());
  control.bytes()[200] ^= std::byte{1};
  EXPECT_EQ(runner.model().prepare(control.bytes(), plan.plan.size(), package::sha256_host).status,
            Status::kPlanDigest);
  EXPECT_EQ(runner.run(0, inputs).status, Status::kBadEntryPoint);
}

TEST(Model, MemoryNeedRefusesScratchBeyondTheWindow) {
  package::PlanHeader header = PlanTables().header;
  header.scratch_bytes = package::kMaxRegionBytes;
  MemoryNeed need;
  EXPECT_TRUE(memory_need(header, 1, &need).ok());
  EXPECT_EQ(memory_need(header, 2, &need).status, Status::kPlanLimit);
  EXPECT_EQ(memory_need(header, 0xffffffff, &need).status, Status::kPlanLimit);
  header.version = package::kPlanVersion + 1;
  EXPECT_EQ(memory_need(header, 1, &need).status, Status::kPlanVersion);
}

}  // namespace
}  // namespace sz::engine::testing
