// What the checks of the quantised operators refuse: attributes and shapes as a hostile plan may
// have them. (Convolutions: qconv_test.cc.)
#include <gtest/gtest.h>

#include <limits>

#include "ops/quantized/testing/byte_cases.h"

namespace sz::ops::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The status after `change` to attributes that are fine otherwise.
template <typename Attributes, typename Change>
Status after(ByteCase test, Attributes attributes, Change change) {
  test.attributes = words_of(attributes);
  EXPECT_EQ(check_bytes(test), Status::kOk);
  change(attributes);
  test.attributes = words_of(attributes);
  return check_bytes(test);
}

ByteCase simple(OpCode op, DType from, DType to, std::size_t inputs = 1) {
  return {
      op, std::vector<ByteTensor>(inputs, ByteTensor(from, {2, 3})), {ByteTensor(to, {2, 3})}, {}};
}

TEST(HostileQuantize, ScalesAndZeroPoints) {
  using A = QuantizeAttributes;
  const ByteCase test = simple(OpCode::kQuantize, DType::kF32, DType::kI8);
  for (const float scale : {0.0f, -1.0f, kNan, kInfinity, -kInfinity}) {
    EXPECT_EQ(after(test, A{}, [=](A& a) { a.scale = scale; }), Status::kBadAttribute) << scale;
  }
  EXPECT_EQ(after(test, A{}, [](A& a) { a.zero = 128; }), Status::kBadAttribute);
  EXPECT_EQ(after(test, A{}, [](A& a) { a.zero = -129; }), Status::kBadAttribute);
  const ByteCase wide = simple(OpCode::kDequantize, DType::kU8, DType::kF32);
  EXPECT_EQ(after(wide, A{}, [](A& a) { a.zero = -1; }), Status::kBadAttribute);
  EXPECT_EQ(after(wide, A{}, [](A& a) { a.scale = kNan; }), Status::kBadAttribute);
}

TEST(HostileQuantize, ListsOfScales) {
  const auto check = [](std::vector<ByteTensor> lists, QuantizeAttributes attributes) {
    ByteCase test = simple(OpCode::kQuantize, DType::kF32, DType::kI8);
    test.inputs.insert(test.inputs.end(), lists.begin(), lists.end());
    test.attributes = words_of(attributes);
    return check_bytes(test);
  };
  const ByteTensor scales(DType::kF32, {3}), zeroes(DType::kI32, {3});
  EXPECT_EQ(check({scales, zeroes}, {}), Status::kOk);
  EXPECT_EQ(check({scales}, {}), Status::kShapeMismatch);
  EXPECT_EQ(check({scales, ByteTensor(DType::kI32, {2})}, {}), Status::kShapeMismatch);
  EXPECT_EQ(check({ByteTensor(DType::kF32, {4}), zeroes}, {}), Status::kShapeMismatch);
  EXPECT_EQ(check({scales, ByteTensor(DType::kI8, {3})}, {}), Status::kDtypeMismatch);
  EXPECT_EQ(check({zeroes, zeroes}, {}), Status::kDtypeMismatch);
  EXPECT_EQ(check({scales, zeroes}, {0.5f, 0}), Status::kBadAttribute);
}

TEST(HostileRequantize, FactorsAndBounds) {
  using A = RequantizeAttributes;
  const ByteCase test = simple(OpCode::kRequantize, DType::kI8, DType::kI8);
  const auto bad = [&](auto change) { return after(test, A{}, change) == Status::kBadAttribute; };
  EXPECT_TRUE(bad([](A& a) { a.factor.shift = 31; }));
  EXPECT_TRUE(bad([](A& a) { a.factor.shift = -32; }));
  EXPECT_TRUE(bad([](A& a) { a.factor.multiplier = std::numeric_limits<std::int32_t>::min(); }));
  EXPECT_TRUE(bad([](A& a) { a.factor.scale = 2.0f; }));
  EXPECT_TRUE(bad([](A& a) { a.factor.mode = Rescaling::kNone; }));
  EXPECT_TRUE(bad([](A& a) { a.factor.mode = Rescaling{7}; }));
  EXPECT_TRUE(bad([](A& a) { a.factor = {Rescaling::kFloat, 0, 0, kNan}; }));
  EXPECT_TRUE(bad([](A& a) { a.factor = {Rescaling::kFloat, 1, 0, 1.0f}; }));
  EXPECT_TRUE(bad([](A& a) { a.x_zero = 200; }));
  EXPECT_TRUE(bad([](A& a) { a.y = {0, 1, 0}; }));
  EXPECT_TRUE(bad([](A& a) { a.y.high = 128; }));
  EXPECT_TRUE(bad([](A& a) { a.y.zero = -129; }));
}

TEST(HostileQBinary, FactorsKindsAndShifts) {
  using A = QBinaryAttributes;
  const ByteCase test = simple(OpCode::kQBinary, DType::kI8, DType::kI8, 2);
  const auto bad = [&](auto change) { return after(test, A{}, change) == Status::kBadAttribute; };
  EXPECT_TRUE(bad([](A& a) { a.kind = BinaryKind::kDiv; }));
  EXPECT_TRUE(bad([](A& a) { a.left_shift = 23; }));
  EXPECT_TRUE(bad([](A& a) { a.left_shift = -1; }));
  EXPECT_TRUE(bad([](A& a) { a.a.shift = 31; }));
  EXPECT_TRUE(bad([](A& a) { a.b.mode = Rescaling::kFloat; }));
  EXPECT_TRUE(bad([](A& a) { a.b_zero = 128; }));
  EXPECT_TRUE(bad([](A& a) {
    a.kind = BinaryKind::kMul;
    a.left_shift = 20;
  }));
  EXPECT_TRUE(bad([](A& a) {
    a.kind = BinaryKind::kMul;
    a.a.multiplier = 1;
  }));
  ByteCase shapes = test;
  shapes.attributes = words_of(A{});
  shapes.inputs[1] = ByteTensor(DType::kI8, {2, 2});
  EXPECT_EQ(check_bytes(shapes), Status::kShapeMismatch);
  shapes.inputs[1] = ByteTensor(DType::kU8, {2, 3});
  EXPECT_EQ(check_bytes(shapes), Status::kDtypeMismatch);
}

TEST(HostileQPool2d, ModesScalesAndWindows) {
  using A = QPool2dAttributes;
  const ByteCase test{OpCode::kQPool2d,
                      {ByteTensor(DType::kI8, {1, 4, 4, 2})},
                      {ByteTensor(DType::kI8, {1, 4, 4, 2})},
                      {}};
  const auto bad = [&](auto change) { return after(test, A{}, change) == Status::kBadAttribute; };
  EXPECT_TRUE(bad([](A& a) { a.mode = Rescaling::kNone; }));
  EXPECT_TRUE(bad([](A& a) { a.scale = 2.0f; }));
  EXPECT_TRUE(bad([](A& a) { a.count_include_pad = 1; }));
  EXPECT_TRUE(bad([](A& a) {
    a.mode = Rescaling::kFloat;
    a.scale = 0.0f;
  }));
  EXPECT_TRUE(bad([](A& a) { a.x_zero = 128; }));
  EXPECT_TRUE(bad([](A& a) { a.window.kernel_h = 0; }));
  EXPECT_TRUE(bad([](A& a) { a.window.pad_top = 1; }));
  EXPECT_EQ(after(test, A{}, [](A& a) { a.window.stride_h = 2; }), Status::kShapeMismatch);

  ByteCase average = test;  // an average of Pool2d is f32 only
  average.op = OpCode::kPool2d;
  Pool2dAttributes pool;
  pool.kind = PoolKind::kAverage;
  average.attributes = words_of(pool);
  EXPECT_EQ(check_bytes(average), Status::kBadAttribute);
}

TEST(HostileQGlobalAveragePool, SumsThatDoNotFit) {
  ByteCase test{OpCode::kQGlobalAveragePool,
                {ByteTensor(DType::kI8, {1, 1, 1 << 22, 1})},
                {ByteTensor(DType::kI8, {1, 1, 1, 1})},
                words_of(QGlobalAveragePoolAttributes{})};
  EXPECT_EQ(check_bytes(test), Status::kOk);
  test.inputs[0] = ByteTensor(DType::kI8, {1, 1, (1 << 22) + 1, 1});
  EXPECT_EQ(check_bytes(test), Status::kShapeMismatch);
}

TEST(HostileQSoftmax, RowsTablesAndModes) {
  const auto check = [](std::uint32_t classes, DType type, std::uint32_t entries, Rescaling mode) {
    return check_bytes({OpCode::kQSoftmax,
                        {ByteTensor(DType::kI8, {1, classes}), ByteTensor(type, {entries})},
                        {ByteTensor(DType::kI8, {1, classes})},
                        words_of(QSoftmaxAttributes{mode})});
  };
  EXPECT_EQ(check(kMaxQSoftmax, DType::kI32, 256, Rescaling::kFixedPoint), Status::kOk);
  EXPECT_EQ(check(kMaxQSoftmax + 1, DType::kI32, 256, Rescaling::kFixedPoint),
            Status::kShapeMismatch);
  EXPECT_EQ(check(4, DType::kI32, 255, Rescaling::kFixedPoint), Status::kShapeMismatch);
  EXPECT_EQ(check(4, DType::kF32, 256, Rescaling::kFixedPoint), Status::kDtypeMismatch);
  EXPECT_EQ(check(4, DType::kI32, 256, Rescaling::kFloat), Status::kDtypeMismatch);
  EXPECT_EQ(check(4, DType::kI32, 256, Rescaling::kNone), Status::kBadAttribute);
}

TEST(HostileLookup, Tables) {
  const auto check = [](DType table, std::uint32_t entries) {
    return check_bytes({OpCode::kLookup,
                        {ByteTensor(DType::kI8, {5}), ByteTensor(table, {entries})},
                        {ByteTensor(DType::kU8, {5})},
                        {}});
  };
  EXPECT_EQ(check(DType::kU8, 256), Status::kOk);
  EXPECT_EQ(check(DType::kU8, 255), Status::kShapeMismatch);
  EXPECT_EQ(check(DType::kI8, 256), Status::kDtypeMismatch);
}

TEST(HostileQMatMul, ShapesAndZeroPoints) {
  using A = QMatMulAttributes;
  const ByteCase test{OpCode::kQMatMul,
                      {ByteTensor(DType::kI8, {2, 3, 4}), ByteTensor(DType::kI8, {4, 5})},
                      {ByteTensor(DType::kI8, {2, 3, 5})},
                      words_of(A{})};
  EXPECT_EQ(check_bytes(test), Status::kOk);
  EXPECT_EQ(after(test, A{}, [](A& a) { a.transpose_b = 2; }), Status::kBadAttribute);
  EXPECT_EQ(after(test, A{}, [](A& a) { a.transpose_b = 1; }), Status::kShapeMismatch);
  EXPECT_EQ(after(test, A{}, [](A& a) { a.b_zero = 128; }), Status::kBadAttribute);
  ByteCase changed = test;
  changed.inputs[1] = ByteTensor(DType::kI8, {3, 4, 5});
  EXPECT_EQ(check_bytes(changed), Status::kShapeMismatch) << "leading dimensions";
  changed.inputs[1] = ByteTensor(DType::kI8, {4});
  EXPECT_EQ(check_bytes(changed), Status::kShapeMismatch) << "rank 1";
  changed.inputs = {ByteTensor(DType::kI8, {1, 33026}), ByteTensor(DType::kI8, {33026, 1})};
  changed.outputs = {ByteTensor(DType::kI8, {1, 1})};
  EXPECT_EQ(check_bytes(changed), Status::kShapeMismatch) << "sums that do not fit";
  changed = test;
  changed.inputs.push_back(ByteTensor(DType::kI8, {1}));
  EXPECT_EQ(check_bytes(changed), Status::kShapeMismatch) << "one zero point";
  changed.inputs.push_back(ByteTensor(DType::kI8, {2}));
  EXPECT_EQ(check_bytes(changed), Status::kShapeMismatch) << "two in one";
}

}  // namespace
}  // namespace sz::ops::testing
