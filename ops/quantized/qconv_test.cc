// The quantised products against their formula, from the parameters as a model file has them, in
// 64-bit integers, with the arithmetic of the oracle; and what their checks refuse.
#include "ops/quantized/qconv.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/quantized/testing/oracle.h"
#include "ops/quantized/testing/product_cases.h"

namespace sz::ops::testing {
namespace {

// The sum for one output, modulo 2^32, x and w less their zero points: padding contributes nothing.
std::int32_t formula_sum(const QConvCase& test, const std::vector<std::uint32_t>& dims,
                         std::size_t n, std::size_t oy, std::size_t ox, std::size_t m) {
  const Window2d& window = test.attributes.window;
  const std::size_t channels = test.shape.inputs / test.shape.groups;
  const std::size_t group = m / (test.shape.outputs / test.shape.groups);
  std::int64_t sum = test.bias.empty() ? 0 : test.bias[m];
  for (std::size_t ky = 0; ky < window.kernel_h; ++ky) {
    for (std::size_t kx = 0; kx < window.kernel_w; ++kx) {
      const long iy = static_cast<long>(oy * window.stride_h + ky * window.dilation_h) -
                      static_cast<long>(window.pad_top);
      const long ix = static_cast<long>(ox * window.stride_w + kx * window.dilation_w) -
                      static_cast<long>(window.pad_left);
      if (iy < 0 || ix < 0 || iy >= long{dims[1]} || ix >= long{dims[2]}) continue;
      const std::size_t pixel =
          (n * dims[1] + static_cast<std::size_t>(iy)) * dims[2] + static_cast<std::size_t>(ix);
      for (std::size_t c = 0; c < channels; ++c) {
        const std::int64_t x =
            test.step.inputs[0].integer(pixel * test.shape.inputs + group * channels + c);
        const std::int64_t w =
            test.weights[((m * channels + c) * window.kernel_h + ky) * window.kernel_w + kx];
        sum += (x - test.attributes.x_zero) * (w - test.attributes.weight_zero);
      }
    }
  }
  return static_cast<std::int32_t>(static_cast<std::uint64_t>(sum));
}

std::int64_t formula_output(const QConvCase& test, std::int32_t sum, std::size_t m) {
  const auto of = [m](const auto& list) { return list[list.size() == 1 ? 0 : m]; };
  const QuantOutput& y = test.attributes.y;
  double value = 0;
  switch (test.attributes.mode) {
    case Rescaling::kNone:
      return sum;
    case Rescaling::kFloat:
      value = std::nearbyint(std::fma(static_cast<float>(sum), of(test.scales),
                                      test.rests.empty() ? 0.0f : test.rests[m]));
      break;
    case Rescaling::kFixedPoint:
      value = oracle::multiply(sum, of(test.multipliers), of(test.shifts));
  }
  return static_cast<std::int64_t>(
      std::min<double>(std::max<double>(value + y.zero, y.low), y.high));
}

void expect_formula(const QConvCase& test) {
  SingleWorker worker;
  const std::vector<std::byte> bytes = run_bytes(test.step, Kernel::kReference, worker);
  const bool raw = test.attributes.mode == Rescaling::kNone;
  const TensorView& view = test.step.inputs[0].view();
  std::vector<std::uint32_t> dims(view.dims.begin(), view.dims.begin() + 4);
  const TensorView& out = test.step.outputs[0].view();
  std::size_t pixels_h = out.dims[1], pixels_w = out.dims[2], batch = out.dims[0];
  if (test.step.op == OpCode::kQFullyConnected) {
    const auto rows = static_cast<std::uint32_t>(view.rows());
    dims = {1, 1, rows, view.inner()};
    batch = pixels_h = 1;
    pixels_w = rows;
  }
  std::size_t i = 0;
  for (std::size_t n = 0; n < batch; ++n) {
    for (std::size_t oy = 0; oy < pixels_h; ++oy) {
      for (std::size_t ox = 0; ox < pixels_w; ++ox) {
        for (std::size_t m = 0; m < test.shape.outputs; ++m, ++i) {
          std::int32_t got = static_cast<std::int8_t>(bytes[raw ? 0 : i]);
          if (raw) std::memcpy(&got, bytes.data() + 4 * i, 4);
          const std::int32_t sum = formula_sum(test, dims, n, oy, ox, m);
          ASSERT_EQ(got, formula_output(test, sum, m))
              << "output " << n << ' ' << oy << ' ' << ox << ' ' << m << ", sum " << sum;
        }
      }
    }
  }
}

template <typename Draw>
void expect_formula_of_many(Draw draw, int cases) {
  const std::uint64_t seed = test_seed();
  for (int i = 0; i < cases; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 7919 + static_cast<std::uint64_t>(i));
    expect_formula(draw(random));
    if (::testing::Test::HasFailure()) return;
  }
}

class QConv2dFormula : public ::testing::TestWithParam<QConvKind> {};

TEST_P(QConv2dFormula, AgreesWithTheDefinition) {
  expect_formula_of_many([](Random& random) { return random_qconv(random, GetParam()); }, 80);
}

INSTANTIATE_TEST_SUITE_P(All, QConv2dFormula,
                         ::testing::Values(QConvKind::kDense, QConvKind::kGrouped,
                                           QConvKind::kDepthwise, QConvKind::kFewChannels,
                                           QConvKind::kPointwise));

TEST(QFullyConnectedFormula, AgreesWithTheDefinition) {
  expect_formula_of_many(random_qfully_connected, 80);
}

// The largest sum that check allows: 65792 products of -128 and 127 - (-128).
TEST(QFullyConnected, HoldsTheLargestSum) {
  constexpr std::uint32_t kInputs = kMaxQuantInputs;
  QConvCase test{ByteCase{OpCode::kQFullyConnected, {}, {}, {}}, {}, {}, {}, {}, {}, {}, {}, {}};
  test.shape = fully_connected_shape(3, kInputs);
  test.attributes.mode = Rescaling::kNone;
  test.attributes.weight_zero = -128;
  test.attributes.y = {0, 0, 0};
  test.weights.assign(std::size_t{3} * kInputs, 127);
  ByteTensor x(DType::kI8, {1, kInputs});
  for (std::size_t i = 0; i < kInputs; ++i) x.set_integer(i, -128);
  ByteTensor blob(DType::kI8,
                  {static_cast<std::uint32_t>(*packed_qfully_connected_bytes(3, kInputs))});
  ASSERT_TRUE(pack_qfully_connected(test.parameters(), 3, kInputs, {blob.data(), blob.elements()}));
  test.step.inputs = {x, blob};
  test.step.outputs = {ByteTensor(DType::kI32, {1, 3})};
  test.step.attributes = words_of(QFullyConnectedAttributes{Rescaling::kNone, -128, {0, 0, 0}});
  const std::vector<std::byte> bytes = expect_same_bytes(test.step);
  std::int32_t sum;
  std::memcpy(&sum, bytes.data(), sizeof(sum));
  EXPECT_EQ(sum, -128 * 255 * static_cast<std::int32_t>(kInputs));
  EXPECT_FALSE(packed_qfully_connected_bytes(3, kInputs + 1).has_value());
}

// A 3x3 convolution over [1, 6, 5, 4] with 8 outputs that checks.
struct Sample {
  QConv2dAttributes attributes;
  DType x_type = DType::kI8, blob_type = DType::kI8, y_type = DType::kI8;
  std::vector<std::uint32_t> x{1, 6, 5, 4}, y{1, 6, 5, 8}, blob;
  Sample() {
    attributes.window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
    blob = {static_cast<std::uint32_t>(*packed_qconv2d_bytes({4, 8, 1, 3, 3}))};
  }
  Status check() const {
    return check_bytes({OpCode::kQConv2d,
                        {ByteTensor(x_type, x), ByteTensor(blob_type, blob)},
                        {ByteTensor(y_type, y)},
                        words_of(attributes)});
  }
  template <typename Change>
  static Status after(Change change) {
    Sample sample;
    change(sample);
    return sample.check();
  }
};

TEST(QConv2d, RefusesWhatIsNotConsistent) {
  EXPECT_EQ(Sample().check(), Status::kOk);
  EXPECT_EQ(Sample::after([](Sample& s) { s.blob[0] -= 1; }), Status::kShapeMismatch);
  EXPECT_EQ(Sample::after([](Sample& s) { s.blob[0] += 64; }), Status::kShapeMismatch);
  EXPECT_EQ(Sample::after([](Sample& s) { s.y[3] = 17; }), Status::kShapeMismatch);
  EXPECT_EQ(Sample::after([](Sample& s) { s.y[1] = 7; }), Status::kShapeMismatch);
  EXPECT_EQ(Sample::after([](Sample& s) { s.x[3] = 5; }), Status::kShapeMismatch);
  EXPECT_EQ(Sample::after([](Sample& s) { s.attributes.groups = 3; }), Status::kShapeMismatch);
  EXPECT_EQ(Sample::after([](Sample& s) { s.x_type = DType::kU8; }), Status::kDtypeMismatch);
  EXPECT_EQ(Sample::after([](Sample& s) { s.blob_type = DType::kF32; }), Status::kDtypeMismatch);
  EXPECT_EQ(Sample::after([](Sample& s) { s.y_type = DType::kF32; }), Status::kDtypeMismatch);
}

TEST(QConv2d, RefusesHostileAttributes) {
  const auto refused = [](auto change) { return Sample::after(change) == Status::kBadAttribute; };
  EXPECT_TRUE(refused([](Sample& s) { s.attributes.groups = 0; }));
  EXPECT_TRUE(refused([](Sample& s) { s.attributes.x_zero = 128; }));
  EXPECT_TRUE(refused([](Sample& s) { s.attributes.x_zero = -129; }));
  EXPECT_TRUE(refused([](Sample& s) { s.attributes.weight_zero = 1 << 30; }));
  EXPECT_TRUE(refused([](Sample& s) { s.attributes.y.zero = 200; }));
  EXPECT_TRUE(refused([](Sample& s) { s.attributes.y = {0, 1, 0}; }));
  EXPECT_TRUE(refused([](Sample& s) { s.attributes.y.high = 128; }));
  EXPECT_TRUE(refused([](Sample& s) { s.attributes.mode = Rescaling::kNone; }));
  EXPECT_TRUE(refused([](Sample& s) { s.attributes.mode = Rescaling{3}; }));
  EXPECT_TRUE(refused([](Sample& s) { s.y_type = DType::kI32; }));
  EXPECT_TRUE(refused([](Sample& s) { s.attributes.window.kernel_h = 0; }));
  EXPECT_TRUE(refused([](Sample& s) { s.attributes.window.stride_w = 0; }));
  EXPECT_TRUE(refused([](Sample& s) { s.attributes.window.dilation_w = 0xffffffffu; }));
  EXPECT_TRUE(refused([](Sample& s) { s.attributes.window.pad_left = 0x80000000u; }));
}

TEST(QuantPacking, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(packed_qconv2d_bytes({0, 1, 1, 1, 1}).has_value());
  EXPECT_FALSE(packed_qconv2d_bytes({4, 4, 0, 1, 1}).has_value());
  EXPECT_FALSE(packed_qconv2d_bytes({4, 4, 3, 1, 1}).has_value());
  EXPECT_FALSE(packed_qconv2d_bytes({0xffffffffu, 1, 1, 0xffffffffu, 0xffffffffu}).has_value());
  EXPECT_FALSE(packed_qconv2d_bytes({65792, 0xffffffffu, 1, 1, 1}).has_value());

  const ConvWeightShape shape = fully_connected_shape(1, 2);
  std::vector<std::byte> blob(*packed_qconv2d_bytes(shape));
  const std::int8_t weights[] = {1, -2};
  const std::int32_t bias[] = {5};
  const std::int32_t multiplier[] = {1 << 30};
  const std::int32_t shift[] = {-3};
  const auto packs = [&](auto change) {
    QuantParameters parameters{weights,    bias,  0,  0, Rescaling::kFixedPoint,
                               multiplier, shift, {}, {}};
    change(parameters);
    return pack_qconv2d(parameters, shape, blob);
  };
  const std::int32_t wrong_shift[] = {31};
  const std::int32_t wrong_multiplier[] = {-1};
  const std::int32_t least[] = {-0x7fffffff - 1};
  const float nan[] = {__builtin_nanf("")};
  const float scale[] = {1.0f};
  const float two[] = {0.25f, 0.0f};
  EXPECT_TRUE(packs([](QuantParameters&) {}));
  EXPECT_FALSE(packs([&](QuantParameters& p) { p.shifts = wrong_shift; }));
  EXPECT_FALSE(packs([&](QuantParameters& p) { p.multipliers = wrong_multiplier; }));
  EXPECT_FALSE(packs([&](QuantParameters& p) { p.shifts = {}; }));
  EXPECT_FALSE(packs([&](QuantParameters& p) { p.weights = p.weights.first(1); }));
  EXPECT_FALSE(packs([&](QuantParameters& p) { p.x_zero = 128; }));
  EXPECT_FALSE(packs([&](QuantParameters& p) {
    p.mode = Rescaling::kFloat;
    p.scales = nan;
  }));
  EXPECT_FALSE(packs([&](QuantParameters& p) {
    p.mode = Rescaling::kFloat;
    p.scales = std::span<const float>(scale);
    p.rests = nan;
  }));
  EXPECT_FALSE(packs([&](QuantParameters& p) {
    p.mode = Rescaling::kFloat;
    p.scales = std::span<const float>(scale);
    p.rests = two;
  }));
  EXPECT_FALSE(packs([&](QuantParameters& p) {  // bias' is below every i32
    p.bias = least;
    p.x_zero = -1;
  }));
}

}  // namespace
}  // namespace sz::ops::testing
