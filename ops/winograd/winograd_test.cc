#include "ops/winograd/winograd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/testing/random_cases.h"

namespace sz::ops::testing {
namespace {

// One output in double: the textbook's sum, and what the method's roundings are relative to.
struct Expected {
  double sum = 0, magnitude = 0;
};

constexpr double kB[4][4] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
constexpr double kG[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
constexpr double kA[2][4] = {{1, 1, 1, 0}, {0, 1, -1, -1}};

// |L| |m| |R|^T for a 4 x 4 result.
template <std::size_t kSize>
void absolute_product(const double (&left)[4][kSize], const double* m, double (&result)[4][4]) {
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      result[i][j] = 0;
      for (std::size_t a = 0; a < kSize; ++a) {
        for (std::size_t b = 0; b < kSize; ++b) {
          result[i][j] += std::abs(left[i][a] * m[a * kSize + b] * left[j][b]);
        }
      }
    }
  }
}

class Textbook {
 public:
  explicit Textbook(const WinogradCase& test) : test_(test), x_(test.step.inputs[0].view()) {}

  double input(std::size_t n, long row, long column, std::size_t c) const {
    const long iy = row - static_cast<long>(test_.attributes.pad_top);
    const long ix = column - static_cast<long>(test_.attributes.pad_left);
    if (iy < 0 || ix < 0 || iy >= static_cast<long>(x_.dims[1]) ||
        ix >= static_cast<long>(x_.dims[2])) {
      return 0;
    }
    const std::size_t pixel =
        (n * x_.dims[1] + static_cast<std::size_t>(iy)) * x_.dims[2] + static_cast<std::size_t>(ix);
    return test_.step.inputs[0].at(pixel * x_.dims[3] + c);
  }

  Expected output(std::size_t n, std::size_t oy, std::size_t ox, std::size_t m) const {
    Expected result;
    result.sum = test_.bias.empty() ? 0 : test_.bias[m];
    double magnitudes[4][4] = {};
    magnitudes[1][1] = std::abs(result.sum);
    const long top = static_cast<long>(oy / 2 * 2), left = static_cast<long>(ox / 2 * 2);
    for (std::size_t c = 0; c < x_.dims[3]; ++c) {
      double d[16], g[9], v[4][4], u[4][4];
      for (long p = 0; p < 16; ++p) d[p] = input(n, top + p / 4, left + p % 4, c);
      for (std::size_t t = 0; t < 9; ++t) g[t] = test_.weights[(m * x_.dims[3] + c) * 9 + t];
      for (std::size_t t = 0; t < 9; ++t)
        result.sum += d[(oy % 2 + t / 3) * 4 + ox % 2 + t % 3] * g[t];
      absolute_product(kB, d, v);
      absolute_product(kG, g, u);
      for (std::size_t p = 0; p < 16; ++p)
        magnitudes[p / 4][p % 4] += v[p / 4][p % 4] * u[p / 4][p % 4];
    }
    for (std::size_t p = 0; p < 16; ++p) {
      result.magnitude +=
          std::abs(kA[oy % 2][p / 4] * kA[ox % 2][p % 4]) * magnitudes[p / 4][p % 4];
    }
    return result;
  }

 private:
  const WinogradCase& test_;
  TensorView x_;
};

bool tame(const WinogradCase& test) {
  const auto small = [](float value) { return std::abs(value) < 1e15f; };
  for (const Tensor& input : test.step.inputs) {
    for (std::size_t i = 0; i < input.elements(); ++i) {
      if (!small(input.at(i))) return false;
    }
  }
  return true;
}

// Each product goes through two roundings in V, one in U, C + 1 in the chain and four in A^T M A;
// residual and result add one each.
double error_bound(std::size_t channels, double magnitude) {
  return 1.01 * static_cast<double>(channels + 10) * std::ldexp(magnitude, -24) + 1e-42;
}

TEST(Winograd, AgreesWithTheTextbookInDouble) {
  const std::uint64_t seed = test_seed();
  SingleWorker worker;
  int compared = 0;
  for (std::uint64_t i = 0; compared < 60; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 6007 + i);
    WinogradCase test = random_winograd(random);
    if (!tame(test)) continue;
    ++compared;
    test.attributes.activation = {};
    test.step.attributes = words_of(test.attributes);
    const auto bits = run_case(test.step, Kernel::kReference, worker);
    const Textbook textbook(test);
    const TensorView& y = test.step.output.view();
    for (std::size_t out = 0; out < bits.size(); ++out) {
      const std::size_t pixel = out / y.dims[3];
      Expected expected =
          textbook.output(pixel / y.dims[2] / y.dims[1], pixel / y.dims[2] % y.dims[1],
                          pixel % y.dims[2], out % y.dims[3]);
      if (test.step.inputs.size() > 2) {
        expected.sum += test.step.inputs[2].at(out);
        expected.magnitude += std::abs(test.step.inputs[2].at(out));
      }
      ASSERT_NEAR(std::bit_cast<float>(bits[out]), expected.sum,
                  error_bound(test.shape.inputs, expected.magnitude))
          << "output " << out;
    }
  }
}

TEST(Winograd, PackingRefusesOtherSizes) {
  std::vector<float> weights(9 * 3 * 2), bias(2), packed(*packed_winograd_elements(2, 3));
  EXPECT_TRUE(pack_winograd(weights, bias, 2, 3, packed));
  EXPECT_FALSE(pack_winograd(weights, bias, 3, 2, packed));
  EXPECT_FALSE(pack_winograd(std::span(weights).first(53), bias, 2, 3, packed));
  EXPECT_FALSE(pack_winograd(weights, std::span(bias).first(1), 2, 3, packed));
  EXPECT_FALSE(pack_winograd(weights, bias, 2, 3, std::span(packed).first(packed.size() - 1)));
  const auto most = std::numeric_limits<std::uint64_t>::max();
  EXPECT_FALSE(packed_winograd_elements(most, 3) || packed_winograd_elements(3, most));
  EXPECT_FALSE(packed_winograd_elements(1ull << 32, 1ull << 32) || packed_winograd_elements(0, 1));
}

// Padding 1 over [1, 6, 5, 4], 8 outputs.
struct Sample {
  WinogradAttributes attributes{1, 1, 1, 1, {}};
  std::vector<std::uint32_t> x{1, 6, 5, 4}, y{1, 6, 5, 8}, residual;
  std::vector<std::uint32_t> weights{static_cast<std::uint32_t>(*packed_winograd_elements(8, 4))};
  Status check() const {
    Case step{OpCode::kConvWinograd, {Tensor(x), Tensor(weights)}, Tensor(y), words_of(attributes)};
    if (!residual.empty()) step.inputs.emplace_back(residual);
    return check_case(step);
  }
};

template <typename Change>
Status changed(Change change) {
  Sample sample;
  change(sample);
  return sample.check();
}

TEST(WinogradCheck, AcceptsTheSample) {
  EXPECT_EQ(Sample().check(), Status::kOk);
  EXPECT_EQ(changed([](Sample& s) { s.residual = s.y; }), Status::kOk);
}

TEST(WinogradCheck, RefusesAttributesOutOfRange) {
  const auto refuses = [](auto change) {
    return changed([&](Sample& s) { change(s.attributes); }) == Status::kBadAttribute;
  };
  EXPECT_TRUE(refuses([](auto& a) { a.pad_top = 65537; }));
  EXPECT_TRUE(refuses([](auto& a) { a.pad_left = 0xffffffffu; }));
  EXPECT_TRUE(refuses([](auto& a) { a.pad_bottom = 65537; }));
  EXPECT_TRUE(refuses([](auto& a) { a.pad_right = 65537; }));
  EXPECT_TRUE(refuses([](auto& a) { a.activation.slope = INFINITY; }));
  EXPECT_TRUE(refuses([](auto& a) { a.activation.clamp = {1.0f, 0.0f}; }));
  Case step{OpCode::kConvWinograd, {Tensor({1, 6, 5, 4}), Tensor({1})}, Tensor({1, 6, 5, 8}), {0}};
  EXPECT_EQ(check_case(step), Status::kBadAttribute);
}

TEST(WinogradCheck, RefusesShapesThatDoNotFit) {
  const auto refuses = [](auto change) { return changed(change) == Status::kShapeMismatch; };
  EXPECT_TRUE(refuses([](Sample& s) { s.y[0] = 2; }));
  EXPECT_TRUE(refuses([](Sample& s) { s.y[1] = 7; }));
  EXPECT_TRUE(refuses([](Sample& s) { s.y[2] = 4; }));
  EXPECT_TRUE(refuses([](Sample& s) { s.y[3] = 12; }));
  EXPECT_TRUE(refuses([](Sample& s) { s.x[3] = 3; }));
  EXPECT_TRUE(refuses([](Sample& s) { s.weights[0] -= 1; }));
  EXPECT_TRUE(refuses([](Sample& s) { s.weights[0] += 1; }));
  EXPECT_TRUE(refuses([](Sample& s) { s.weights = {1, s.weights[0]}; }));
  EXPECT_TRUE(refuses([](Sample& s) { s.x = {6, 5, 4}; }));
  EXPECT_TRUE(refuses([](Sample& s) { s.residual = {1, 6, 5, 4}; }));
  EXPECT_TRUE(refuses([](Sample& s) { s.residual = {1, 1, 1, 8}; }));
  EXPECT_TRUE(refuses([](Sample& s) {  // a window larger than the padded image
    s.x = {1, 1, 1, 4};
    s.attributes.pad_top = s.attributes.pad_bottom = 0;
  }));
}

}  // namespace
}  // namespace sz::ops::testing
