// The baseline against SmartZone on plans that between them have every operator.

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "bench/original/measure.h"
#include "bench/original/session.h"
#include "bench/original/unpack.h"
#include "engine/testing/plan_builder.h"
#include "package/package_file.h"

namespace sz::original {
namespace {

using engine::testing::PlanBuilder;

std::vector<float> random_floats(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(random);
  return values;
}

// A package with one input and one output of these shapes.
Package package_of(const PlanBuilder& builder, const std::string& input,
                   const std::string& output) {
  const auto plan = builder.finish();
  const std::string info =
      R"({"format":1,"name":"test","inputs":[{"name":"x","dtype":"f32","shape":)" + input +
      R"(}],"outputs":[{"name":"y","dtype":"f32","shape":)" + output + "}]}";
  return Package::from_bytes(package::write_package(plan.plan, plan.weights, info), "test");
}

double difference_on(const Package& package) {
  const std::vector<Tensor> inputs = random_inputs(package.inputs(), 7);
  sz::Session smartzone = sz::Session::open(Backend::kHost);
  smartzone.load(package);
  Session original(Backend::kHost, package);
  double worst = 0;
  for (int i = 0; i < 2; ++i) {  // twice: nothing may be left over from the first time
    const auto wanted = smartzone.run(inputs);
    const auto got = original.run(inputs);
    for (std::size_t o = 0; o < wanted.size(); ++o) {
      worst = std::max(worst, relative_difference(got[o], wanted[o].f32()));
    }
  }
  EXPECT_GT(original.memory(), 0u);
  return worst;
}

TEST(OriginalAgreement, Classifier) {
  auto plan = engine::testing::sequence_plan(ops::Kernel::kVector);
  EXPECT_LE(difference_on(package_of(plan.builder, "[1,6,6,3]", "[1,5]")), 1e-4);
}

TEST(OriginalAgreement, SlicesBroadcastingTransposeAverageCopy) {
  auto plan = engine::testing::branches_plan(ops::Kernel::kVector);
  EXPECT_LE(difference_on(package_of(plan.builder, "[1,4,4,4]", "[1,1,1,4]")), 1e-4);
}

TEST(OriginalAgreement, DepthwiseWideStridedDilatedConvolutions) {
  auto builder = engine::testing::convolutions_plan(ops::Kernel::kVector);
  EXPECT_LE(difference_on(package_of(builder, "[1,7,7,20]", "[1,2,2,20]")), 1e-4);
}

// An image that is flattened before a fully connected layer, and a constant that is copied into a
// slice (a padding of channels).
TEST(OriginalAgreement, FlattenedImageAndConstantChannels) {
  PlanBuilder builder;
  builder.kernel = ops::Kernel::kVector;
  builder.tables.header.scratch_bytes = 1 << 16;
  const auto x = builder.arena({1, 5, 4, 3});
  const auto wide = builder.arena({1, 5, 4, 8});
  const auto zeroes = builder.constant({1, 5, 4, 2}, random_floats(40, 1));
  const auto weights = builder.conv_weights({3, 6, 1, 3, 3}, 2);
  ops::Conv2dAttributes conv;
  conv.window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  builder.step(ops::OpCode::kConv2d, {x, weights}, {builder.slice(wide, 0, 6)}, conv);
  builder.step(ops::OpCode::kCopy, {zeroes}, {builder.slice(wide, 6, 2)});
  const auto doubled = builder.arena({1, 5, 4, 8});
  builder.step(ops::OpCode::kBinary, {wide, wide}, {doubled}, ops::BinaryAttributes{});
  const auto flat = builder.arena_at(builder.tables.tensors[doubled].offset, {1, 160});
  const auto scores = builder.arena({1, 7});
  builder.step(ops::OpCode::kFullyConnected, {flat, builder.fully_connected_weights(7, 160, 3)},
               {scores}, ops::FullyConnectedAttributes{});
  const auto y = builder.arena({1, 7});
  builder.step(ops::OpCode::kSoftmax, {scores}, {y});
  builder.entry({x}, {y});
  EXPECT_LE(difference_on(package_of(builder, "[1,5,4,3]", "[1,7]")), 1e-4);
}

TEST(OriginalUnpack, GivesBackWhatWasPacked) {
  const ops::ConvWeightShape shapes[] = {{3, 21, 1, 3, 2}, {8, 6, 2, 3, 3}, {20, 20, 20, 3, 3}};
  for (const ops::ConvWeightShape& shape : shapes) {
    const std::size_t count = std::size_t{shape.outputs} * (shape.inputs / shape.groups) *
                              shape.kernel_h * shape.kernel_w;
    std::vector<float> plain = random_floats(count, 4);
    const std::vector<float> bias = random_floats(shape.outputs, 5);
    std::vector<float> packed(*ops::packed_conv2d_elements(shape));
    ASSERT_TRUE(ops::pack_conv2d(plain, bias, shape, packed));
    plain.insert(plain.end(), bias.begin(), bias.end());
    EXPECT_EQ(unpack_conv2d(packed, shape), plain);
    packed.pop_back();
    EXPECT_THROW(unpack_conv2d(packed, shape), std::invalid_argument);
  }
  std::vector<float> plain = random_floats(19 * 5, 6);
  const std::vector<float> bias = random_floats(19, 7);
  std::vector<float> packed(*ops::packed_elements(19, 5));
  ASSERT_TRUE(ops::pack_fully_connected(plain, bias, 19, 5, packed));
  plain.insert(plain.end(), bias.begin(), bias.end());
  EXPECT_EQ(unpack_connected(packed, 19, 5), plain);
}

TEST(OriginalMeasure, DifferenceIsRelativeToTheLargest) {
  const std::vector<float> reference = {1, -4};
  EXPECT_EQ(relative_difference(reference, reference), 0);
  EXPECT_EQ(relative_difference(std::vector<float>{1.5f, -4}, reference), 0.125);
  EXPECT_EQ(relative_difference(std::vector<float>{1}, reference), INFINITY);
  EXPECT_EQ(relative_difference(std::vector<float>{NAN, -4}, reference), INFINITY);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
}

}  // namespace
}  // namespace sz::original
