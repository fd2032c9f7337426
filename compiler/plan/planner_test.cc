// Order, lifetimes and places, on random networks.
#include <gtest/gtest.h>

#include <random>

#include "compiler/compile.h"
#include "compiler/host/plan_runner.h"
#include "compiler/plan/bands.h"
#include "compiler/plan/encode.h"
#include "compiler/plan/liveness.h"
#include "compiler/plan/lower.h"
#include "compiler/plan/placement.h"
#include "compiler/plan/schedule.h"
#include "compiler/testing/pass_harness.h"
#include "compiler/testing/random_network.h"
#include "compiler/testing/runner.h"

namespace sz::compiler {
namespace {

using namespace testing;

// Tests with fresh seeds print them, so that a failure can be repeated.
std::uint32_t first_seed() {
  static const std::uint32_t seed = std::random_device{}() % 1000000;
  return seed;
}

Program program_of(std::uint32_t seed) {
  return lower(optimised(random_network(seed, 25)), ops::Kernel::kVector);
}

TEST(Placement, LiveBlocksNeverOverlap) {
  const std::uint32_t seed = first_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::vector<Block> blocks(1 + random() % 40);
    for (Block& block : blocks) {
      block.bytes = 1 + random() % 5000;
      block.life.first = static_cast<std::uint32_t>(random() % 30);
      block.life.last = block.life.first + static_cast<std::uint32_t>(random() % 8);
    }
    const Placement placement = place(blocks);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      EXPECT_EQ(placement.offsets[i] % 64, 0u);
      EXPECT_LE(placement.offsets[i] + blocks[i].bytes, placement.arena_bytes);
      for (std::size_t k = 0; k < i; ++k) {
        if (!blocks[i].life.meets(blocks[k].life)) continue;
        EXPECT_TRUE(placement.offsets[i] + blocks[i].bytes <= placement.offsets[k] ||
                    placement.offsets[k] + blocks[k].bytes <= placement.offsets[i])
            << "blocks " << i << " and " << k << " of round " << round;
      }
    }
  }
}

TEST(Placement, ReusesMemoryOfWhatIsDead) {
  const std::vector<Block> blocks = {{640, {0, 1}}, {640, {1, 2}}, {640, {2, 3}}, {64, {0, 3}}};
  EXPECT_EQ(place(blocks).arena_bytes, 1344u);
  EXPECT_EQ(place({}).arena_bytes, 0u);
}

TEST(Schedule, RunsEveryStepOnceAndAfterWhatItReads) {
  const std::uint32_t seed = first_seed();
  for (std::uint32_t i = 0; i < 100; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed + i));
    const Program program = program_of(seed + i);
    const Schedule result = schedule(program);
    std::vector<bool> done(program.steps.size(), false);
    ASSERT_EQ(result.order.size(), program.steps.size());
    for (const std::uint32_t index : result.order) {
      EXPECT_FALSE(done[index]);
      done[index] = true;
      for (const std::uint32_t input : program.steps[index].inputs) {
        for (std::uint32_t other = 0; other < program.steps.size(); ++other) {
          const std::uint32_t output = program.steps[other].output;
          if (done[other] || !overlap(program.tensors[input], program.tensors[output])) continue;
          ADD_FAILURE() << "step " << index << " reads what step " << other << " writes later";
        }
      }
    }
  }
}

TEST(Schedule, IsNoWorseThanTheOrderOfTheFile) {
  const std::uint32_t seed = first_seed();
  for (std::uint32_t i = 0; i < 100; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed + i));
    const Program program = program_of(seed + i);
    std::vector<std::uint32_t> file(program.steps.size());
    for (std::uint32_t k = 0; k < file.size(); ++k) file[k] = k;
    EXPECT_LE(analyse(program, schedule(program).order).peak, analyse(program, file).peak);
  }
}

TEST(Liveness, TheBoundIsNeverAboveThePeak) {
  const std::uint32_t seed = first_seed();
  for (std::uint32_t i = 0; i < 100; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed + i));
    const Program program = program_of(seed + i);
    const Liveness liveness = analyse(program, schedule(program).order);
    EXPECT_LE(liveness.live_bound, liveness.peak);
    EXPECT_GE(place(liveness.blocks).arena_bytes, liveness.peak);
  }
}

// A chain of element-wise steps needs its memory once.
TEST(Liveness, StepsInPlaceTakeNoFurtherMemory) {
  OnnxBuilder b;
  b.input("x", {1, 256}).output("y", {1, 256}).floats("c", {256}, random_floats(256, 1));
  b.node("Sub", {"c", "x"}, {"a"});  // input 0 is a constant: not in place
  b.node("Softmax", {"a"}, {"s"});
  b.node("Mul", {"c", "s"}, {"m"});  // in place on its second operand
  b.node("Softmax", {"m"}, {"y"});
  const CompileResult result = compile_onnx(b.bytes(), "test", {});
  EXPECT_EQ(result.report.steps, 4u);
  EXPECT_EQ(result.report.arena, 2u * 1024);
  EXPECT_EQ(result.report.live_bound, 2u * 1024);
}

// A fire module: both branches write straight into their columns of the concatenation.
TEST(Lowering, ConcatenationOfChannelsCostsNothing) {
  OnnxBuilder b;
  b.input("x", {1, 1, 4, 4}).output("y", {1, 3, 4, 4});
  b.floats("u", {2, 8, 1, 1}, random_floats(16, 1)).floats("v", {6, 1, 3, 3}, random_floats(54, 2));
  b.floats("w", {2, 1, 1, 1}, random_floats(2, 3)).floats("z", {3, 2, 1, 1}, random_floats(6, 4));
  set(b.node("Conv", {"x", "v"}, {"left"}), "pads", std::vector<std::int64_t>{1, 1, 1, 1});
  b.node("Conv", {"x", "w"}, {"right"});
  set(b.node("Concat", {"left", "right"}, {"both"}), "axis", std::int64_t{1});
  b.node("Conv", {"both", "u"}, {"mixed"});
  b.node("Conv", {"mixed", "z"}, {"y"});
  const CompileResult result = compile_onnx(b.bytes(), "test", {});
  EXPECT_EQ(result.report.steps, 5u);  // four convolutions, one Transpose of the output
  EXPECT_LT(change_by_fusing(b, 1), 1e-6);
}

TEST(Lowering, TheSameValueTwiceInAConcatenationIsCopied) {
  OnnxBuilder b;
  b.input("x", {2, 3}).output("y", {2, 6});
  b.node("Relu", {"x"}, {"r"});
  set(b.node("Concat", {"r", "r"}, {"y"}), "axis", std::int64_t{1});
  auto x = random_floats(6, 1);
  const auto y = run(b, 1).at(0);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(y[i], std::max(0.0f, x[i / 6 * 3 + i % 3]));
}

std::vector<std::vector<std::byte>> run_program(const Program& program,
                                                std::span<const std::vector<std::byte>> inputs) {
  const Schedule order = schedule(program);
  const Liveness liveness = analyse(program, order.order);
  const EncodedPlan plan = encode(program, order, liveness, place(liveness.blocks), "test");
  return PlanRunner(plan.plan, plan.weights, "test").run(inputs);
}

// Convolutions, depthwise ones, pools and additions one after the other, of random windows.
OnnxBuilder random_chain(std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto pick = [&](std::int64_t least, std::int64_t most) {
    return least +
           static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most - least + 1));
  };
  OnnxBuilder b;
  std::int64_t channels = pick(1, 9), size = pick(12, 40);
  b.input("v0", {1, channels, size, pick(16, 24)});
  const std::int64_t links = pick(2, 6);
  for (std::int64_t i = 0; i < links; ++i) {
    const std::string x = "v" + std::to_string(i), y = "v" + std::to_string(i + 1), w = "w" + y;
    const std::int64_t kind = pick(0, 3), kernel = pick(1, 3), stride = pick(1, 2);
    const std::int64_t pad = pick(0, (kernel - 1) / 2);
    if (kind == 3 || size < 8) {
      b.floats(w, {1, channels, 1, 1}, random_floats(static_cast<std::size_t>(channels), seed));
      b.node("Add", {x, w}, {y});
      continue;
    }
    const std::int64_t outputs = kind == 0 ? pick(1, 20) : channels;
    const std::vector<std::int64_t> dims = {outputs, kind == 1 ? 1 : channels, kernel, kernel};
    const auto count = static_cast<std::size_t>(dims[0] * dims[1] * kernel * kernel);
    if (kind != 2) b.floats(w, dims, random_floats(count, seed));
    onnx::NodeProto& node = kind == 2 ? b.node("MaxPool", {x}, {y}) : b.node("Conv", {x, w}, {y});
    if (kind == 2) set(node, "kernel_shape", std::vector<std::int64_t>{kernel, kernel});
    if (kind == 1) set(node, "group", channels);
    set(node, "pads", std::vector<std::int64_t>{pad, pad, pad, pad});
    set(node, "strides", std::vector<std::int64_t>{stride, 1});
    channels = outputs;
    size = (size + 2 * pad - kernel) / stride + 1;
  }
  b.output("v" + std::to_string(links));
  return b;
}

// However thin the bands: the same bits, and never more memory.
TEST(Bands, GiveTheSameBitsWithLessMemory) {
  const std::uint32_t seed = first_seed();
  std::size_t cut = 0;
  for (std::uint32_t i = 0; i < 300; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed + i));
    const Program program = lower(optimised(random_chain(seed + i)), ops::Kernel::kVector);
    const Banded banded = compute_in_bands(program, {0, 1});
    cut += banded.chains.size();
    const auto peak = [](const Program& p) { return analyse(p, schedule(p).order).peak; };
    EXPECT_LE(peak(banded.program), peak(program));
    if (banded.chains.empty()) continue;
    std::vector<std::vector<std::byte>> inputs;
    for (const std::uint32_t id : program.inputs) {
      const auto values = random_floats(program.tensors[id].view().elements(), i);
      const auto bytes = std::as_bytes(std::span(values));
      inputs.emplace_back(bytes.begin(), bytes.end());
    }
    EXPECT_EQ(run_program(banded.program, inputs), run_program(program, inputs));
  }
  EXPECT_GT(cut, 20u);
}

// Bands begin where tiles of two rows begin, also behind each other.
TEST(Bands, CutWinogradConvolutionsBetweenTheirTiles) {
  for (const std::int64_t size : {17, 24, 31}) {
    OnnxBuilder b;
    b.input("v0", {1, 16, size, 14}).output("v3");
    const std::int64_t channels[] = {16, 64, 64, 16};
    for (int i = 0; i < 3; ++i) {
      const std::string w = "w" + std::to_string(i);
      const std::int64_t in = channels[i], out = channels[i + 1];
      b.floats(
          w, {out, in, 3, 3},
          random_floats(static_cast<std::size_t>(in * out * 9), static_cast<std::uint32_t>(i)));
      onnx::NodeProto& conv =
          b.node("Conv", {"v" + std::to_string(i), w}, {"v" + std::to_string(i + 1)});
      set(conv, "pads", std::vector<std::int64_t>{i % 2, 1, 1, 1});
    }
    const Program program = lower(optimised(b), ops::Kernel::kVector);
    for (const ProgramStep& step : program.steps) {
      EXPECT_TRUE(step.op == ops::OpCode::kTranspose || step.op == ops::OpCode::kConvWinograd);
    }
    const Banded banded = compute_in_bands(program, {0, 1});
    EXPECT_FALSE(banded.chains.empty()) << size;
    const auto values = random_floats(static_cast<std::size_t>(16 * size * 14), 5);
    const auto bytes = std::as_bytes(std::span(values));
    const std::vector<std::vector<std::byte>> inputs = {{bytes.begin(), bytes.end()}};
    EXPECT_EQ(run_program(banded.program, inputs), run_program(program, inputs)) << size;
  }
}

// An inverted residual: the wide tensors in its middle are never there as a whole.
TEST(Bands, KeepTheMiddleOfAnInvertedResidualSmall) {
  OnnxBuilder b;
  b.input("x", {1, 1, 64, 64}).output("y", {1, 8, 32, 32});
  b.floats("e", {64, 1, 1, 1}, random_floats(64, 1))
      .floats("d", {64, 1, 3, 3}, random_floats(576, 2));
  b.floats("p", {8, 64, 1, 1}, random_floats(512, 3));
  b.node("Conv", {"x", "e"}, {"wide"});
  onnx::NodeProto& depthwise = b.node("Conv", {"wide", "d"}, {"thin"});
  set(depthwise, "group", std::int64_t{64});
  set(depthwise, "pads", std::vector<std::int64_t>{1, 1, 1, 1});
  set(depthwise, "strides", std::vector<std::int64_t>{2, 2});
  b.node("Conv", {"thin", "p"}, {"y"});
  CompileOptions whole;
  whole.bands = false;
  const Report before = compile_onnx(b.bytes(), "test", whole).report;
  const Report after = compile_onnx(b.bytes(), "test", {}).report;
  EXPECT_EQ(before.live_bound, after.live_bound);
  EXPECT_EQ(before.banded_chains, 0u);
  EXPECT_EQ(after.banded_chains, 1u);
  EXPECT_LT(after.arena * 3, before.arena);
}

// Compiled with everything fused, and again with every value an output so that nothing is: the
// results agree. The plans of both pass the engine's checker (compile_onnx sees to it).
TEST(RandomNetworks, FusingAndPlanningDoNotChangeResults) {
  const std::uint32_t seed = first_seed();
  for (std::uint32_t i = 0; i < 400; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed + i));
    EXPECT_LT(change_by_fusing(random_network(seed + i, 25), i), 1e-4);
  }
}

TEST(RandomNetworks, ReferenceAndVectorKernelsGiveTheSameBits) {
  const std::uint32_t seed = first_seed();
  for (std::uint32_t i = 0; i < 100; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed + i));
    const OnnxBuilder builder = random_network(seed + i, 25);
    const Graph graph = folded(builder);
    std::vector<std::vector<float>> inputs;
    for (const ValueId id : graph.inputs) {
      inputs.push_back(random_floats(static_cast<std::size_t>(element_count(graph.shape(id))), i));
    }
    CompileOptions reference;
    reference.reference_kernels = true;
    EXPECT_EQ(run_package(compile_onnx(builder.bytes(), "test", {}).package, inputs),
              run_package(compile_onnx(builder.bytes(), "test", reference).package, inputs));
  }
}

}  // namespace
}  // namespace sz::compiler
