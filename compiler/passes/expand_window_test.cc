// Windows of one and three axes and transposed convolutions: against the definition in double.
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/compile.h"
#include "compiler/passes/passes.h"
#include "compiler/testing/pass_harness.h"

namespace sz::compiler {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

struct Transposed {
  Ints x, w, strides, pads, dilations, output_padding;
  std::int64_t groups = 1;
};

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

// Two axes; adds every product where it belongs.
std::vector<double> scatter(const Transposed& t, const std::vector<float>& x,
                            const std::vector<float>& w, std::int64_t height, std::int64_t width) {
  const std::int64_t outputs = t.w[1] * t.groups, inputs = t.x[1] / t.groups;
  std::vector<double> y(at(t.x[0] * outputs * height * width));
  for (std::int64_t n = 0; n < t.x[0]; ++n) {
    for (std::int64_t c = 0; c < t.x[1]; ++c) {
      for (std::int64_t m = 0; m < t.w[1]; ++m) {
        for (std::int64_t i = 0; i < t.x[2] * t.x[3] * t.w[2] * t.w[3]; ++i) {
          const std::int64_t kx = i % t.w[3], ky = i / t.w[3] % t.w[2];
          const std::int64_t ix = i / t.w[3] / t.w[2] % t.x[3];
          const std::int64_t iy = i / t.w[3] / t.w[2] / t.x[3];
          const std::int64_t oy = iy * t.strides[0] + ky * t.dilations[0] - t.pads[0];
          const std::int64_t ox = ix * t.strides[1] + kx * t.dilations[1] - t.pads[1];
          if (oy < 0 || ox < 0 || oy >= height || ox >= width) continue;
          const std::int64_t channel = c / inputs * t.w[1] + m;
          y[at(((n * outputs + channel) * height + oy) * width + ox)] +=
              double{x[at(((n * t.x[1] + c) * t.x[2] + iy) * t.x[3] + ix)]} *
              double{w[at(((c * t.w[1] + m) * t.w[2] + ky) * t.w[3] + kx)]};
        }
      }
    }
  }
  return y;
}

void expect_transposed(const Transposed& t) {
  OnnxBuilder b;
  b.input("x", t.x).output("y");
  const auto weights = random_floats(at(t.w[0] * t.w[1] * t.w[2] * t.w[3]), 77);
  b.floats("w", t.w, weights);
  auto& node = b.node("ConvTranspose", {"x", "w"}, {"y"});
  set(node, "strides", t.strides);
  set(node, "pads", t.pads);
  set(node, "dilations", t.dilations);
  set(node, "output_padding", t.output_padding);
  set(node, "group", t.groups);
  const auto size = [&](std::size_t axis) {
    return t.strides[axis] * (t.x[axis + 2] - 1) + t.output_padding[axis] +
           (t.w[axis + 2] - 1) * t.dilations[axis] + 1 - t.pads[axis] - t.pads[axis + 2];
  };
  const auto y = run(b, 31).at(0);
  const auto x = random_floats(at(t.x[0] * t.x[1] * t.x[2] * t.x[3]), 31);
  const auto expected = scatter(t, x, weights, size(0), size(1));
  ASSERT_EQ(y.size(), expected.size());
  for (std::size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(double{y[i]}, expected[i], 1e-5) << i;
}

TEST(ConvTranspose, IsTheSumOfScatteredFilters) {
  expect_transposed({{2, 3, 4, 5}, {3, 2, 2, 2}, {2, 2}, {0, 0, 0, 0}, {1, 1}, {0, 0}});
  expect_transposed({{1, 3, 4, 5}, {3, 2, 3, 3}, {1, 1}, {0, 0, 0, 0}, {1, 1}, {0, 0}});
  expect_transposed({{1, 3, 4, 5}, {3, 2, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, {0, 0}});
  expect_transposed({{1, 4, 4, 5}, {4, 3, 2, 2}, {2, 2}, {0, 0, 0, 0}, {1, 1}, {0, 0}, 2});
  expect_transposed({{1, 2, 3, 3}, {2, 3, 3, 2}, {3, 2}, {0, 0, 0, 0}, {1, 1}, {0, 0}});
}

TEST(ConvTranspose, IsCutToItsPaddingAndTakesDilations) {
  expect_transposed({{1, 3, 4, 5}, {3, 2, 4, 4}, {2, 2}, {1, 1, 1, 1}, {1, 1}, {0, 0}});
  expect_transposed({{1, 3, 4, 5}, {3, 2, 3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, {1, 1}});
  expect_transposed({{1, 2, 4, 3}, {2, 2, 2, 3}, {3, 1}, {0, 2, 1, 0}, {2, 2}, {0, 0}});
  expect_transposed({{1, 2, 6, 6}, {2, 2, 1, 2}, {3, 2}, {4, 3, 2, 1}, {1, 1}, {0, 0}});
}

TEST(Conv, OfSignalsStaysInOneLayoutFromLayerToLayer) {
  OnnxBuilder b;
  b.input("x", {2, 3, 9}).output("y");
  b.floats("w0", {4, 3, 3}, random_floats(36, 1)).floats("w1", {2, 4, 2}, random_floats(16, 2));
  set(b.node("Conv", {"x", "w0"}, {"a"}), "pads", Ints{1, 1});
  b.node("Relu", {"a"}, {"r"});
  set(b.node("Conv", {"r", "w1"}, {"y"}), "strides", Ints{2});
  EXPECT_EQ(operators(optimised(b)), "Reshape Conv Conv Reshape");
  const auto y = run(b, 8).at(0);
  const auto x = random_floats(54, 8);
  const auto w0 = random_floats(36, 1), w1 = random_floats(16, 2);
  ASSERT_EQ(y.size(), 16u);
  for (std::int64_t i = 0; i < 16; ++i) {
    const std::int64_t o = i % 4, m = i / 4 % 2, n = i / 8;
    double sum = 0;
    for (std::int64_t k = 0; k < 2; ++k) {
      for (std::int64_t c = 0; c < 4; ++c) {
        double inner = 0;
        for (std::int64_t tap = 0; tap < 9; ++tap) {
          const std::int64_t place = o * 2 + k + tap % 3 - 1;
          if (place < 0 || place >= 9) continue;
          inner += double{x[at((n * 3 + tap / 3) * 9 + place)]} * double{w0[at(c * 9 + tap)]};
        }
        sum += std::max(inner, 0.0) * double{w1[at((m * 4 + c) * 2 + k)]};
      }
    }
    ASSERT_NEAR(double{y[at(i)]}, sum, 1e-5) << i;
  }
}

TEST(Pool, OfVolumesIsSeparable) {
  for (const bool average : {false, true}) {
    OnnxBuilder b;
    b.input("x", {2, 3, 5, 4, 6}).output("y");
    auto& node = b.node(average ? "AveragePool" : "MaxPool", {"x"}, {"y"});
    set(node, "kernel_shape", Ints{2, 3, 2});
    set(node, "strides", Ints{2, 1, 3});
    set(node, "pads", Ints{1, 1, 0, 1, 1, 0});
    const auto y = run(b, 8).at(0);
    const auto x = random_floats(720, 8);
    ASSERT_EQ(y.size(), 2u * 3 * 3 * 4 * 2);
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(y.size()); ++i) {
      const std::int64_t ox = i % 2, oy = i / 2 % 4, oz = i / 8 % 3, channel = i / 24;
      double sum = 0, most = -1e9;
      int count = 0;
      for (std::int64_t tap = 0; tap < 12; ++tap) {
        const std::int64_t z = oz * 2 + tap / 6 - 1, yy = oy + tap / 2 % 3 - 1,
                           xx = ox * 3 + tap % 2;
        if (z < 0 || z >= 5 || yy < 0 || yy >= 4) continue;
        const double value = double{x[at(((channel * 5 + z) * 4 + yy) * 6 + xx)]};
        sum += value;
        most = std::max(most, value);
        ++count;
      }
      ASSERT_NEAR(double{y[at(i)]}, average ? sum / count : most, 1e-6) << i;
    }
  }
}

TEST(Conv, WithComputedWeightsIsRefused) {
  for (const char* op : {"Conv", "ConvTranspose"}) {
    OnnxBuilder b;
    b.input("x", {1, 2, 9}).input("w", {2, 2, 3}).output("y");
    b.node(op, {"x", "w"}, {"y"});
    try {
      optimised(b);
      ADD_FAILURE() << op;
    } catch (const CompileError& error) {
      EXPECT_NE(std::string(error.what()).find("must be known when the model is compiled"),
                std::string::npos);
    }
  }
}

}  // namespace
}  // namespace sz::compiler
