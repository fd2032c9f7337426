#include "ops/conv/conv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "ops/testing/random_cases.h"

namespace sz::ops::testing {
namespace {

// What a sum of fused multiply-adds of `terms` products may be off: each of them rounds once,
// with a relative error of at most 2^-24, to a value of at most `magnitude` (the sum of the
// absolute products and the bias); 1 % covers the second order, the last term denormal results.
double error_bound(std::size_t terms, double magnitude) {
  return 1.01 * static_cast<double>(terms + 1) * std::ldexp(magnitude, -24) + 1e-42;
}

// The textbook formula over NCHW, in double, from the weights as the model file has them.
class NaiveConv {
 public:
  explicit NaiveConv(const ConvCase& test) : test_(test), window_(test.attributes.window) {
    const TensorView& x = test.x.view();
    batch_ = x.dims[0], height_ = x.dims[1], width_ = x.dims[2];
    nchw_.resize(test.x.elements());
    for (std::size_t n = 0; n < batch_; ++n)
      for (std::size_t h = 0; h < height_; ++h)
        for (std::size_t w = 0; w < width_; ++w)
          for (std::size_t c = 0; c < test.shape.inputs; ++c)
            nchw_[((n * test.shape.inputs + c) * height_ + h) * width_ + w] =
                test.x.at(((n * height_ + h) * width_ + w) * test.shape.inputs + c);
  }

  // The sum for one output, before the clamp, and the sum of the absolute terms.
  std::pair<double, double> sum(std::size_t n, std::size_t oy, std::size_t ox,
                                std::size_t m) const {
    const std::size_t per_group = test_.shape.inputs / test_.shape.groups;
    const std::size_t group = m / (test_.shape.outputs / test_.shape.groups);
    double total = test_.bias.empty() ? 0.0 : test_.bias[m];
    double magnitude = std::abs(total);
    for (std::size_t c = 0; c < per_group; ++c) {
      for (std::size_t ky = 0; ky < window_.kernel_h; ++ky) {
        for (std::size_t kx = 0; kx < window_.kernel_w; ++kx) {
          const auto iy = static_cast<long>(oy * window_.stride_h + ky * window_.dilation_h) -
                          static_cast<long>(window_.pad_top);
          const auto ix = static_cast<long>(ox * window_.stride_w + kx * window_.dilation_w) -
                          static_cast<long>(window_.pad_left);
          if (iy < 0 || iy >= static_cast<long>(height_) || ix < 0 ||
              ix >= static_cast<long>(width_)) {
            continue;
          }
          const std::size_t channel = group * per_group + c;
          const double x =
              nchw_[((n * test_.shape.inputs + channel) * height_ + static_cast<std::size_t>(iy)) *
                        width_ +
                    static_cast<std::size_t>(ix)];
          const double w =
              test_.weights[((m * per_group + c) * window_.kernel_h + ky) * window_.kernel_w + kx];
          total += x * w;
          magnitude += std::abs(x * w);
        }
      }
    }
    return {total, magnitude};
  }

  std::size_t terms() const {
    return test_.shape.inputs / test_.shape.groups * window_.kernel_h * window_.kernel_w;
  }

 private:
  const ConvCase& test_;
  const Window2d& window_;
  std::size_t batch_ = 0, height_ = 0, width_ = 0;
  std::vector<double> nchw_;
};

bool all_finite(const ConvCase& test) {
  for (std::size_t i = 0; i < test.x.elements(); ++i) {
    if (!(std::abs(test.x.at(i)) < 1e15f)) return false;
  }
  for (const auto* values : {&test.weights, &test.bias}) {
    for (const float value : *values) {
      if (!(std::abs(value) < 1e15f)) return false;
    }
  }
  return true;
}

void expect_close_to_naive(const ConvCase& test) {
  const NaiveConv naive(test);
  SingleWorker worker;
  const std::vector<std::uint32_t> bits = run_case(test.step, Kernel::kReference, worker);
  const TensorView& y = test.step.output.view();
  std::size_t i = 0;
  for (std::size_t n = 0; n < y.dims[0]; ++n) {
    for (std::size_t oy = 0; oy < y.dims[1]; ++oy) {
      for (std::size_t ox = 0; ox < y.dims[2]; ++ox) {
        for (std::size_t m = 0; m < y.dims[3]; ++m, ++i) {
          const auto [sum, magnitude] = naive.sum(n, oy, ox, m);
          const Clamp& clamp = test.attributes.activation.clamp;
          const double expected = std::min(std::max(sum, static_cast<double>(clamp.low)),
                                           static_cast<double>(clamp.high));
          ASSERT_NEAR(std::bit_cast<float>(bits[i]), expected,
                      error_bound(naive.terms(), magnitude))
              << "output " << n << ' ' << oy << ' ' << ox << ' ' << m;
        }
      }
    }
  }
}

class Conv2dFormula : public ::testing::TestWithParam<ConvKind> {};

TEST_P(Conv2dFormula, AgreesWithTheTextbookInDouble) {
  const std::uint64_t seed = test_seed();
  int compared = 0;
  for (std::uint64_t i = 0; compared < 60; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 7919 + i);
    const ConvCase test = random_conv(random, GetParam());
    if (!all_finite(test)) continue;
    expect_close_to_naive(test);
    if (HasFatalFailure()) return;
    ++compared;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Conv2dFormula,
                         ::testing::Values(ConvKind::kDense, ConvKind::kGrouped,
                                           ConvKind::kDepthwise));

// What a fused convolution gives, step by step: convolution, addition, leaky Relu, clamp.
std::vector<std::uint32_t> unfused(const Case& fused) {
  SingleWorker worker;
  Conv2dAttributes attributes;
  EXPECT_TRUE(read_attributes(fused.attributes, &attributes));
  const Activation activation = std::exchange(attributes.activation, Activation{});
  Case step = fused;
  step.inputs.resize(2, Tensor({1}));
  step.attributes = words_of(attributes);
  const TensorView& y = fused.output.view();
  const std::vector<std::uint32_t> dims(y.dims.begin(), y.dims.begin() + 4);
  const auto then = [&](OpCode op, std::vector<std::uint32_t> words, const Tensor* other) {
    Tensor sum(dims);
    const std::vector<std::uint32_t> bits = run_case(step, Kernel::kReference, worker);
    for (std::size_t i = 0; i < bits.size(); ++i) sum.at(i) = std::bit_cast<float>(bits[i]);
    step = {op, {sum}, Tensor(dims), std::move(words)};
    if (other != nullptr) step.inputs.push_back(*other);
  };
  if (fused.inputs.size() > 2) {
    then(OpCode::kBinary, words_of(BinaryAttributes{BinaryKind::kAdd, {}}), &fused.inputs[2]);
  }
  if (activation.slope != 1.0f) {
    then(OpCode::kUnary, words_of(LeakyReluAttributes{UnaryKind::kLeakyRelu, activation.slope}),
         nullptr);
  }
  then(OpCode::kUnary, words_of(UnaryAttributes{UnaryKind::kClamp, activation.clamp}), nullptr);
  return run_case(step, Kernel::kReference, worker);
}

TEST(Conv2d, FusedIsBitForBitWhatTheStepsGive) {
  const std::uint64_t seed = test_seed();
  SingleWorker worker;
  for (std::uint64_t i = 0; i < 100; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 31337 + i);
    const Case fused = random_fused_conv(random);
    ASSERT_EQ(run_case(fused, Kernel::kReference, worker), unfused(fused));
  }
}

TEST(Conv2dCheck, RefusesAResidualOfAnotherShape) {
  Random random(5);
  Case step = random_fused_conv(random);
  while (step.inputs.size() < 3) step = random_fused_conv(random);
  ASSERT_EQ(check_case(step), Status::kOk);
  const TensorView& y = step.output.view();
  for (std::size_t axis = 0; axis < 4; ++axis) {
    std::vector<std::uint32_t> dims(y.dims.begin(), y.dims.begin() + 4);
    ++dims[axis];
    step.inputs[2] = Tensor(dims);
    EXPECT_EQ(check_case(step), Status::kShapeMismatch) << axis;
  }
  step.inputs[2] = Tensor({static_cast<std::uint32_t>(step.output.elements())});
  EXPECT_EQ(check_case(step), Status::kShapeMismatch);
}

// A 3x3 convolution with padding 1 over [1, 6, 5, 4], 8 outputs.
struct Sample {
  Conv2dAttributes attributes;
  std::vector<std::uint32_t> x{1, 6, 5, 4}, weights, y{1, 6, 5, 8};
  Sample() {
    attributes.window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
    pack();
  }
  void pack() {
    weights = {static_cast<std::uint32_t>(
        packed_conv2d_elements(
            {x[3], y[3], attributes.groups, attributes.window.kernel_h, attributes.window.kernel_w})
            .value_or(1))};
  }
  Case step() const {
    return {OpCode::kConv2d, {Tensor(x), Tensor(weights)}, Tensor(y), words_of(attributes)};
  }
  Status check() const { return check_case(step()); }
};

TEST(Conv2d, TakesPaddingThatIsWiderThanItsWindow) {
  for (const std::uint32_t groups : {1u, 2u, 20u}) {  // dense, grouped, depthwise
    Random random(7 + groups);
    ConvCase test{Case{OpCode::kConv2d, {}, Tensor({1}), {}}, {}, {}, {}, {}};
    test.attributes.window = {.pad_top = 1, .pad_left = 2, .pad_bottom = 3, .pad_right = 4};
    test.attributes.groups = groups;
    test.shape = {20, 20, groups, 1, 1};
    test.x = Tensor({2, 3, 5, 20});
    for (std::size_t i = 0; i < test.x.elements(); ++i) test.x.at(i) = random.real();
    for (std::uint32_t i = 0; i < 20 * 20 / groups; ++i) test.weights.push_back(random.real());
    for (int i = 0; i < 20; ++i) test.bias.push_back(random.real());
    Tensor packed({static_cast<std::uint32_t>(*packed_conv2d_elements(test.shape))});
    ASSERT_TRUE(
        pack_conv2d(test.weights, test.bias, test.shape, {&packed.at(0), packed.elements()}));
    test.step =
        Case{OpCode::kConv2d, {test.x, packed}, Tensor({2, 7, 11, 20}), words_of(test.attributes)};
    ASSERT_EQ(check_case(test.step), Status::kOk);
    expect_close_to_naive(test);
    SingleWorker worker;
    EXPECT_EQ(run_case(test.step, Kernel::kVector, worker),
              run_case(test.step, Kernel::kReference, worker));
  }
}

TEST(Conv2dCheck, AcceptsTheSample) { EXPECT_EQ(Sample().check(), Status::kOk); }

TEST(Conv2dCheck, RefusesAnUnknownKernel) {
  EXPECT_EQ(check_case(Sample().step(), static_cast<Kernel>(2)), Status::kUnknownKernel);
}

TEST(Conv2dCheck, RefusesTooFewAndTooManyAttributeWords) {
  Case step = Sample().step();
  step.attributes.pop_back();
  EXPECT_EQ(check_case(step), Status::kBadAttribute);
  step.attributes.resize(step.attributes.size() + 2);
  EXPECT_EQ(check_case(step), Status::kBadAttribute);
}

TEST(Conv2dCheck, RefusesAttributesOutOfRange) {
  const auto refuses = [](auto change) {
    Sample sample;
    change(sample.attributes);
    return sample.check() == Status::kBadAttribute;
  };
  EXPECT_TRUE(refuses([](auto& a) { a.window.kernel_h = 0; }));
  EXPECT_TRUE(refuses([](auto& a) { a.window.kernel_w = 1025; }));
  EXPECT_TRUE(refuses([](auto& a) { a.window.kernel_w = 0xffffffffu; }));
  EXPECT_TRUE(refuses([](auto& a) { a.window.stride_h = 0; }));
  EXPECT_TRUE(refuses([](auto& a) { a.window.stride_w = 65537; }));
  EXPECT_TRUE(refuses([](auto& a) { a.window.dilation_h = 0; }));
  EXPECT_TRUE(refuses([](auto& a) { a.window.dilation_w = 65537; }));
  EXPECT_TRUE(refuses([](auto& a) { a.window.pad_top = 65537; }));
  EXPECT_TRUE(refuses([](auto& a) { a.window.pad_left = 65537; }));
  EXPECT_TRUE(refuses([](auto& a) { a.window.pad_bottom = 0xffffffffu; }));
  EXPECT_TRUE(refuses([](auto& a) { a.window.pad_right = 65537; }));
  EXPECT_TRUE(refuses([](auto& a) { a.groups = 0; }));
  EXPECT_TRUE(refuses([](auto& a) { a.activation.clamp.low = std::nanf(""); }));
  EXPECT_TRUE(refuses([](auto& a) { a.activation.clamp.high = std::nanf(""); }));
  EXPECT_TRUE(refuses([](auto& a) { a.activation.clamp = {1.0f, 0.0f}; }));
  EXPECT_TRUE(refuses([](auto& a) { a.activation.slope = std::nanf(""); }));
  EXPECT_TRUE(refuses([](auto& a) { a.activation.slope = -INFINITY; }));
}

TEST(Conv2dCheck, RefusesShapesThatDoNotFit) {
  const auto refuses = [](auto change) {
    Sample sample;
    change(sample);
    return sample.check() == Status::kShapeMismatch;
  };
  EXPECT_TRUE(refuses([](Sample& s) { s.y[0] = 2; })) << "other batch";
  EXPECT_TRUE(refuses([](Sample& s) { s.y[1] = 7; })) << "output too high";
  EXPECT_TRUE(refuses([](Sample& s) { s.y[2] = 4; })) << "output too narrow";
  EXPECT_TRUE(refuses([](Sample& s) { s.y[3] = 12; })) << "more channels than weights";
  EXPECT_TRUE(refuses([](Sample& s) { s.x[3] = 3; })) << "fewer inputs than weights";
  EXPECT_TRUE(refuses([](Sample& s) { s.weights[0] -= 1; })) << "blob too short";
  EXPECT_TRUE(refuses([](Sample& s) { s.weights[0] += 1; })) << "blob too long";
  EXPECT_TRUE(refuses([](Sample& s) { s.weights = {1, s.weights[0]}; })) << "blob of rank 2";
  EXPECT_TRUE(refuses([](Sample& s) { s.x = {6, 5, 4}; })) << "rank 3";
  EXPECT_TRUE(refuses([](Sample& s) { s.y = {1, 1, 6, 5, 8}; })) << "rank 5";
  EXPECT_TRUE(refuses([](Sample& s) { s.attributes.groups = 3; })) << "groups do not divide";
  EXPECT_TRUE(refuses([](Sample& s) { s.attributes.groups = 2; })) << "blob packed without groups";
  EXPECT_TRUE(refuses([](Sample& s) {
    s.attributes.window.dilation_h = 65536;
    s.attributes.window.pad_top = 0;
  })) << "window larger than the image";
}

TEST(Conv2dCheck, RefusesOtherTypes) {
  const Case step = Sample().step();
  const auto check_with_type = [&](std::size_t operand) {
    TensorView views[] = {step.inputs[0].shape(), step.inputs[1].shape(), step.output.shape()};
    views[operand].dtype = DType::kI32;
    const TensorView* inputs[] = {&views[0], &views[1]};
    const TensorView* outputs[] = {&views[2]};
    return check_conv2d({Kernel::kVector, inputs, outputs, step.attributes});
  };
  for (std::size_t operand = 0; operand < 3; ++operand) {
    EXPECT_EQ(check_with_type(operand), Status::kDtypeMismatch) << operand;
  }
}

TEST(Conv2dCheck, SurvivesTheLargestDimensions) {
  const Case step = Sample().step();
  TensorView x = step.inputs[0].shape();
  TensorView weights = step.inputs[1].shape();
  TensorView y = step.output.shape();
  x.dims = y.dims = {0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 1, 1};
  x.pitch = y.pitch = 0xffffffffu;
  weights.dims[0] = weights.pitch = 0xffffffffu;
  const TensorView* inputs[] = {&x, &weights};
  const TensorView* outputs[] = {&y};
  EXPECT_EQ(check_conv2d({Kernel::kVector, inputs, outputs, step.attributes}),
            Status::kShapeMismatch);
}

}  // namespace
}  // namespace sz::ops::testing
