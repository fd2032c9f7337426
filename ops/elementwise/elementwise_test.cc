#include "ops/elementwise/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/testing/random_cases.h"

namespace sz::ops::testing {
namespace {

// Index into a broadcast operand, from the index of the output, dimension by dimension.
std::size_t broadcast_index(const Tensor& operand, const Tensor& y, std::size_t index) {
  std::size_t result = 0;
  std::size_t step = 1;
  for (std::uint32_t back = 0; back < operand.view().rank; ++back) {
    const std::size_t size = operand.view().dims[operand.view().rank - 1u - back];
    const std::size_t y_size = y.view().dims[y.view().rank - 1u - back];
    result += (size == 1 ? 0 : index % y_size) * step;
    index /= y_size;
    step *= size;
  }
  return result;
}

float naive_binary(BinaryKind kind, float a, float b) {
  switch (kind) {
    case BinaryKind::kAdd:
      return a + b;
    case BinaryKind::kSub:
      return a - b;
    case BinaryKind::kMul:
      return a * b;
    default:
      return a / b;
  }
}

TEST(Binary, IsWhatNumPyDoesElementByElement) {
  const std::uint64_t seed = test_seed();
  SingleWorker worker;
  for (std::uint64_t i = 0; i < 300; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 49979687 + i);
    const Case test = random_binary(random);
    BinaryAttributes attributes;
    ASSERT_TRUE(read_attributes(test.attributes, &attributes));
    const auto bits = run_case(test, Kernel::kReference, worker);
    for (std::size_t out = 0; out < bits.size(); ++out) {
      const float a = test.inputs[0].at(broadcast_index(test.inputs[0], test.output, out));
      const float b = test.inputs[1].at(broadcast_index(test.inputs[1], test.output, out));
      const float result = naive_binary(attributes.kind, a, b);
      const float got = std::bit_cast<float>(bits[out]);
      if (std::isnan(result)) {
        ASSERT_EQ(bits[out], 0x7fc00000u);
      } else {
        ASSERT_EQ(got, std::min(std::max(result, attributes.clamp.low), attributes.clamp.high));
      }
    }
  }
}

TEST(UnaryClamp, KeepsNanAndNegativeZeroAndCutsTheRest) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  Tensor x({7});
  const float values[] = {-kInf, -1.0f, -0.0f, 0.5f, 7.0f, kInf, std::bit_cast<float>(0xffc12345u)};
  for (std::size_t i = 0; i < 7; ++i) x.at(i) = values[i];
  const Case test{
      OpCode::kUnary, {x}, Tensor({7}), words_of(UnaryAttributes{UnaryKind::kClamp, {0.0f, 6.0f}})};
  const auto bits = expect_same_bits(test);
  const float expected[] = {0.0f, 0.0f, -0.0f, 0.5f, 6.0f, 6.0f};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(bits[i], std::bit_cast<std::uint32_t>(expected[i]));
  EXPECT_EQ(bits[6], 0x7fc00000u);
}

TEST(UnaryLeakyRelu, ScalesWhatIsBelowZeroAndNothingElse) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {
      -kInf, -2.0f, -0.0f, 0.0f, 0.5f, kInf, std::bit_cast<float>(0xffc12345u)};
  const auto run = [&](float slope) {
    Tensor x({7});
    for (std::size_t i = 0; i < 7; ++i) x.at(i) = values[i];
    return expect_same_bits({OpCode::kUnary,
                             {x},
                             Tensor({7}),
                             words_of(LeakyReluAttributes{UnaryKind::kLeakyRelu, slope})});
  };
  const std::vector<float> expected = {-kInf, -0.2f, -0.0f, 0.0f, 0.5f, kInf};
  const auto bits = run(0.1f);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(bits[i], std::bit_cast<std::uint32_t>(expected[i]));
  EXPECT_EQ(bits[6], 0x7fc00000u);
  EXPECT_EQ(run(0.0f)[0], 0x7fc00000u) << "-inf * 0";
}

// What the activations are, in double.
double exact(UnaryKind kind, double x, double alpha, double beta) {
  const auto sigmoid = [](double t) { return 1 / (1 + std::exp(-t)); };
  const auto hard = [&] { return std::min(1.0, std::max(0.0, alpha * x + beta)); };
  switch (kind) {
    case UnaryKind::kAbs:
      return std::abs(x);
    case UnaryKind::kNeg:
      return -x;
    case UnaryKind::kExp:
      return std::exp(x);
    case UnaryKind::kLog:
      return std::log(x);
    case UnaryKind::kSqrt:
      return std::sqrt(x);
    case UnaryKind::kReciprocal:
      return 1 / x;
    case UnaryKind::kSin:
      return std::sin(x);
    case UnaryKind::kCos:
      return std::cos(x);
    case UnaryKind::kTanh:
      return std::tanh(x);
    case UnaryKind::kSigmoid:
      return sigmoid(x);
    case UnaryKind::kErf:
      return std::erf(x);
    case UnaryKind::kFloor:
      return std::floor(x);
    case UnaryKind::kCeil:
      return std::ceil(x);
    case UnaryKind::kRound:
      return std::nearbyint(x);
    case UnaryKind::kSign:
      return x > 0 ? 1 : x < 0 ? -1 : 0;
    case UnaryKind::kSoftplus:
      return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
    case UnaryKind::kSoftsign:
      return x / (1 + std::abs(x));
    case UnaryKind::kGelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case UnaryKind::kGeluTanh:  // (1 + tanh(t)) / 2 = sigmoid(2 t)
      return x * sigmoid(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
    case UnaryKind::kElu:
      return x < 0 ? alpha * std::expm1(x) : beta * x;
    case UnaryKind::kCelu:
      return x < 0 ? alpha * std::expm1(x / alpha) : x;
    case UnaryKind::kHardSigmoid:
      return hard();
    case UnaryKind::kHardSwish:
      return x * hard();
    case UnaryKind::kSwish:
      return x * sigmoid(alpha * x);
    case UnaryKind::kMish:
      return x * std::tanh(std::log1p(std::exp(x)));
    case UnaryKind::kThresholdedRelu:
      return x > alpha ? x : 0;
    case UnaryKind::kShrink:
      return x < -alpha ? x + beta : x > alpha ? x - beta : 0;
    default:
      return 0;
  }
}

// Relative to |y| where the steps lose nothing, or to |x| where they subtract.
TEST(UnaryActivation, IsWhatItsNameSays) {
  const std::size_t count = 4001;
  for (std::uint32_t k = 2; k <= static_cast<std::uint32_t>(kLastUnaryKind); ++k) {
    SCOPED_TRACE("kind " + std::to_string(k));
    const auto kind = static_cast<UnaryKind>(k);
    Tensor x({count});
    for (std::size_t i = 0; i < count; ++i) x.at(i) = (static_cast<float>(i) - 2000) / 128;
    const ActivationAttributes attributes{kind, 0.75f, 0.375f};
    const auto bits =
        expect_same_bits({OpCode::kUnary, {x}, Tensor({count}), words_of(attributes)});
    const bool cancels = kind == UnaryKind::kGelu || kind == UnaryKind::kHardSigmoid ||
                         kind == UnaryKind::kHardSwish || kind == UnaryKind::kShrink;
    for (std::size_t i = 0; i < count; ++i) {
      const double expected = exact(kind, x.at(i), 0.75, 0.375);
      const float got = std::bit_cast<float>(bits[i]);
      if (std::isnan(expected) || std::isinf(expected)) {
        ASSERT_EQ(std::isnan(got), std::isnan(expected)) << x.at(i);
        continue;
      }
      // What goes into exp is rounded: a relative error of as many roundings as it is large.
      const double size_x = std::abs(x.at(i));
      const double exponent =
          kind == UnaryKind::kGeluTanh ? 1.6 * (size_x + 0.045 * std::pow(size_x, 3)) : size_x;
      const double size = std::abs(expected) * (8 + 3 * exponent) + (cancels ? 2 * size_x + 2 : 0);
      // A denormal factor is rounded to 2^-149 before x, at most 16, multiplies it.
      ASSERT_NEAR(got, expected, std::ldexp(size, -24) + std::ldexp(32.0, -149)) << x.at(i);
    }
  }
}

// A chunk in place scales its own input: handed out, a chunk that is done again would scale twice.
// WildWorkers, of expect_same_bits, do chunks again.
TEST(UnaryLeakyRelu, GivesTheSameInPlaceWhateverTheWorkers) {
  const std::vector<std::uint32_t> dims = {64, 4096};
  Tensor x(dims);
  Random random(test_seed());
  x.fill_random(random);
  Case test{OpCode::kUnary, {x}, Tensor(dims), words_of(LeakyReluAttributes{}), false};
  const auto apart = expect_same_bits(test);
  test.in_place = true;
  EXPECT_EQ(expect_same_bits(test), apart);
}

TEST(UnaryCheck, RefusesASlopeThatIsNotFiniteAndOtherWords) {
  const auto check = [](std::vector<std::uint32_t> words) {
    return check_case({OpCode::kUnary, {Tensor({2})}, Tensor({2}), std::move(words)});
  };
  const auto leaky = [](float slope) {
    return words_of(LeakyReluAttributes{UnaryKind::kLeakyRelu, slope});
  };
  EXPECT_EQ(check(leaky(-3.0f)), Status::kOk);
  EXPECT_EQ(check(leaky(std::nanf(""))), Status::kBadAttribute);
  EXPECT_EQ(check(leaky(std::numeric_limits<float>::infinity())), Status::kBadAttribute);
  EXPECT_EQ(check({1, 0, 0}), Status::kBadAttribute) << "a word too many";
  EXPECT_EQ(check({0, 0}), Status::kBadAttribute) << "a clamp has two bounds";
  EXPECT_EQ(check({2, 0}), Status::kBadAttribute) << "a word too few";
  EXPECT_EQ(check({2, 0, 0}), Status::kOk);
  EXPECT_EQ(check({29, 0, 0}), Status::kBadAttribute) << "no such kind";
  EXPECT_EQ(check({2, 0x7f800000u, 0}), Status::kBadAttribute) << "infinite";
  EXPECT_EQ(check({2, 0, 0x7fc00000u}), Status::kBadAttribute) << "NaN";
  EXPECT_EQ(check({}), Status::kBadAttribute);
}

TEST(BinaryCheck, AcceptsBroadcastingOfBothSides) {
  const auto check = [](std::vector<std::uint32_t> a, std::vector<std::uint32_t> b,
                        std::vector<std::uint32_t> y) {
    return check_case(
        {OpCode::kBinary, {Tensor(a), Tensor(b)}, Tensor(y), words_of(BinaryAttributes{})});
  };
  EXPECT_EQ(check({3, 1, 5}, {4, 1}, {3, 4, 5}), Status::kOk);
  EXPECT_EQ(check({}, {2}, {2}), Status::kOk);
  EXPECT_EQ(check({1, 2, 1, 2, 1, 2}, {2, 1, 2, 1, 2, 1}, {2, 2, 2, 2, 2, 2}), Status::kOk);
  EXPECT_EQ(check({3, 4}, {3}, {3, 4}), Status::kShapeMismatch);
  EXPECT_EQ(check({3, 4}, {2, 3, 4}, {3, 4}), Status::kShapeMismatch) << "input of higher rank";
  EXPECT_EQ(check({3, 1}, {3, 1}, {3, 4}), Status::kShapeMismatch) << "4 comes from nowhere";
  EXPECT_EQ(check({3, 4}, {3, 4}, {3, 1}), Status::kShapeMismatch);
}

TEST(BinaryCheck, RefusesBadAttributes) {
  const auto check = [](BinaryAttributes attributes) {
    return check_case(
        {OpCode::kBinary, {Tensor({2}), Tensor({2})}, Tensor({2}), words_of(attributes)});
  };
  EXPECT_EQ(check({}), Status::kOk);
  EXPECT_EQ(check({static_cast<BinaryKind>(18), {}}), Status::kBadAttribute);
  EXPECT_EQ(check({BinaryKind::kAdd, {2.0f, 1.0f}}), Status::kBadAttribute);
  EXPECT_EQ(check({BinaryKind::kAdd, {std::nanf(""), 1.0f}}), Status::kBadAttribute);
}

TEST(UnaryCheck, RefusesBadAttributesAndShapes) {
  const auto check = [](UnaryAttributes attributes, std::vector<std::uint32_t> y) {
    return check_case({OpCode::kUnary, {Tensor({2, 3})}, Tensor(y), words_of(attributes)});
  };
  EXPECT_EQ(check({}, {2, 3}), Status::kOk);
  EXPECT_EQ(check({static_cast<UnaryKind>(1), {}}, {2, 3}), Status::kBadAttribute);
  EXPECT_EQ(check({UnaryKind::kClamp, {1.0f, 0.0f}}, {2, 3}), Status::kBadAttribute);
  EXPECT_EQ(check({}, {3, 2}), Status::kShapeMismatch);
  EXPECT_EQ(check({}, {6}), Status::kShapeMismatch);
}

}  // namespace
}  // namespace sz::ops::testing
