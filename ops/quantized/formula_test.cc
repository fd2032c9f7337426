// The quantised operators without weights against their definitions, in wide integers or doubles
// and the oracle's arithmetic; and what their checks refuse.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/quantized/qsoftmax.h"
#include "ops/quantized/testing/byte_cases.h"
#include "ops/quantized/testing/oracle.h"

namespace sz::ops::testing {
namespace {

constexpr int kCases = 100;

std::int32_t bounded(double value, const QuantOutput& y) {
  return static_cast<std::int32_t>(
      std::min<double>(std::max<double>(value + y.zero, y.low), y.high));
}

std::int32_t rescaled(std::int64_t sum, const QuantFactor& factor, const QuantOutput& y) {
  const auto narrow = static_cast<std::int32_t>(sum);
  if (factor.mode == Rescaling::kFloat) {
    return bounded(std::nearbyint(static_cast<float>(narrow) * factor.scale), y);
  }
  return bounded(oracle::multiply(narrow, factor.multiplier, factor.shift), y);
}

// Calls compare(test, bytes of the reference) for many cases of `draw`.
template <typename Draw, typename Compare>
void for_many(Draw draw, Compare compare) {
  const std::uint64_t seed = test_seed();
  SingleWorker worker;
  for (int i = 0; i < kCases; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 15485863 + static_cast<std::uint64_t>(i));
    const ByteCase test = draw(random);
    compare(test, run_bytes(test, Kernel::kReference, worker));
    if (::testing::Test::HasFailure()) return;
  }
}

template <typename Attributes>
Attributes attributes_of(const ByteCase& test) {
  Attributes attributes;
  EXPECT_TRUE(read_attributes(test.attributes, &attributes));
  return attributes;
}

std::int32_t byte_at(const std::vector<std::byte>& bytes, std::size_t i, DType type = DType::kI8) {
  return type == DType::kU8 ? static_cast<std::int32_t>(bytes[i])
                            : static_cast<std::int8_t>(bytes[i]);
}

// Where element `index` of y comes from in a tensor that is broadcast to y.
std::size_t broadcast_index(const TensorView& from, const TensorView& y, std::size_t index) {
  std::size_t result = 0, stride = 1;
  for (std::uint32_t back = 0; back < y.rank; ++back) {
    const std::size_t of_y = y.dims[y.rank - 1u - back];
    const std::size_t size = back < from.rank ? from.dims[from.rank - 1u - back] : 1;
    if (size != 1) result += index % of_y * stride;
    index /= of_y;
    stride *= size;
  }
  return result;
}

TEST(Quantize, IsTheNearestValue) {
  for_many(random_quantize, [](const ByteCase& test, const std::vector<std::byte>& bytes) {
    const auto t = attributes_of<QuantizeAttributes>(test);
    const DType type = test.outputs[0].type();
    const std::int32_t least = type == DType::kU8 ? 0 : -128;
    const std::size_t inner = test.inputs[0].view().inner();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      float scale = t.scale;
      std::int32_t zero = t.zero;
      if (test.inputs.size() == 3) {
        scale = test.inputs[1].get<float>(i % inner);
        zero = std::min(std::max(test.inputs[2].integer(i % inner), least), least + 255);
      }
      const float quotient = test.inputs[0].get<float>(i) / scale;
      double expected = std::isnan(quotient) ? 0.0 : std::nearbyint(quotient);
      expected = std::min(std::max(expected + zero, double(least)), double(least) + 255);
      ASSERT_EQ(byte_at(bytes, i, type), expected) << i;
    }
  });
}

TEST(Requantize, AgreesWithTheDefinition) {
  for_many(random_requantize, [](const ByteCase& test, const std::vector<std::byte>& bytes) {
    const auto t = attributes_of<RequantizeAttributes>(test);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      ASSERT_EQ(byte_at(bytes, i, test.outputs[0].type()),
                rescaled(test.inputs[0].integer(i) - t.x_zero, t.factor, t.y));
    }
  });
}

TEST(QBinary, AgreesWithTheDefinition) {
  for_many(random_qbinary, [](const ByteCase& test, const std::vector<std::byte>& bytes) {
    const auto t = attributes_of<QBinaryAttributes>(test);
    const TensorView& y = test.outputs[0].view();
    const auto fixed = [](std::int64_t x, const QuantFactor& f) {
      return oracle::multiply(static_cast<std::int32_t>(x), f.multiplier, f.shift);
    };
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::int32_t a =
          test.inputs[0].integer(broadcast_index(test.inputs[0].view(), y, i)) - t.a_zero;
      const std::int32_t b =
          test.inputs[1].integer(broadcast_index(test.inputs[1].view(), y, i)) - t.b_zero;
      double value = 0;
      if (t.y_factor.mode == Rescaling::kFixedPoint) {
        std::int64_t sum = std::int64_t{a} * b;
        if (t.kind != BinaryKind::kMul) {
          const std::int64_t left = fixed(std::int64_t{a} << t.left_shift, t.a);
          const std::int64_t right = fixed(std::int64_t{b} << t.left_shift, t.b);
          sum = t.kind == BinaryKind::kAdd ? left + right : left - right;
          sum = static_cast<std::int32_t>(static_cast<std::uint64_t>(sum));
        }
        value = fixed(sum, t.y_factor);
      } else {
        const float left = static_cast<float>(a) * t.a.scale;
        const float right = static_cast<float>(b) * t.b.scale;
        const float result = t.kind == BinaryKind::kAdd   ? left + right
                             : t.kind == BinaryKind::kSub ? left - right
                                                          : left * right;
        const float quotient = result / t.y_factor.scale;
        value = std::isnan(quotient) ? 0.0 : std::nearbyint(quotient);
      }
      ASSERT_EQ(byte_at(bytes, i), bounded(value, t.y)) << i;
    }
  });
}

TEST(QPool2d, AgreesWithTheDefinition) {
  for_many(random_qpool, [](const ByteCase& test, const std::vector<std::byte>& bytes) {
    const auto t = attributes_of<QPool2dAttributes>(test);
    const auto& x = test.inputs[0].view().dims;
    const auto& y = test.outputs[0].view().dims;
    const Window2d& w = t.window;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::size_t c = i % y[3], ox = i / y[3] % y[2], oy = i / y[3] / y[2] % y[1];
      const std::size_t n = i / y[3] / y[2] / y[1];
      std::int64_t sum = 0, inside = 0, padded = 0;
      for (std::uint32_t tap = 0; tap < w.kernel_h * w.kernel_w; ++tap) {
        const auto py = static_cast<long>(oy * w.stride_h + tap / w.kernel_w * w.dilation_h);
        const auto px = static_cast<long>(ox * w.stride_w + tap % w.kernel_w * w.dilation_w);
        if (py < long{x[1]} + w.pad_top + w.pad_bottom &&
            px < long{x[2]} + w.pad_left + w.pad_right) {
          ++padded;
        }
        const long iy = py - w.pad_top, ix = px - w.pad_left;
        if (iy < 0 || ix < 0 || iy >= long{x[1]} || ix >= long{x[2]}) continue;
        ++inside;
        const std::size_t pixel =
            (n * x[1] + static_cast<std::size_t>(iy)) * x[2] + static_cast<std::size_t>(ix);
        sum += test.inputs[0].integer(pixel * x[3] + c) - t.x_zero;
      }
      double value = 0;
      if (t.mode == Rescaling::kFloat) {
        const auto count = static_cast<float>(t.count_include_pad != 0 ? padded : inside);
        value = std::nearbyint(static_cast<float>(sum) * (t.scale / count));
      } else {  // to nearest, halves away from zero
        value = std::round(static_cast<double>(sum) / static_cast<double>(inside));
      }
      ASSERT_EQ(byte_at(bytes, i), bounded(value, t.y)) << i;
    }
  });
}

TEST(QGlobalAveragePool, AgreesWithTheDefinition) {
  for_many(
      random_qglobal_average_pool, [](const ByteCase& test, const std::vector<std::byte>& bytes) {
        const auto t = attributes_of<QGlobalAveragePoolAttributes>(test);
        const auto& x = test.inputs[0].view().dims;
        const std::size_t pixels = std::size_t{x[1]} * x[2];
        for (std::size_t i = 0; i < bytes.size(); ++i) {
          std::int64_t sum = 0;
          for (std::size_t p = 0; p < pixels; ++p) {
            sum += test.inputs[0].integer((i / x[3] * pixels + p) * x[3] + i % x[3]) - t.x_zero;
          }
          ASSERT_EQ(byte_at(bytes, i), rescaled(sum, t.factor, t.y)) << i;
        }
      });
}

TEST(QMatMul, AgreesWithTheDefinition) {
  for_many(random_qmatmul, [](const ByteCase& test, const std::vector<std::byte>& bytes) {
    auto t = attributes_of<QMatMulAttributes>(test);
    if (test.inputs.size() == 4) {
      t.a_zero = test.inputs[2].integer(0);
      t.b_zero = test.inputs[3].integer(0);
    }
    // Matrices broadcast as if they were elements.
    const auto leading = [](TensorView view) {
      view.rank = static_cast<std::uint8_t>(view.rank - 2);
      return view;
    };
    const TensorView &a = test.inputs[0].view(), &b = test.inputs[1].view();
    const TensorView& y = test.outputs[0].view();
    const std::size_t inputs = a.inner(), columns = y.inner(), rows = y.dims[y.rank - 2u];
    for (std::size_t i = 0; i < test.outputs[0].elements(); ++i) {
      const std::size_t n = i % columns, m = i / columns % rows, matrix = i / columns / rows;
      const std::size_t of_a = broadcast_index(leading(a), leading(y), matrix) * rows + m;
      const std::size_t of_b = broadcast_index(leading(b), leading(y), matrix) * inputs * columns;
      std::int64_t sum = 0;
      for (std::size_t k = 0; k < inputs; ++k) {
        const std::size_t at = t.transpose_b != 0 ? n * inputs + k : k * columns + n;
        sum += (test.inputs[0].integer(of_a * inputs + k) - t.a_zero) *
               (test.inputs[1].integer(of_b + at) - t.b_zero);
      }
      if (t.factor.mode == Rescaling::kNone) {
        std::int32_t got;
        std::memcpy(&got, bytes.data() + 4 * i, 4);
        ASSERT_EQ(got, sum) << i;
      } else {
        ASSERT_EQ(byte_at(bytes, i), rescaled(sum, t.factor, t.y)) << i;
      }
    }
  });
}

// Newton's steps against the exact quotient, in Q0.31.
TEST(QSoftmax, ReciprocalIsCloseToTheQuotient) {
  for (std::int64_t x = 0; x <= 0x7fffffff; x += 65521) {
    const double exact = 1.0 / (1.0 + std::ldexp(static_cast<double>(x), -31));
    const double got = std::ldexp(reciprocal_of_one_plus(static_cast<std::int32_t>(x)), -31);
    ASSERT_NEAR(got, exact, 2e-8) << x;
  }
}

TEST(QSoftmax, IsWithinAStepOfTheRealOne) {
  for (const Rescaling mode : {Rescaling::kFixedPoint, Rescaling::kFloat}) {
    const double step = 0.07;
    const std::uint32_t classes = 37;
    Random random(test_seed());
    ByteTensor x(DType::kI8, {20, classes});
    x.fill_random(random);
    ByteTensor table(mode == Rescaling::kFloat ? DType::kF32 : DType::kI32, {256});
    for (std::uint32_t d = 0; d < 256; ++d) {
      const double value = std::exp(-step * d);
      if (mode == Rescaling::kFloat)
        table.set(d, static_cast<float>(value));
      else
        table.set(d, static_cast<std::int32_t>(std::min(value * 2147483648.0, 2147483647.0)));
    }
    const ByteCase test{OpCode::kQSoftmax,
                        {x, table},
                        {ByteTensor(DType::kI8, {20, classes})},
                        words_of(QSoftmaxAttributes{mode})};
    SingleWorker worker;
    const std::vector<std::byte> bytes = run_bytes(test, Kernel::kVector, worker);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::size_t row = i / classes * classes;
      double sum = 0;
      for (std::size_t j = row; j < row + classes; ++j) sum += std::exp(step * x.integer(j));
      const double exact = std::exp(step * x.integer(i)) / sum * 256 - 128;
      ASSERT_NEAR(byte_at(bytes, i), std::min(exact, 127.0), 1.0) << i;
    }
  }
}

TEST(DynamicQuantize, CoversTheRange) {
  ByteTensor x(DType::kF32, {2, 3});
  const float values[] = {-1.0f, 0.0f, 0.5f, 1.5f, 0.25f, -0.5f};
  for (std::size_t i = 0; i < 6; ++i) x.set(i, values[i]);
  const ByteCase test{
      OpCode::kDynamicQuantize,
      {x},
      {ByteTensor(DType::kU8, {2, 3}), ByteTensor(DType::kF32, {1}), ByteTensor(DType::kU8, {1})},
      {}};
  const std::vector<std::byte> bytes = expect_same_bytes(test);
  float scale;
  std::memcpy(&scale, bytes.data() + 6, 4);
  EXPECT_EQ(scale, 2.5f / 255.0f);
  const auto zero = static_cast<std::int32_t>(bytes[10]);
  EXPECT_EQ(zero, 102);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(static_cast<std::int32_t>(bytes[i]),
              static_cast<std::int32_t>(std::nearbyint(values[i] / scale)) + zero);
  }
}

TEST(PoolOfBytes, TakesTheGreatest) {
  for_many(random_byte_max_pool, [](const ByteCase& test, const std::vector<std::byte>& bytes) {
    // A value is the greatest of its window if it occurs in x and no other operator says otherwise:
    // compare with the f32 pool, whose values are exact.
    const ByteTensor& x = test.inputs[0];
    std::vector<std::uint32_t> in(x.view().dims.begin(), x.view().dims.begin() + 4);
    const auto& out = test.outputs[0].view().dims;
    Tensor real(in);
    for (std::size_t i = 0; i < x.elements(); ++i) real.at(i) = static_cast<float>(x.integer(i));
    SingleWorker worker;
    const auto bits = run_case(
        {OpCode::kPool2d, {real}, Tensor({out[0], out[1], out[2], out[3]}), test.attributes},
        Kernel::kReference, worker);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      ASSERT_EQ(byte_at(bytes, i, x.type()), std::bit_cast<float>(bits[i])) << i;
    }
  });
}

}  // namespace
}  // namespace sz::ops::testing
