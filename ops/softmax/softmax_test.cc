#include "ops/softmax/softmax.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/testing/random_cases.h"

namespace sz::ops::testing {
namespace {

TEST(Softmax, AgreesWithTheDefinitionInDouble) {
  const std::uint64_t seed = test_seed();
  SingleWorker worker;
  for (std::uint64_t i = 0; i < 150; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 67867967 + i);
    const Case test = random_softmax(random);
    const Tensor& x = test.inputs[0];
    const std::size_t inner = x.view().inner();
    const auto bits = run_case(test, Kernel::kReference, worker);
    for (std::size_t begin = 0; begin < bits.size(); begin += inner) {
      double max = -std::numeric_limits<double>::infinity();
      bool finite = true;
      for (std::size_t k = begin; k < begin + inner; ++k) {
        max = std::max(max, double{x.at(k)});
        finite = finite && std::isfinite(x.at(k));
      }
      if (!finite) continue;  // the bit tests' business
      double sum = 0;
      double spread = 0;  // mean of |x - max|, weighted as in the sum
      for (std::size_t k = begin; k < begin + inner; ++k) {
        sum += std::exp(x.at(k) - max);
        spread += std::exp(x.at(k) - max) * (max - x.at(k));
      }
      spread /= sum;
      for (std::size_t k = begin; k < begin + inner; ++k) {
        const double distance = std::min(max - x.at(k), 104.0);  // beyond, exp is 0
        const double expected = std::exp(x.at(k) - max) / sum;
        // In units of 2^-24, relative: the rounding of x - max (its size, in the numerator and on
        // average in the sum), exp (2 each), the additions that an element takes part in, the
        // division.
        const double additions = static_cast<double>(inner) / 16 + 5;
        const double units = distance + spread + 2 + 2 + additions + 1;
        // Denormal results round to steps of 2^-149, in exp and in the division.
        const double bound = 1.01 * std::ldexp(expected * units, -24) + std::ldexp(2.0, -149);
        ASSERT_NEAR(std::bit_cast<float>(bits[k]), expected, bound) << "element " << k;
      }
    }
  }
}

TEST(Softmax, ItsLogarithmKeepsWhatIsFarBelow) {
  SingleWorker worker;
  for (std::uint64_t i = 0; i < 150; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    Random random(test_seed() * 67867967 + i);
    Case test = random_softmax(random);
    test.attributes = {1};
    const Tensor& x = test.inputs[0];
    const std::size_t inner = x.view().inner();
    const auto bits = expect_same_bits(test);
    for (std::size_t begin = 0; begin < bits.size(); begin += inner) {
      double max = -std::numeric_limits<double>::infinity();
      bool finite = true;
      for (std::size_t k = begin; k < begin + inner; ++k) {
        max = std::max(max, double{x.at(k)});
        finite = finite && std::abs(x.at(k)) < 1e4f;
      }
      if (!finite) continue;
      double sum = 0;
      for (std::size_t k = begin; k < begin + inner; ++k) sum += std::exp(x.at(k) - max);
      for (std::size_t k = begin; k < begin + inner; ++k) {
        const double expected = x.at(k) - max - std::log(sum);
        // The sum's relative error is an absolute one of its logarithm.
        const double units = static_cast<double>(inner) / 16 + 16 + 4 * std::abs(expected);
        ASSERT_NEAR(std::bit_cast<float>(bits[k]), expected, std::ldexp(units, -24)) << k;
      }
    }
  }
}

TEST(Softmax, OfARowWithNanOrInfinityIsNan) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const float odd : {kInf, std::nanf("")}) {
    Tensor x({2, 20});
    x.at(18) = odd;  // row 0 only
    const auto bits = expect_same_bits({OpCode::kSoftmax, {x}, Tensor({2, 20}), {}});
    for (std::size_t i = 0; i < 40; ++i) {
      EXPECT_EQ(bits[i], i < 20 ? 0x7fc00000u : std::bit_cast<std::uint32_t>(0.05f));
    }
  }
}

TEST(SoftmaxCheck, RefusesOtherShapesAndAttributes) {
  const auto check = [](std::vector<std::uint32_t> y, std::vector<std::uint32_t> attributes) {
    return check_case({OpCode::kSoftmax, {Tensor({2, 3})}, Tensor(y), attributes});
  };
  EXPECT_EQ(check({2, 3}, {}), Status::kOk);
  EXPECT_EQ(check({2, 3}, {1}), Status::kOk);
  EXPECT_EQ(check({2, 3}, {2}), Status::kBadAttribute);
  EXPECT_EQ(check({2, 3}, {0, 0}), Status::kBadAttribute);
  EXPECT_EQ(check({3, 2}, {}), Status::kShapeMismatch);
  EXPECT_EQ(check({1, 2, 3}, {}), Status::kShapeMismatch);
}

}  // namespace
}  // namespace sz::ops::testing
