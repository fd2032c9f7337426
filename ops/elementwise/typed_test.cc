// Binary on integers and bool, comparisons, Where, Cast.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "math/fmod.h"
#include "ops/testing/any_step.h"

namespace sz::ops::testing {
namespace {

using I8 = std::int8_t;
using U8 = std::uint8_t;
using I32 = std::int32_t;
using I64 = std::int64_t;

std::vector<std::uint32_t> words(BinaryKind kind) { return words_of(BinaryAttributes{kind, {}}); }

std::vector<std::uint32_t> length(std::size_t size) { return {static_cast<std::uint32_t>(size)}; }

template <typename T>
std::vector<T> binary(BinaryKind kind, DType type, std::vector<T> a, std::vector<T> b) {
  const auto dims = length(a.size());
  return AnyStep{OpCode::kBinary,
                 {AnyTensor(type, dims, a), AnyTensor(type, dims, b)},
                 AnyTensor(type, dims),
                 words(kind)}
      .template results<T>();
}

TEST(BinaryIntegers, WrapAroundInTheirType) {
  EXPECT_EQ(binary<U8>(BinaryKind::kAdd, DType::kU8, {250, 1}, {10, 2}), (std::vector<U8>{4, 3}));
  EXPECT_EQ(binary<U8>(BinaryKind::kSub, DType::kU8, {1, 9}, {2, 2}), (std::vector<U8>{255, 7}));
  EXPECT_EQ(binary<I8>(BinaryKind::kMul, DType::kI8, {100, -3}, {2, 5}),
            (std::vector<I8>{-56, -15}));
  EXPECT_EQ(binary<I32>(BinaryKind::kAdd, DType::kI32, {INT32_MAX}, {1}),
            (std::vector<I32>{INT32_MIN}));
  EXPECT_EQ(binary<I64>(BinaryKind::kMul, DType::kI64, {INT64_MAX, -7}, {2, 6}),
            (std::vector<I64>{-2, -42}));
}

TEST(BinaryIntegers, DivideTowardsZeroAndByZeroGiveZero) {
  EXPECT_EQ(binary<I32>(BinaryKind::kDiv, DType::kI32, {-7, 7, 5, INT32_MIN}, {2, -2, 0, -1}),
            (std::vector<I32>{-3, -3, 0, INT32_MIN}));
  EXPECT_EQ(binary<I64>(BinaryKind::kDiv, DType::kI64, {INT64_MIN, 9}, {-1, 0}),
            (std::vector<I64>{INT64_MIN, 0}));
  EXPECT_EQ(binary<U8>(BinaryKind::kDiv, DType::kU8, {255, 7}, {2, 200}),
            (std::vector<U8>{127, 0}));
}

TEST(BinaryIntegers, RemaindersHaveTheSignThatTheirKindSays) {
  const std::vector<I32> a = {-4, 7, 5, 4, -7, 8, 3, INT32_MIN};
  const std::vector<I32> b = {2, -3, 8, -2, 3, 5, 0, -1};
  EXPECT_EQ(binary<I32>(BinaryKind::kMod, DType::kI32, a, b),
            (std::vector<I32>{0, -2, 5, 0, 2, 3, 0, 0}));
  EXPECT_EQ(binary<I32>(BinaryKind::kFmod, DType::kI32, a, b),
            (std::vector<I32>{0, 1, 5, 0, -1, 3, 0, 0}));
}

TEST(BinaryIntegers, PowersAndShifts) {
  EXPECT_EQ(
      binary<I64>(BinaryKind::kPow, DType::kI64, {3, -2, 2, -1, 1, 0, 5}, {4, 3, -1, -3, -9, 0, 0}),
      (std::vector<I64>{81, -8, 0, -1, 1, 1, 1}));
  EXPECT_EQ(binary<U8>(BinaryKind::kShiftLeft, DType::kU8, {3, 255, 1}, {1, 7, 8}),
            (std::vector<U8>{6, 128, 0}));
  EXPECT_EQ(binary<U8>(BinaryKind::kShiftRight, DType::kU8, {200, 255, 1}, {3, 7, 200}),
            (std::vector<U8>{25, 1, 0}));
  EXPECT_EQ(binary<I32>(BinaryKind::kXor, DType::kI32, {12, -1}, {10, 1}),
            (std::vector<I32>{6, -2}));
}

TEST(BinaryBool, TakesAnythingButZeroForTrue) {
  const std::vector<U8> a = {0, 0, 1, 7, 200};
  const std::vector<U8> b = {0, 2, 0, 8, 1};
  EXPECT_EQ(binary<U8>(BinaryKind::kAnd, DType::kBool, a, b), (std::vector<U8>{0, 0, 0, 1, 1}));
  EXPECT_EQ(binary<U8>(BinaryKind::kOr, DType::kBool, a, b), (std::vector<U8>{0, 1, 1, 1, 1}));
  EXPECT_EQ(binary<U8>(BinaryKind::kXor, DType::kBool, a, b), (std::vector<U8>{0, 1, 1, 0, 0}));
  EXPECT_EQ(binary<U8>(BinaryKind::kEqual, DType::kBool, a, b), (std::vector<U8>{1, 0, 0, 1, 1}));
}

TEST(BinaryComparison, OfFloatsIsFalseWithNan) {
  const float nan = std::nanf("");
  const std::vector<float> a = {1, 2, nan, -0.0f, 3};
  const std::vector<float> b = {1, 3, nan, 0.0f, nan};
  const auto compare = [&](BinaryKind kind) {
    return AnyStep{OpCode::kBinary,
                   {AnyTensor(DType::kF32, {5}, a), AnyTensor(DType::kF32, {5}, b)},
                   AnyTensor(DType::kBool, {5}),
                   words(kind)}
        .results<U8>();
  };
  EXPECT_EQ(compare(BinaryKind::kEqual), (std::vector<U8>{1, 0, 0, 1, 0}));
  EXPECT_EQ(compare(BinaryKind::kLess), (std::vector<U8>{0, 1, 0, 0, 0}));
  EXPECT_EQ(compare(BinaryKind::kLessOrEqual), (std::vector<U8>{1, 1, 0, 1, 0}));
}

// Every kind on every type that it takes, with pitches, broadcasting and random bytes.
TEST(BinaryTypes, GiveTheReferencesBytes) {
  const std::uint64_t seed = test_seed();
  int ran = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 15485863 + i);
    const auto kind = static_cast<BinaryKind>(random.integer(0, 17));
    const DType type =
        random.pick({DType::kF32, DType::kI8, DType::kU8, DType::kI32, DType::kI64, DType::kBool});
    const bool compares = kind >= BinaryKind::kEqual && kind <= BinaryKind::kLessOrEqual;
    std::vector<std::uint32_t> dims(random.integer(0, 4));
    for (std::uint32_t& size : dims) size = random.integer(1, 6);
    if (random.chance(10)) dims = {2, 5000};
    std::vector<std::uint32_t> one = dims;
    for (std::uint32_t& size : one) size = random.chance(3) ? 1 : size;
    AnyStep step{
        OpCode::kBinary,
        {AnyTensor(type, dims, random.integer(0, 2)), AnyTensor(type, one, random.integer(0, 2))},
        AnyTensor(compares ? DType::kBool : type, dims, random.integer(0, 2)),
        words(kind)};
    if (random.chance(2)) std::swap(step.inputs[0], step.inputs[1]);
    for (AnyTensor& input : step.inputs) input.fill_random(random);
    if (step.check() != Status::kOk) continue;
    ++ran;
    step.expect_same();
    if (HasFailure()) return;
  }
  EXPECT_GT(ran, 2000);
}

TEST(BinaryCheck, RefusesTypesThatItsKindDoesNotTake) {
  const auto check = [](BinaryKind kind, DType a, DType b, DType y, Clamp clamp = {}) {
    return AnyStep{OpCode::kBinary,
                   {AnyTensor(a, {2}), AnyTensor(b, {2})},
                   AnyTensor(y, {2}),
                   words_of(BinaryAttributes{kind, clamp})}
        .check();
  };
  using enum DType;
  EXPECT_EQ(check(BinaryKind::kAdd, kI8, kI8, kI8), Status::kOk);
  EXPECT_EQ(check(BinaryKind::kAdd, kI8, kI8, kI8, {0, 6}), Status::kBadAttribute);
  EXPECT_EQ(check(BinaryKind::kAdd, kBool, kBool, kBool), Status::kDtypeMismatch);
  EXPECT_EQ(check(BinaryKind::kAdd, kI8, kU8, kI8), Status::kDtypeMismatch);
  EXPECT_EQ(check(BinaryKind::kAdd, kI8, kI8, kI32), Status::kDtypeMismatch);
  EXPECT_EQ(check(BinaryKind::kLess, kF32, kF32, kBool), Status::kOk);
  EXPECT_EQ(check(BinaryKind::kLess, kF32, kF32, kF32), Status::kDtypeMismatch);
  EXPECT_EQ(check(BinaryKind::kPRelu, kI32, kI32, kI32), Status::kDtypeMismatch);
  EXPECT_EQ(check(BinaryKind::kMod, kF32, kF32, kF32), Status::kDtypeMismatch);
  EXPECT_EQ(check(BinaryKind::kAnd, kF32, kF32, kF32), Status::kDtypeMismatch);
  EXPECT_EQ(check(BinaryKind::kShiftLeft, kBool, kBool, kBool), Status::kDtypeMismatch);
  EXPECT_EQ(check(static_cast<BinaryKind>(18), kF32, kF32, kF32), Status::kBadAttribute);
}

TEST(Where, ChoosesElementsOfEveryType) {
  EXPECT_EQ((AnyStep{OpCode::kWhere,
                     {AnyTensor(DType::kBool, {2, 1}, std::vector<U8>{0, 9}),
                      AnyTensor(DType::kI64, {3}, std::vector<I64>{1, 2, 3}),
                      AnyTensor(DType::kI64, {}, std::vector<I64>{-1})},
                     AnyTensor(DType::kI64, {2, 3}),
                     {}}
                 .results<I64>()),
            (std::vector<I64>{-1, -1, -1, 1, 2, 3}));
  const std::uint64_t seed = test_seed();
  for (std::uint64_t i = 0; i < 500; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 32452843 + i);
    const DType type = random.pick({DType::kF32, DType::kU8, DType::kI64});
    std::vector<std::uint32_t> dims(random.integer(0, 5));
    for (std::uint32_t& size : dims) size = random.integer(1, 5);
    if (random.chance(10)) dims = {3, 9000};
    const auto part = [&] {
      std::vector<std::uint32_t> result = dims;
      for (std::uint32_t& size : result) size = random.chance(3) ? 1 : size;
      return result;
    };
    AnyStep step{OpCode::kWhere,
                 {AnyTensor(DType::kBool, part(), random.integer(0, 2)),
                  AnyTensor(type, part(), random.integer(0, 2)),
                  AnyTensor(type, dims, random.integer(0, 2))},
                 AnyTensor(type, dims, random.integer(0, 2)),
                 {}};
    for (AnyTensor& input : step.inputs) input.fill_random(random);
    for (std::byte& byte : step.inputs[0].bytes()) byte &= std::byte{3};
    step.expect_same();
    if (HasFailure()) return;
  }
}

TEST(WhereCheck, RefusesOtherTypesShapesAndAttributes) {
  const auto check = [](DType c, DType a, DType b, std::vector<std::uint32_t> dims,
                        std::vector<std::uint32_t> attributes) {
    return AnyStep{OpCode::kWhere,
                   {AnyTensor(c, dims), AnyTensor(a, {3}), AnyTensor(b, {1})},
                   AnyTensor(DType::kF32, {3}),
                   attributes}
        .check();
  };
  using enum DType;
  EXPECT_EQ(check(kBool, kF32, kF32, {3}, {}), Status::kOk);
  EXPECT_EQ(check(kU8, kF32, kF32, {3}, {}), Status::kDtypeMismatch);
  EXPECT_EQ(check(kBool, kF32, kI32, {3}, {}), Status::kDtypeMismatch);
  EXPECT_EQ(check(kBool, kI32, kF32, {3}, {}), Status::kDtypeMismatch);
  EXPECT_EQ(check(kBool, kF32, kF32, {2}, {}), Status::kShapeMismatch);
  EXPECT_EQ(check(kBool, kF32, kF32, {3, 1}, {}), Status::kShapeMismatch);
  EXPECT_EQ(check(kBool, kF32, kF32, {3}, {1}), Status::kBadAttribute);
}

template <typename To, typename From>
std::vector<To> cast(DType from, DType to, std::vector<From> values) {
  const auto dims = length(values.size());
  return AnyStep{OpCode::kCast, {AnyTensor(from, dims, values)}, AnyTensor(to, dims), {}}
      .template results<To>();
}

TEST(Cast, OfFloatsCutsTheFractionAndSaturates) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {-1.9f,   2.9f,  -0.5f,         127.9f,       128.0f,
                                     -129.0f, 1e10f, -1e30f,        255.9f,       256.0f,
                                     kInf,    -kInf, std::nanf(""), 2147483648.0f};
  EXPECT_EQ((cast<I8>(DType::kF32, DType::kI8, values)),
            (std::vector<I8>{-1, 2, 0, 127, 127, -128, 127, -128, 127, 127, 127, -128, 0, 127}));
  EXPECT_EQ((cast<U8>(DType::kF32, DType::kU8, values)),
            (std::vector<U8>{0, 2, 0, 127, 128, 0, 255, 0, 255, 255, 255, 0, 0, 255}));
  EXPECT_EQ((cast<I32>(DType::kF32, DType::kI32, values)),
            (std::vector<I32>{-1, 2, 0, 127, 128, -129, INT32_MAX, INT32_MIN, 255, 256, INT32_MAX,
                              INT32_MIN, 0, INT32_MAX}));
  EXPECT_EQ((cast<I64>(DType::kF32, DType::kI64, values)),
            (std::vector<I64>{-1, 2, 0, 127, 128, -129, 10000000000, INT64_MIN, 255, 256, INT64_MAX,
                              INT64_MIN, 0, 2147483648}));
  EXPECT_EQ(
      (cast<U8>(DType::kF32, DType::kBool, std::vector<float>{0.0f, -0.0f, 0.1f, std::nanf("")})),
      (std::vector<U8>{0, 0, 1, 1}));
}

TEST(Cast, OfIntegersKeepsTheLowBitsAndRoundsToFloat) {
  EXPECT_EQ((cast<U8>(DType::kI64, DType::kU8, std::vector<I64>{-1, 256, 257})),
            (std::vector<U8>{255, 0, 1}));
  EXPECT_EQ((cast<I64>(DType::kI8, DType::kI64, std::vector<I8>{-128, 5})),
            (std::vector<I64>{-128, 5}));
  EXPECT_EQ((cast<float>(DType::kI64, DType::kF32, std::vector<I64>{16777217, INT64_MIN, -3})),
            (std::vector<float>{16777216.0f, -9223372036854775808.0f, -3.0f}));
  EXPECT_EQ((cast<float>(DType::kBool, DType::kF32, std::vector<U8>{0, 1, 77})),
            (std::vector<float>{0.0f, 1.0f, 1.0f}));
  EXPECT_EQ((cast<U8>(DType::kI32, DType::kBool, std::vector<I32>{0, 256, -1})),
            (std::vector<U8>{0, 1, 1}));
}

TEST(Cast, GivesTheReferencesBytesForAllTypesAndPitches) {
  const DType types[] = {DType::kF32, DType::kI8,  DType::kU8,
                         DType::kI32, DType::kI64, DType::kBool};
  Random random(test_seed());
  for (const DType from : types) {
    for (const DType to : types) {
      AnyStep step{OpCode::kCast, {AnyTensor(from, {7, 101}, 3)}, AnyTensor(to, {7, 101}, 2), {}};
      step.inputs[0].fill_random(random);
      EXPECT_EQ(step.check(), from == to ? Status::kDtypeMismatch : Status::kOk);
      if (from != to) step.expect_same();
    }
  }
}

TEST(Fmod, IsExact) {
  Random random(test_seed());
  for (int i = 0; i < 200000; ++i) {
    const auto a = std::bit_cast<float>(random.integer(0, 0xffffffffu));
    const auto b = std::bit_cast<float>(random.integer(0, 0xffffffffu));
    const float exact = std::fmod(a, b);
    const float got = math::fmod(a, b);
    if (std::isnan(exact)) {
      ASSERT_TRUE(std::isnan(got)) << a << ' ' << b;
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(got), std::bit_cast<std::uint32_t>(exact))
          << a << ' ' << b;
    }
  }
}

}  // namespace
}  // namespace sz::ops::testing
