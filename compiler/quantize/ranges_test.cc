// Ranges, weights and means: the numbers that quantisation chooses.
#include "compiler/quantize/ranges.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "compiler/quantize/integer_weights.h"
#include "compiler/testing/onnx_builder.h"

namespace sz::compiler {
namespace {

Distribution seen(const std::vector<float>& values) {
  Distribution d;
  EXPECT_TRUE(d.widen(values));
  d.count(values);
  return d;
}

TEST(Ranges, ContainZero) {
  const auto range = seen({3, 4, 5}).range(RangeRule::kMinMax);
  EXPECT_EQ(range.low, 0);
  EXPECT_EQ(range.high, 5);
  const Quantization q = quantization_of(range);
  EXPECT_EQ(q.zero, -128);
  EXPECT_NEAR(q.scale, 5.0 / 255, 1e-8);
}

TEST(Ranges, OfZeroesAloneHaveAScale) {
  for (const auto rule : {RangeRule::kMinMax, RangeRule::kPercentile, RangeRule::kError}) {
    const Quantization q = quantization_of(seen({0, 0, 0}).range(rule));
    EXPECT_GT(q.scale, 0);
    EXPECT_EQ(q.zero, 0);
  }
}

TEST(Ranges, RefuseWhatIsNotFinite) {
  Distribution d;
  EXPECT_FALSE(d.widen(std::vector<float>{1, std::numeric_limits<float>::quiet_NaN()}));
  EXPECT_FALSE(d.widen(std::vector<float>{1, -std::numeric_limits<float>::infinity()}));
  EXPECT_EQ(d.most(), 0);  // nothing of the sample counts
  EXPECT_TRUE(d.widen(std::vector<float>{1}));
  EXPECT_EQ(d.most(), 1);
}

TEST(Ranges, StayFiniteForTheLargestNumbers) {
  const float most = std::numeric_limits<float>::max();
  const Quantization q = quantization_of(seen({-most, most}).range(RangeRule::kError));
  EXPECT_TRUE(std::isfinite(q.scale));
  EXPECT_GT(q.scale, 0);
}

// A million values in [-1, 1] and one at 50: rounding everything to it costs more than clipping it.
std::vector<float> with_outlier() {
  std::vector<float> values = testing::random_floats(1000000, 7);
  values.push_back(50);
  return values;
}

TEST(Ranges, OfLeastErrorClipAnOutlier) {
  const Distribution d = seen(with_outlier());
  EXPECT_EQ(d.range(RangeRule::kMinMax).high, 50);
  EXPECT_LT(d.range(RangeRule::kError).high, 25);
  EXPECT_GE(d.range(RangeRule::kError).high, 0.9);
}

TEST(Ranges, OfPercentilesLeaveOneInTenThousandOut) {
  const auto range = seen(with_outlier()).range(RangeRule::kPercentile);
  EXPECT_LT(range.high, 1.1);
  EXPECT_GT(range.high, 0.9);
  EXPECT_LT(range.low, -0.9);
}

TEST(ChannelMeans, AreThoseOfDimensionOneOfImages) {
  ChannelMeans means({2, 2, 1, 2});
  means.add(std::vector<float>{1, 3, 10, 20, 5, 7, 30, 40});
  EXPECT_EQ(means.means(), (std::vector<double>{4, 25}));
  ChannelMeans rows({2, 3});
  rows.add(std::vector<float>{1, 2, 3, 3, 4, 5});
  EXPECT_EQ(rows.means(), (std::vector<double>{2, 3, 4}));
}

// A layer of 2 outputs and 3 inputs.
struct Layer {
  Graph graph;
  Node node{Op::kFullyConnected, "layer", {}, kNoValue, {}, {}};

  Layer(const std::vector<float>& weights, const std::vector<float>& bias) {
    const ValueId x = graph.add_value({"x", DType::kF32, Shape{1, 3}, nullptr});
    node.inputs = {x, graph.add_constant("w", make_f32({2, 3}, weights)),
                   graph.add_constant("b", make_f32({2}, bias))};
  }
};

TEST(IntegerWeights, HaveAScaleForEachOutput) {
  const Layer layer({1.27f, -0.01f, 0.5f, 127, -127, 1}, {0.25f, -3});
  const IntegerWeights w = integer_weights(layer.graph, layer.node, 0.1, {});
  EXPECT_NEAR(w.scales->f32()[0], 0.01f, 1e-8);
  EXPECT_EQ(w.scales->f32()[1], 1);
  const auto q = [&](std::size_t i) { return static_cast<std::int8_t>(w.weights->bytes[i]); };
  EXPECT_EQ(q(0), 127);
  EXPECT_EQ(q(1), -1);
  EXPECT_EQ(q(2), 50);
  EXPECT_EQ(q(4), -127);
  EXPECT_EQ(w.bias->f32()[0], 0.25f);
}

TEST(IntegerWeights, ShiftTheBiasByTheMeanError) {
  const Layer layer({127, 0.4f, 0.4f, 1, 1, 1}, {0, 0});
  const std::vector<double> means = {5, 10, 20};
  const IntegerWeights w = integer_weights(layer.graph, layer.node, 0.1, means);
  EXPECT_NEAR(w.bias->f32()[0], 0.4 * 10 + 0.4 * 20, 1e-5);  // both are rounded to 0
  EXPECT_NEAR(w.bias->f32()[1], 0, 1e-5);
}

TEST(IntegerWeights, LeaveRoomForALargeBias) {
  const Layer layer({1e-6f, 0, 0, 0, 0, 0}, {1000, 1});
  const IntegerWeights w = integer_weights(layer.graph, layer.node, 1e-3, {});
  for (std::size_t m = 0; m < 2; ++m) {
    const double units =
        static_cast<double>(w.bias->f32()[m]) / (1e-3 * static_cast<double>(w.scales->f32()[m]));
    EXPECT_LE(std::abs(units), 2147483647.0);
  }
}

TEST(IntegerWeights, RefuseWhatIsNotFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Layer weights({nan, 0, 0, 0, 0, 0}, {0, 0});
  EXPECT_THROW(integer_weights(weights.graph, weights.node, 1, {}), CompileError);
  const Layer bias({1, 0, 0, 0, 0, 0}, {0, std::numeric_limits<float>::infinity()});
  EXPECT_THROW(integer_weights(bias.graph, bias.node, 1, {}), CompileError);
}

}  // namespace
}  // namespace sz::compiler
