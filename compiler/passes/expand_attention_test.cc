// Attention spelled out: against the definition in double.
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/compile.h"
#include "compiler/passes/passes.h"
#include "compiler/testing/pass_harness.h"

namespace sz::compiler {
namespace {

using namespace testing;

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

// Softmax(q k^T / sqrt(D), up to the query's own position if causal) v, of one head.
std::vector<double> attention(const std::vector<double>& q, const std::vector<double>& k,
                              const std::vector<double>& v, std::int64_t size, bool causal) {
  const auto queries = static_cast<std::int64_t>(q.size()) / size;
  const auto keys = static_cast<std::int64_t>(k.size()) / size;
  std::vector<double> y(q.size(), 0.0);
  for (std::int64_t i = 0; i < queries; ++i) {
    double total = 0;
    for (std::int64_t j = 0; j < (causal ? i + 1 : keys); ++j) {
      double score = 0;
      for (std::int64_t d = 0; d < size; ++d) score += q[at(i * size + d)] * k[at(j * size + d)];
      const double weight = std::exp(score / std::sqrt(static_cast<double>(size)));
      total += weight;
      for (std::int64_t d = 0; d < size; ++d) y[at(i * size + d)] += weight * v[at(j * size + d)];
    }
    for (std::int64_t d = 0; d < size; ++d) y[at(i * size + d)] /= total;
  }
  return y;
}

// Head `head` of x [1, S, heads * size].
std::vector<double> head_of(const std::vector<float>& x, std::int64_t heads, std::int64_t head,
                            std::int64_t size) {
  std::vector<double> rows;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto column = static_cast<std::int64_t>(i) % (heads * size);
    if (column / size == head) rows.push_back(double{x[i]});
  }
  return rows;
}

TEST(Attention, OfGroupedHeadsIsTheDefinition) {
  for (const bool causal : {false, true}) {
    OnnxBuilder b(23);
    b.input("q", {1, 5, 4 * 6}).input("k", {1, 5, 2 * 6}).input("v", {1, 5, 2 * 6}).output("y");
    auto& node = b.node("Attention", {"q", "k", "v"}, {"y"});
    set(node, "q_num_heads", std::int64_t{4});
    set(node, "kv_num_heads", std::int64_t{2});
    set(node, "is_causal", std::int64_t{causal});
    const auto y = run(b, 3).at(0);
    const auto q = random_floats(120, 3), k = random_floats(60, 4), v = random_floats(60, 5);
    for (std::int64_t head = 0; head < 4; ++head) {
      const auto expected = attention(head_of(q, 4, head, 6), head_of(k, 2, head / 2, 6),
                                      head_of(v, 2, head / 2, 6), 6, causal);
      const auto got = head_of(y, 4, head, 6);
      for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(got[i], expected[i], 1e-6);
    }
  }
}

TEST(Attention, CopiesNoOperandThatIsTransposed) {
  OnnxBuilder b(23);
  b.input("q", {1, 5, 4 * 6}).input("k", {1, 5, 4 * 6}).input("v", {1, 5, 4 * 6}).output("y");
  auto& node = b.node("Attention", {"q", "k", "v"}, {"y"});
  set(node, "q_num_heads", std::int64_t{4});
  set(node, "kv_num_heads", std::int64_t{4});
  EXPECT_EQ(compile_onnx(b.bytes(), "test", {}).report.steps, 3u);  // MatMul, Softmax, MatMul
}

TEST(Attention, RefusesWhatItDoesNotKnowByName) {
  const auto refusal = [](auto change) {
    OnnxBuilder b(23);
    b.input("q", {1, 5, 12}).input("k", {1, 5, 12}).input("v", {1, 5, 12}).output("y");
    auto& node = b.node("Attention", {"q", "k", "v"}, {"y"});
    change(node);
    try {
      optimised(b);
    } catch (const CompileError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(refusal([](auto&) {}).find("q_num_heads"), std::string::npos);
  EXPECT_NE(refusal([](auto& node) {
              set(node, "softmax_precision", std::int64_t{10});
            }).find("softmax_precision"),
            std::string::npos);
  EXPECT_NE(refusal([](auto& node) {
              set(node, "qk_matmul_output_mode", std::int64_t{4});
            }).find("qk_matmul_output_mode"),
            std::string::npos);
}

TEST(RotaryEmbedding, TurnsPairsByTheAngleOfThePosition) {
  for (const bool interleaved : {false, true}) {
    OnnxBuilder b(23);
    b.input("x", {1, 2, 3, 8}).output("y");
    std::vector<float> cos, sin;
    for (int i = 0; i < 9; ++i) {
      cos.push_back(std::cos(0.3f * static_cast<float>(i)));
      sin.push_back(std::sin(0.3f * static_cast<float>(i)));
    }
    b.floats("cos", {1, 3, 3}, cos).floats("sin", {1, 3, 3}, sin);
    auto& node = b.node("RotaryEmbedding", {"x", "cos", "sin"}, {"y"});
    set(node, "interleaved", std::int64_t{interleaved});
    set(node, "rotary_embedding_dim", std::int64_t{6});
    const auto y = run(b, 3).at(0);
    const auto x = random_floats(48, 3);
    for (std::size_t i = 0; i < 48; ++i) {
      const std::size_t d = i % 8, row = i - d, step = i / 8 % 3;
      if (d >= 6) {
        ASSERT_EQ(y[i], x[i]);
        continue;
      }
      const std::size_t pair = interleaved ? d / 2 : d % 3;
      const bool second = interleaved ? d % 2 == 1 : d >= 3;
      const double c = double{cos[step * 3 + pair]}, s = double{sin[step * 3 + pair]};
      const double a = double{x[row + (interleaved ? 2 * pair : pair)]};
      const double e = double{x[row + (interleaved ? 2 * pair + 1 : pair + 3)]};
      ASSERT_NEAR(double{y[i]}, second ? s * a + c * e : c * a - s * e, 1e-6) << i;
    }
  }
}

}  // namespace
}  // namespace sz::compiler
