#include "ops/normalize/normalize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/testing/random_matrix.h"

namespace sz::ops::testing {
namespace {

struct Statistics {
  double mean = 0, factor = 0, size = 0;  // size: mean of |x|
};

Statistics statistics(const Tensor& x, std::size_t begin, const NormalizeAttributes& attributes) {
  const std::size_t n = x.view().inner();
  Statistics s;
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    sum += double{x.at(begin + i)};
    s.size += std::abs(double{x.at(begin + i)}) / static_cast<double>(n);
  }
  if (attributes.kind == NormalizeKind::kDeviation) s.mean = sum / static_cast<double>(n);
  double squares = 0;
  double absolutes = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double rest = double{x.at(begin + i)} - s.mean;
    squares += rest * rest;
    absolutes += std::abs(rest);
  }
  switch (attributes.kind) {
    case NormalizeKind::kNorm1:
      s.factor = absolutes == 0 ? 0 : 1 / absolutes;
      break;
    case NormalizeKind::kNorm2:
      s.factor = squares == 0 ? 0 : 1 / std::sqrt(squares);
      break;
    default:
      s.factor = 1 / std::sqrt(squares / static_cast<double>(n) + double{attributes.epsilon});
  }
  return s;
}

TEST(Normalize, AgreesWithTheDefinitionInDouble) {
  const std::uint64_t seed = test_seed();
  SingleWorker worker;
  int compared = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 32452843 + i);
    const Case test = random_normalize(random);
    NormalizeAttributes attributes;
    ASSERT_TRUE(read_attributes(test.attributes, &attributes));
    const Tensor& x = test.inputs[0];
    const std::size_t n = x.view().inner();
    const auto bits = run_case(test, Kernel::kReference, worker);
    const std::size_t rows = x.elements() / n;
    const std::size_t outputs = bits.size() / rows;
    Statistics s;
    for (std::size_t out = 0; out < bits.size(); ++out) {
      const std::size_t row = out / outputs;
      const std::size_t column = out % outputs;
      if (column == 0) s = statistics(x, row * n, attributes);
      // Rows of equal numbers without epsilon, and extreme ones, are the bit tests' business.
      if (!std::isfinite(s.factor) || !(s.size < 1e15) || s.factor > 1e5) continue;
      double expected = (double{x.at(row * n + column)} - s.mean) * s.factor;
      double scale = 1, bias = 0;
      if (attributes.result == NormalizeResult::kMean) expected = s.mean;
      if (attributes.result == NormalizeResult::kInverseDeviation) expected = s.factor;
      if (test.inputs.size() > 1) scale = double{test.inputs[1].at(column)};
      if (test.inputs.size() > 2) bias = double{test.inputs[2].at(column)};
      expected = expected * scale + bias;
      if (!std::isfinite(expected) || std::abs(scale) > 1e15) continue;
      // In units of 2^-24: a sum takes n / 16 + 5 additions; a wrong mean shifts every element, and
      // the root halves the error of its sum.
      const double units = static_cast<double>(n) / 16 + 8;
      const double shift = s.size * s.factor * std::abs(scale);
      const double size = std::abs(expected) + std::abs(bias) + std::abs(expected - bias) + shift;
      const double relative = s.size * s.factor;  // what an error of the mean does to the variance
      const double bound =
          std::ldexp(units * size * (2 + relative), -24) + 1e-37 * std::abs(scale) + 1e-40;
      ASSERT_NEAR(double{std::bit_cast<float>(bits[out])}, expected, bound) << "element " << out;
      ++compared;
    }
  }
  EXPECT_GT(compared, 10000);
}

using Shape = std::vector<std::uint32_t>;

TEST(Normalize, ByTheNormOfARowOfZeroesIsZero) {
  for (const auto kind : {NormalizeKind::kNorm1, NormalizeKind::kNorm2}) {
    const auto bits = expect_same_bits({OpCode::kNormalize,
                                        {Tensor({2, 19})},
                                        Tensor({2, 19}),
                                        words_of(NormalizeAttributes{kind, {}, 0.0f})});
    for (const std::uint32_t value : bits) EXPECT_EQ(value, 0u);
  }
}

TEST(Normalize, WithoutEpsilonMakesNanOfARowOfEqualNumbers) {
  Tensor x({1, 20});
  for (std::size_t i = 0; i < 20; ++i) x.at(i) = 0.5f;
  const auto bits =
      expect_same_bits({OpCode::kNormalize, {x}, Tensor({1, 20}), words_of(NormalizeAttributes{})});
  for (const std::uint32_t value : bits) EXPECT_EQ(value, 0x7fc00000u);
}

Status check(NormalizeAttributes attributes, std::vector<Shape> inputs, Shape y) {
  std::vector<Tensor> tensors;
  for (const Shape& shape : inputs) tensors.emplace_back(shape);
  return check_case({OpCode::kNormalize, tensors, Tensor(y), words_of(attributes)});
}

TEST(NormalizeCheck, RefusesOtherShapes) {
  EXPECT_EQ(check({}, {{2, 3}}, {2, 3}), Status::kOk);
  EXPECT_EQ(check({}, {{2, 3}, {3}, {3}}, {2, 3}), Status::kOk);
  EXPECT_EQ(check({}, {{2, 3}}, {2, 1}), Status::kShapeMismatch);
  EXPECT_EQ(check({}, {{2, 3}}, {6}), Status::kShapeMismatch);
  EXPECT_EQ(check({}, {{}}, {}), Status::kShapeMismatch) << "a scalar has no row";
  EXPECT_EQ(check({}, {{2, 3}, {2}}, {2, 3}), Status::kShapeMismatch);
  EXPECT_EQ(check({}, {{2, 3}, {3}, {4}}, {2, 3}), Status::kShapeMismatch);
  EXPECT_EQ(check({}, {{2, 3}, {1, 3}}, {2, 3}), Status::kShapeMismatch);
  const NormalizeAttributes mean{NormalizeKind::kDeviation, NormalizeResult::kMean, 0.0f};
  EXPECT_EQ(check(mean, {{2, 3}}, {2, 1}), Status::kOk);
  EXPECT_EQ(check(mean, {{2, 3}}, {2, 3}), Status::kShapeMismatch);
  EXPECT_EQ(check(mean, {{2, 3}, {3}}, {2, 1}), Status::kShapeMismatch);
  EXPECT_EQ(check({NormalizeKind::kNorm2, {}, 0.0f}, {{2, 3}, {3}}, {2, 3}),
            Status::kShapeMismatch);
}

TEST(NormalizeCheck, RefusesBadAttributes) {
  const auto attributes = [](std::uint32_t kind, std::uint32_t result, float epsilon) {
    return check({static_cast<NormalizeKind>(kind), static_cast<NormalizeResult>(result), epsilon},
                 {{2, 3}}, {2, 3});
  };
  EXPECT_EQ(attributes(3, 0, 0.0f), Status::kOk);
  EXPECT_EQ(attributes(4, 0, 0.0f), Status::kBadAttribute);
  EXPECT_EQ(attributes(0, 3, 0.0f), Status::kBadAttribute);
  EXPECT_EQ(attributes(1, 1, 0.0f), Status::kBadAttribute) << "no statistics of other kinds";
  EXPECT_EQ(attributes(0, 0, -1.0f), Status::kBadAttribute);
  EXPECT_EQ(attributes(0, 0, INFINITY), Status::kBadAttribute);
  EXPECT_EQ(attributes(0, 0, std::nanf("")), Status::kBadAttribute);
}

}  // namespace
}  // namespace sz::ops::testing
