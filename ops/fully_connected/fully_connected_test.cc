#include "ops/fully_connected/fully_connected.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/testing/random_cases.h"

namespace sz::ops::testing {
namespace {

TEST(FullyConnected, AgreesWithTheTextbookInDouble) {
  const std::uint64_t seed = test_seed();
  SingleWorker worker;
  for (std::uint64_t i = 0; i < 100; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 104729 + i);
    FullyConnectedCase test = random_fully_connected(random);
    FullyConnectedAttributes attributes;
    ASSERT_TRUE(read_attributes(test.step.attributes, &attributes));
    const Tensor& x = test.step.inputs[0];
    const std::size_t inputs = x.view().inner();
    const std::size_t outputs = test.step.output.view().inner();
    const auto bits = run_case(test.step, Kernel::kReference, worker);
    for (std::size_t out = 0; out < bits.size(); ++out) {
      const std::size_t r = out / outputs;
      const std::size_t m = out % outputs;
      double sum = test.bias[m];
      double magnitude = std::abs(sum);
      for (std::size_t k = 0; k < inputs; ++k) {
        const double product = double{x.at(r * inputs + k)} * test.weights[m * inputs + k];
        sum += product;
        magnitude += std::abs(product);
      }
      if (!(magnitude < 1e30)) continue;  // infinities and NaN are the bit tests' business
      const double low = attributes.clamp.low;
      const double high = attributes.clamp.high;
      // As for convolutions: inputs + 1 roundings, each 2^-24 of the magnitude at most.
      const double bound =
          1.01 * static_cast<double>(inputs + 1) * std::ldexp(magnitude, -24) + 1e-42;
      ASSERT_NEAR(std::bit_cast<float>(bits[out]), std::min(std::max(sum, low), high), bound);
    }
  }
}

Case sample() {
  Tensor packed({static_cast<std::uint32_t>(*packed_elements(10, 7))});
  return {OpCode::kFullyConnected,
          {Tensor({3, 7}), packed},
          Tensor({3, 10}),
          words_of(FullyConnectedAttributes{})};
}

TEST(FullyConnectedCheck, AcceptsTheSample) { EXPECT_EQ(check_case(sample()), Status::kOk); }

TEST(FullyConnectedCheck, AcceptsOtherDimensionsOfAsManyRows) {
  Case step = sample();
  step.inputs[0] = Tensor({1, 1, 3, 7});
  EXPECT_EQ(check_case(step), Status::kOk);
}

TEST(FullyConnectedCheck, RefusesShapesThatDoNotFit) {
  const auto refuses = [](auto change) {
    Case step = sample();
    change(step);
    return check_case(step) == Status::kShapeMismatch;
  };
  EXPECT_TRUE(refuses([](Case& s) { s.inputs[0] = Tensor({4, 7}); })) << "other rows";
  EXPECT_TRUE(refuses([](Case& s) { s.inputs[0] = Tensor({3, 8}); })) << "other inputs";
  EXPECT_TRUE(refuses([](Case& s) { s.output = Tensor({3, 13}); })) << "other outputs";
  EXPECT_TRUE(refuses([](Case& s) { s.inputs[0] = Tensor(std::vector<std::uint32_t>{}); }))
      << "scalar";
  EXPECT_TRUE(refuses([](Case& s) {
    s.inputs[1] = Tensor({1, s.inputs[1].view().dims[0]});
  })) << "blob of rank 2";
}

TEST(FullyConnectedCheck, RefusesBadAttributes) {
  Case step = sample();
  step.attributes = words_of(FullyConnectedAttributes{{1.0f, -1.0f}});
  EXPECT_EQ(check_case(step), Status::kBadAttribute);
  step.attributes.clear();
  EXPECT_EQ(check_case(step), Status::kBadAttribute);
}

}  // namespace
}  // namespace sz::ops::testing
