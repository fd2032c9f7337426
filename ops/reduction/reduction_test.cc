#include "ops/reduction/reduction.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/testing/any_step.h"
#include "ops/testing/random_cases.h"

namespace sz::ops::testing {
namespace {

using I32 = std::int32_t;
using I64 = std::int64_t;
using U8 = std::uint8_t;

// The definition in double: x as [outer, reduced, inner].
struct Exact {
  double sum = 0, size = 0, product = 1, squares = 0;
  double max = -std::numeric_limits<double>::infinity();
  double min = std::numeric_limits<double>::infinity();
  void take(double x) {
    sum += x;
    size += std::abs(x);
    product *= x;
    squares += x * x;
    max = std::max(max, x);
    min = std::min(min, x);
  }
};

TEST(Reduce, AgreesWithTheDefinitionInDouble) {
  const std::uint64_t seed = test_seed();
  SingleWorker worker;
  for (std::uint64_t i = 0; i < 400; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 179424673 + i);
    Case test = random_reduce(random);
    test.inputs[0].fill_random(random);
    ReduceAttributes a;
    ASSERT_TRUE(read_attributes(test.attributes, &a));
    const Tensor& x = test.inputs[0];
    std::size_t length = 1;
    std::size_t inner = 1;
    for (std::uint32_t d = a.begin; d < x.view().rank; ++d) {
      (d < a.end ? length : inner) *= x.view().dims[d];
    }
    const auto bits = run_case(test, Kernel::kReference, worker);
    ASSERT_EQ(bits.size() * length, x.elements());
    for (std::size_t out = 0; out < bits.size(); ++out) {
      Exact exact;
      for (std::size_t r = 0; r < length; ++r) {
        exact.take(x.at((out / inner * length + r) * inner + out % inner));
      }
      const auto n = static_cast<double>(length);
      const double expected[] = {exact.sum,     exact.sum / 7, exact.max,    exact.min,
                                 exact.product, exact.size,    exact.squares};
      // Roundings: as many as a term or a product takes part in at most.
      const double sizes[] = {exact.size, exact.size / 7, 0, 0, std::abs(exact.product),
                              exact.size, exact.squares};
      const auto kind = static_cast<std::size_t>(a.kind);
      const double bound = std::ldexp(sizes[kind] * (n + 24), -24) + std::ldexp(n, -149);
      ASSERT_NEAR(std::bit_cast<float>(bits[out]), expected[kind], bound) << "kind " << kind;
    }
  }
}

TEST(Reduce, NanWinsOverExtremes) {
  Tensor x({2, 40});
  x.at(39) = std::nanf("");
  for (const ReduceKind kind : {ReduceKind::kMax, ReduceKind::kMin}) {
    const auto bits = expect_same_bits(
        {OpCode::kReduce, {x}, Tensor({2, 1}), words_of(ReduceAttributes{kind, 1, 2, 1})});
    EXPECT_EQ(bits[0], 0x7fc00000u);
    EXPECT_EQ(bits[1], 0u);
  }
}

template <typename T>
std::vector<T> reduce(ReduceKind kind, DType type, std::vector<std::uint32_t> dims,
                      std::uint32_t begin, std::uint32_t end, std::vector<T> values) {
  std::vector<std::uint32_t> out = dims;
  for (std::uint32_t i = begin; i < end; ++i) out[i] = 1;
  return AnyStep{OpCode::kReduce,
                 {AnyTensor(type, dims, std::move(values))},
                 AnyTensor(type, out),
                 words_of(ReduceAttributes{kind, begin, end, 1})}
      .template results<T>();
}

TEST(Reduce, OfIntegersWrapsAroundAndOfBoolIsAnyOrAll) {
  const std::vector<I32> numbers = {1, -2, 3, INT32_MAX, 5, 6};
  EXPECT_EQ(reduce<I32>(ReduceKind::kSum, DType::kI32, {3, 2}, 0, 1, numbers),
            (std::vector<I32>{9, INT32_MIN + 3}));
  EXPECT_EQ(reduce<I32>(ReduceKind::kProd, DType::kI32, {2, 3}, 1, 2, {1, -2, 3, 2, 5, 6}),
            (std::vector<I32>{-6, 60}));
  EXPECT_EQ(reduce<I64>(ReduceKind::kMin, DType::kI64, {2, 3, 1}, 0, 3, {4, 9, -1, 8, 7, 0}),
            (std::vector<I64>{-1}));
  const std::vector<U8> truths = {0, 0, 7, 0, 1, 1};
  EXPECT_EQ(reduce<U8>(ReduceKind::kMax, DType::kBool, {3, 2}, 1, 2, truths),
            (std::vector<U8>{0, 1, 1}));
  EXPECT_EQ(reduce<U8>(ReduceKind::kMin, DType::kBool, {3, 2}, 1, 2, truths),
            (std::vector<U8>{0, 0, 1}));
}

TEST(ReduceCheck, RefusesRangesTypesAndShapes) {
  const auto check = [](ReduceAttributes a, DType type, std::vector<std::uint32_t> y) {
    return AnyStep{OpCode::kReduce, {AnyTensor(type, {2, 3, 4})}, AnyTensor(type, y), words_of(a)}
        .check();
  };
  using enum ReduceKind;
  using enum DType;
  EXPECT_EQ(check({kSum, 1, 2, 1}, kF32, {2, 1, 4}), Status::kOk);
  EXPECT_EQ(check({kSum, 0, 3, 1}, kF32, {1, 1, 1}), Status::kOk);
  EXPECT_EQ(check({kSum, 1, 1, 1}, kF32, {2, 3, 4}), Status::kBadAttribute);
  EXPECT_EQ(check({kSum, 2, 1, 1}, kF32, {2, 3, 4}), Status::kBadAttribute);
  EXPECT_EQ(check({kSum, 1, 4, 1}, kF32, {2, 1, 1}), Status::kBadAttribute);
  EXPECT_EQ(check({kSum, 1, 2, 2}, kF32, {2, 1, 4}), Status::kBadAttribute);
  EXPECT_EQ(check({kMean, 1, 2, 0}, kF32, {2, 1, 4}), Status::kBadAttribute);
  EXPECT_EQ(check({kMean, 1, 2, std::nanf("")}, kF32, {2, 1, 4}), Status::kBadAttribute);
  EXPECT_EQ(check({kMean, 1, 2, 3}, kF32, {2, 1, 4}), Status::kOk);
  EXPECT_EQ(check({static_cast<ReduceKind>(7), 1, 2, 1}, kF32, {2, 1, 4}), Status::kBadAttribute);
  EXPECT_EQ(check({kSum, 1, 2, 1}, kF32, {2, 3, 4}), Status::kShapeMismatch);
  EXPECT_EQ(check({kSum, 1, 2, 1}, kF32, {2, 4}), Status::kShapeMismatch);
  EXPECT_EQ(check({kSum, 1, 2, 1}, kI8, {2, 1, 4}), Status::kDtypeMismatch);
  EXPECT_EQ(check({kMax, 1, 2, 1}, kI8, {2, 1, 4}), Status::kOk);
  EXPECT_EQ(check({kL1, 1, 2, 1}, kI32, {2, 1, 4}), Status::kDtypeMismatch);
}

std::vector<I64> arg(std::vector<std::uint32_t> dims, std::vector<float> values, ArgAttributes a) {
  std::vector<std::uint32_t> out = dims;
  out[a.axis] = 1;
  return AnyStep{OpCode::kArg,
                 {AnyTensor(DType::kF32, dims, std::move(values))},
                 AnyTensor(DType::kI64, out),
                 words_of(a)}
      .results<I64>();
}

TEST(Arg, FindsTheFirstOrLastOfTheLargestOrSmallest) {
  const std::vector<float> x = {1, 3, 3, -0.0f, 0.0f, -2, -2, -5};
  EXPECT_EQ(arg({8}, x, {0, 0, 0}), std::vector<I64>{1});
  EXPECT_EQ(arg({8}, x, {0, 0, 1}), std::vector<I64>{2});
  EXPECT_EQ(arg({8}, x, {0, 1, 0}), std::vector<I64>{7});
  EXPECT_EQ(arg({2, 4}, x, {1, 1, 1}), (std::vector<I64>{3, 3}));
  EXPECT_EQ(arg({2, 2, 2}, x, {1, 0, 0}), (std::vector<I64>{1, 0, 0, 0}));
  EXPECT_EQ(arg({2}, {-0.0f, 0.0f}, {0, 0, 0}), std::vector<I64>{0}) << "equal";
  const float nan = std::nanf("");
  EXPECT_EQ(arg({4}, {1, nan, 9, -nan}, {0, 0, 0}), std::vector<I64>{1});
  EXPECT_EQ(arg({4}, {1, nan, 9, -nan}, {0, 1, 1}), std::vector<I64>{3});
}

template <typename T>
std::vector<T> sums(DType type, std::vector<std::uint32_t> dims, std::vector<T> values,
                    CumulativeSumAttributes a) {
  return AnyStep{OpCode::kCumulativeSum,
                 {AnyTensor(type, dims, std::move(values))},
                 AnyTensor(type, dims),
                 words_of(a)}
      .template results<T>();
}

TEST(CumulativeSum, GoesEitherWayWithOrWithoutItsElement) {
  const std::vector<float> x = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(sums<float>(DType::kF32, {6}, x, {0, 0, 0}), (std::vector<float>{1, 3, 6, 10, 15, 21}));
  EXPECT_EQ(sums<float>(DType::kF32, {2, 3}, x, {1, 1, 0}), (std::vector<float>{0, 1, 3, 0, 4, 9}));
  EXPECT_EQ(sums<float>(DType::kF32, {2, 3}, x, {0, 0, 1}), (std::vector<float>{5, 7, 9, 4, 5, 6}));
  EXPECT_EQ(sums<float>(DType::kF32, {3, 2}, x, {0, 1, 1}),
            (std::vector<float>{8, 10, 5, 6, 0, 0}));
  EXPECT_EQ(sums<I32>(DType::kI32, {2}, {INT32_MAX, 1}, {0, 0, 0}),
            (std::vector<I32>{INT32_MAX, INT32_MIN}));
  EXPECT_EQ(sums<I64>(DType::kI64, {3}, {1, -5, 9}, {0, 0, 0}), (std::vector<I64>{1, -4, 5}));
}

// Arg, CumulativeSum and integer Reduce have one piece of code: it must not depend on pitches or
// workers.
TEST(AlongAxes, PitchesAndWorkersChangeNothing) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t i = 0; i < 400; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 15487469 + i);
    std::vector<std::uint32_t> dims(random.integer(1, 5));
    for (std::uint32_t& size : dims) size = random.integer(1, 6);
    if (random.chance(8)) dims = {3, 4000, 2};
    const std::uint32_t axis = random.integer(0, static_cast<std::uint32_t>(dims.size()) - 1);
    std::vector<std::uint32_t> out = dims;
    out[axis] = 1;
    const DType type = random.pick({DType::kI32, DType::kI64});
    const std::uint32_t kind = random.integer(0, 2);
    AnyStep step{OpCode::kReduce,
                 {AnyTensor(type, dims)},
                 AnyTensor(type, out, 2),
                 words_of(ReduceAttributes{ReduceKind::kProd, axis, axis + 1, 1})};
    if (kind == 1) {
      step.op = OpCode::kArg;
      step.output = AnyTensor(DType::kI64, out, 2);
      step.attributes = words_of(ArgAttributes{axis, random.integer(0, 1), random.integer(0, 1)});
    } else if (kind == 2) {
      step.op = OpCode::kCumulativeSum;
      step.output = AnyTensor(type, dims, 2);
      step.attributes =
          words_of(CumulativeSumAttributes{axis, random.integer(0, 1), random.integer(0, 1)});
    }
    step.inputs[0].fill_random(random);
    AnyStep spread = step;  // the same elements, further apart
    spread.inputs[0] = AnyTensor(type, dims, 3);
    const std::size_t row = step.inputs[0].shape().inner() * dtype_bytes(type);
    const std::size_t pitch = spread.inputs[0].shape().pitch * dtype_bytes(type);
    for (std::size_t r = 0; r < step.inputs[0].shape().rows(); ++r) {
      std::memcpy(spread.inputs[0].bytes().data() + r * pitch,
                  step.inputs[0].bytes().data() + r * row, row);
    }
    EXPECT_TRUE(step.expect_same() == spread.expect_same());
    if (HasFailure()) return;
  }
}

TEST(AxisChecks, RefuseOtherTypesAxesAndShapes) {
  const auto check = [](OpCode op, DType x, DType y, std::vector<std::uint32_t> out,
                        std::vector<std::uint32_t> words) {
    return AnyStep{op, {AnyTensor(x, {2, 3})}, AnyTensor(y, out), words}.check();
  };
  using enum DType;
  EXPECT_EQ(check(OpCode::kArg, kF32, kI64, {2, 1}, {1, 0, 0}), Status::kOk);
  EXPECT_EQ(check(OpCode::kArg, kF32, kI32, {2, 1}, {1, 0, 0}), Status::kDtypeMismatch);
  EXPECT_EQ(check(OpCode::kArg, kBool, kI64, {2, 1}, {1, 0, 0}), Status::kDtypeMismatch);
  EXPECT_EQ(check(OpCode::kArg, kF32, kI64, {2, 1}, {2, 0, 0}), Status::kBadAttribute);
  EXPECT_EQ(check(OpCode::kArg, kF32, kI64, {2, 1}, {1, 2, 0}), Status::kBadAttribute);
  EXPECT_EQ(check(OpCode::kArg, kF32, kI64, {2, 1}, {1, 0, 2}), Status::kBadAttribute);
  EXPECT_EQ(check(OpCode::kArg, kF32, kI64, {1, 3}, {1, 0, 0}), Status::kShapeMismatch);
  EXPECT_EQ(check(OpCode::kCumulativeSum, kF32, kF32, {2, 3}, {1, 0, 0}), Status::kOk);
  EXPECT_EQ(check(OpCode::kCumulativeSum, kF32, kI32, {2, 3}, {1, 0, 0}), Status::kDtypeMismatch);
  EXPECT_EQ(check(OpCode::kCumulativeSum, kU8, kU8, {2, 3}, {1, 0, 0}), Status::kDtypeMismatch);
  EXPECT_EQ(check(OpCode::kCumulativeSum, kF32, kF32, {2, 3}, {2, 0, 0}), Status::kBadAttribute);
  EXPECT_EQ(check(OpCode::kCumulativeSum, kF32, kF32, {2, 3}, {1, 2, 0}), Status::kBadAttribute);
  EXPECT_EQ(check(OpCode::kCumulativeSum, kF32, kF32, {3, 2}, {1, 0, 0}), Status::kShapeMismatch);
}

}  // namespace
}  // namespace sz::ops::testing
