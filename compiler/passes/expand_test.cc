// Composite operators spelled out: against the definition in double.
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/compile.h"
#include "compiler/passes/passes.h"
#include "compiler/testing/pass_harness.h"

namespace sz::compiler {
namespace {

using namespace testing;
using Ints = std::vector<std::int64_t>;

// The inputs that `run` feeds: input i is made from seed + i.
std::vector<float> fed(std::size_t count, std::uint32_t seed, std::uint32_t input) {
  return random_floats(count, seed + input);
}

TEST(MatMul, OfTwoComputedOperandsOfOtherRanksIsBroadcast) {
  OnnxBuilder b;
  b.input("a", {2, 1, 3, 4}).input("b", {5, 4, 6}).output("y", {2, 5, 3, 6});
  b.node("MatMul", {"a", "b"}, {"y"});
  const auto y = run(b, 7).at(0);
  const auto a = fed(24, 7, 0);
  const auto w = fed(120, 7, 1);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t n = i % 6, m = i / 6 % 3, second = i / 18 % 5, first = i / 90;
    double sum = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      sum += double{a[(first * 3 + m) * 4 + k]} * double{w[(second * 4 + k) * 6 + n]};
    }
    ASSERT_NEAR(double{y[i]}, sum, 1e-6) << i;
  }
}

TEST(MatMul, ReadsAndWritesTransposedOperandsWhereTheyLie) {
  OnnxBuilder b;
  b.input("q", {2, 5, 3, 4}).input("k", {2, 6, 3, 4}).output("y", {2, 5, 3, 6});
  set(b.node("Transpose", {"q"}, {"qt"}), "perm", Ints{0, 2, 1, 3});
  set(b.node("Transpose", {"k"}, {"kt"}), "perm", Ints{0, 2, 3, 1});
  b.node("MatMul", {"qt", "kt"}, {"z"});
  set(b.node("Transpose", {"z"}, {"y"}), "perm", Ints{0, 2, 1, 3});
  EXPECT_EQ(operators(optimised(b)), "MatMul");
  EXPECT_EQ(compile_onnx(b.bytes(), "test", {}).report.steps, 1u);
  const auto y = run(b, 3).at(0);
  const auto q = fed(120, 3, 0);
  const auto k = fed(144, 3, 1);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t n = i % 6, head = i / 6 % 3, m = i / 18 % 5, batch = i / 90;
    double sum = 0;
    for (std::size_t d = 0; d < 4; ++d) {
      sum += double{q[((batch * 5 + m) * 3 + head) * 4 + d]} *
             double{k[((batch * 6 + n) * 3 + head) * 4 + d]};
    }
    ASSERT_NEAR(double{y[i]}, sum, 1e-6) << i;
  }
}

TEST(MatMul, ByOneMatrixForAllBatchesTakesThemAsRows) {
  OnnxBuilder b;
  b.input("a", {7, 1, 4}).input("b", {4, 6}).output("y", {7, 1, 6});
  b.node("MatMul", {"a", "b"}, {"y"});
  EXPECT_EQ(operators(optimised(b)), "Reshape MatMul Reshape");
  const auto y = run(b, 3).at(0);
  EXPECT_EQ(y.size(), 42u);
}

TEST(Gemm, WithComputedOperandsIsAProduct) {
  OnnxBuilder b;
  b.input("a", {4, 3}).input("b", {5, 4}).input("c", {5}).output("y", {3, 5});
  auto& node = b.node("Gemm", {"a", "b", "c"}, {"y"});
  set(node, "transA", std::int64_t{1});
  set(node, "transB", std::int64_t{1});
  set(node, "alpha", 0.5f);
  set(node, "beta", -2.0f);
  const auto y = run(b, 11).at(0);
  const auto a = fed(12, 11, 0);
  const auto w = fed(20, 11, 1);
  const auto c = fed(5, 11, 2);
  for (std::size_t i = 0; i < 15; ++i) {
    double sum = -2.0 * double{c[i % 5]};
    for (std::size_t k = 0; k < 4; ++k) {
      sum += 0.5 * double{a[k * 3 + i / 5]} * double{w[i % 5 * 4 + k]};
    }
    ASSERT_NEAR(double{y[i]}, sum, 1e-6) << i;
  }
}

std::vector<float> einsum(const char* equation, const std::vector<Ints>& shapes,
                          std::uint32_t seed) {
  OnnxBuilder b;
  std::vector<std::string> names;
  for (const Ints& shape : shapes) {
    names.push_back("x" + std::to_string(names.size()));
    b.input(names.back(), shape);
  }
  b.output("y");
  set(b.node("Einsum", names, {"y"}), "equation", equation);
  return run(b, seed).at(0);
}

TEST(Einsum, TransposesAndSums) {
  const auto x = fed(24, 2, 0);
  const auto turned = einsum("ijk -> kij", {{2, 3, 4}}, 2);
  const auto sums = einsum("ijk->j", {{2, 3, 4}}, 2);
  for (std::size_t i = 0; i < 24; ++i) {
    EXPECT_EQ(turned[i % 4 * 6 + i / 4], x[i]);
  }
  for (std::size_t j = 0; j < 3; ++j) {
    double sum = 0;
    for (std::size_t i = 0; i < 8; ++i) sum += double{x[(i / 4 * 3 + j) * 4 + i % 4]};
    EXPECT_NEAR(double{sums[j]}, sum, 1e-6);
  }
}

TEST(Einsum, MultipliesMatricesInBatches) {
  const auto y = einsum("...qd,...kd->...qk", {{2, 3, 4}, {2, 5, 4}}, 9);
  const auto q = fed(24, 9, 0);
  const auto k = fed(40, 9, 1);
  ASSERT_EQ(y.size(), 30u);
  for (std::size_t i = 0; i < 30; ++i) {
    double sum = 0;
    for (std::size_t d = 0; d < 4; ++d) {
      sum += double{q[i / 5 * 4 + d]} * double{k[(i / 15 * 5 + i % 5) * 4 + d]};
    }
    ASSERT_NEAR(double{y[i]}, sum, 1e-6) << i;
  }
  EXPECT_EQ(einsum("i,j", {{2}, {3}}, 9).size(), 6u) << "an outer product";
}

TEST(Einsum, RefusesDiagonalsAndBadEquations) {
  EXPECT_THROW(einsum("ii->i", {{3, 3}}, 1), CompileError);
  EXPECT_THROW(einsum("ij->k", {{3, 3}}, 1), CompileError);
  EXPECT_THROW(einsum("ij->ii", {{3, 3}}, 1), CompileError);
  EXPECT_THROW(einsum("ij,jk->ik", {{3, 4}, {5, 6}}, 1), CompileError);
  EXPECT_THROW(einsum("ij", {{3, 4}, {5, 6}}, 1), CompileError);
  EXPECT_THROW(einsum("i.j->i", {{3, 4}}, 1), CompileError);
  EXPECT_THROW(einsum("...ijk", {{3, 4}}, 1), CompileError);
  EXPECT_THROW(einsum("ij,jk,kl->il", {{2, 2}, {2, 2}, {2, 2}}, 1), CompileError);
}

TEST(LayerNorm, HasMeanAndDeviationAsFurtherOutputs) {
  OnnxBuilder b(17);
  b.input("x", {2, 3, 4}).output("y").output("mean", {2, 1, 1}).output("inverse", {2, 1, 1});
  b.floats("scale", {3, 4}, random_floats(12, 20)).floats("bias", {3, 4}, random_floats(12, 21));
  set(b.node("LayerNormalization", {"x", "scale", "bias"}, {"y", "mean", "inverse"}), "axis",
      std::int64_t{1});
  const auto outputs = run(b, 4);
  const auto x = fed(24, 4, 0);
  const auto scale = random_floats(12, 20);
  const auto bias = random_floats(12, 21);
  for (std::size_t row = 0; row < 2; ++row) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < 12; ++i) mean += double{x[row * 12 + i]} / 12;
    for (std::size_t i = 0; i < 12; ++i)
      variance += std::pow(double{x[row * 12 + i]} - mean, 2) / 12;
    const double inverse = 1 / std::sqrt(variance + 1e-5);
    EXPECT_NEAR(double{outputs[1][row]}, mean, 1e-6);
    EXPECT_NEAR(double{outputs[2][row]}, inverse, 1e-5);
    for (std::size_t i = 0; i < 12; ++i) {
      const double y = (double{x[row * 12 + i]} - mean) * inverse;
      EXPECT_NEAR(double{outputs[0][row * 12 + i]}, y * double{scale[i]} + double{bias[i]}, 1e-5);
    }
  }
}

TEST(LayerNorm, TakesAScaleThatIsBroadcast) {
  const auto with_scale = [](const Ints& dims, const std::vector<float>& scale) {
    OnnxBuilder b(17);
    b.input("x", {2, 3, 4}).output("y").floats("scale", dims, scale);
    set(b.node("LayerNormalization", {"x", "scale"}, {"y"}), "axis", std::int64_t{1});
    return run(b, 4).at(0);
  };
  const auto one = with_scale({1}, {0.5f});
  const auto all = with_scale({3, 4}, std::vector<float>(12, 0.5f));
  for (std::size_t i = 0; i < 24; ++i) EXPECT_NEAR(one[i], all[i], 1e-6);
}

TEST(GroupNorm, ScalesChannelsOrGroups) {
  const auto with_scale = [](std::int64_t opset, const std::vector<float>& scale) {
    OnnxBuilder b(opset);
    const auto count = static_cast<std::int64_t>(scale.size());
    b.input("x", {2, 4, 3, 2}).output("y");
    b.floats("scale", {count}, scale).floats("bias", {count}, scale);
    set(b.node("GroupNormalization", {"x", "scale", "bias"}, {"y"}), "num_groups", std::int64_t{2});
    return run(b, 4).at(0);
  };
  const auto channels = with_scale(21, {1, 1, 3, 3});
  const auto groups = with_scale(18, {1, 3});
  const auto x = fed(48, 4, 0);
  for (std::size_t i = 0; i < 48; ++i) EXPECT_NEAR(channels[i], groups[i], 1e-5);
  double mean = 0, variance = 0;
  for (std::size_t i = 12; i < 24; ++i) mean += double{x[i]} / 12;
  for (std::size_t i = 12; i < 24; ++i) variance += std::pow(double{x[i]} - mean, 2) / 12;
  for (std::size_t i = 12; i < 24; ++i) {
    EXPECT_NEAR(double{groups[i]}, (double{x[i]} - mean) / std::sqrt(variance + 1e-5) * 3 + 3,
                1e-4);
  }
}

TEST(Lrn, CountsNeighbouringChannels) {
  OnnxBuilder b;
  b.input("x", {1, 5, 2, 3}).output("y");
  auto& node = b.node("LRN", {"x"}, {"y"});
  set(node, "size", std::int64_t{4});
  set(node, "alpha", 2.0f);
  set(node, "beta", 0.6f);
  const auto y = run(b, 5).at(0);
  const auto x = fed(30, 5, 0);
  for (std::size_t i = 0; i < 30; ++i) {
    const int c = static_cast<int>(i / 6);
    double sum = 0;
    for (int k = std::max(0, c - 1); k <= std::min(4, c + 2); ++k) {
      sum += std::pow(double{x[static_cast<std::size_t>(k) * 6 + i % 6]}, 2);
    }
    ASSERT_NEAR(double{y[i]}, double{x[i]} / std::pow(1 + 0.5 * sum, double{0.6f}), 1e-6) << i;
  }
}

TEST(LpNorm, DividesByTheNormAlongAnAxis) {
  for (const std::int64_t p : {1, 2}) {
    OnnxBuilder b(22);
    b.input("x", {2, 3, 4}).output("y");
    auto& node = b.node("LpNormalization", {"x"}, {"y"});
    set(node, "axis", std::int64_t{1});
    set(node, "p", p);
    const auto y = run(b, 5).at(0);
    const auto x = fed(24, 5, 0);
    for (std::size_t i = 0; i < 24; ++i) {
      double norm = 0;
      for (std::size_t k = 0; k < 3; ++k) {
        norm += std::pow(std::abs(double{x[i / 12 * 12 + k * 4 + i % 4]}), static_cast<double>(p));
      }
      norm = std::pow(norm, 1.0 / static_cast<double>(p));
      ASSERT_NEAR(double{y[i]}, double{x[i]} / norm, 1e-6) << i;
    }
  }
}

}  // namespace
}  // namespace sz::compiler
