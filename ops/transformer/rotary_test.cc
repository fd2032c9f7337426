#include "ops/transformer/rotary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/transformer/testing/cache_support.h"

namespace sz::ops::testing {
namespace {

struct RotaryCase {
  RotaryAttributes attributes;
  std::uint32_t count = 0;  // rows in use
  RowsStep step;
  std::vector<float> x, frequencies;

  const CacheAttributes& cache() const { return attributes.cache; }
  std::size_t width() const {
    return std::size_t{cache().heads + 2 * cache().kv_heads} * cache().head;
  }
  // The parts of a run's outputs.
  float q(const Bytes& bytes, std::size_t row, std::size_t at) const {
    float value;
    std::memcpy(&value, bytes.data() + (row * cache().heads * cache().head + at) * 4, 4);
    return value;
  }
  Bytes kept(const Bytes& bytes, bool keys) const {
    const std::size_t q_bytes = step.outputs[0].shape().footprint();
    const std::size_t key_bytes = step.outputs[1].shape().footprint();
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(q_bytes);
    const auto middle = begin + static_cast<std::ptrdiff_t>(key_bytes);
    return keys ? Bytes(begin, middle) : Bytes(middle, bytes.end());
  }
};

RotaryCase random_rotary(Random& random) {
  RotaryCase test;
  test.attributes.cache = random_cache_shape(random);
  const CacheAttributes& cache = test.attributes.cache;
  test.attributes.rotated = 2 * random.integer(1, cache.head / 2);
  if (random.chance(2)) test.attributes.rotated = cache.head;
  test.attributes.scale = random.pick({1.0f, 1.0f, 1.19f, -0.5f});
  const std::uint32_t rows = random.integer(1, std::min(cache.context, 40u));
  test.count = random.chance(3) ? random.integer(1, rows) : rows;
  test.x.resize(rows * test.width());
  test.frequencies.resize(test.attributes.rotated / 2);
  const bool extreme = random.chance(4);
  for (float& x : test.x) x = extreme && random.chance(9) ? random.extreme() : random.real();
  for (float& f : test.frequencies) {
    f = std::abs(random.real());
    if (extreme && random.chance(9)) f = random.extreme();
  }
  test.step = {OpCode::kRotary,
               {AnyTensor(DType::kF32, {rows, static_cast<std::uint32_t>(test.width())}, test.x),
                AnyTensor(DType::kF32, {test.attributes.rotated / 2}, test.frequencies)},
               {AnyTensor(DType::kF32, {rows, cache.heads * cache.head}), empty_cache(cache, true),
                empty_cache(cache, false)},
               words_of(test.attributes)};
  test.step.rows = test.count == rows && random.chance(2) ? 0xffffffffu : test.count;
  test.step.position = random.integer(0, cache.context - test.count);
  return test;
}

TEST(Rotary, GivesTheSameBitsInEveryWay) {
  for (std::uint64_t i = 0; i < 300; ++i) {
    SCOPED_TRACE("seed " + std::to_string(test_seed()) + ", case " + std::to_string(i));
    Random random(test_seed() * 1000033 + i);
    random_rotary(random).step.expect_same();
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Rotary, BitsAreThoseOfEveryMachine) {
  std::uint64_t sum = 14695981039346656037ull;
  for (std::uint64_t i = 0; i < 60; ++i) {
    Random random(2026000 + i);
    for (const std::byte byte : random_rotary(random).step.run_vector()) {
      sum = (sum ^ static_cast<std::uint8_t>(byte)) * 1099511628211ull;
    }
  }
  EXPECT_EQ(sum, 0x70a1f25564bd3017ull) << std::hex << sum;
}

// A number of a head, turned, in double; `bound` is how far the operator's may be away.
double turned(const RotaryCase& test, std::size_t place, const float* head, std::size_t d,
              double* bound) {
  if (d >= test.attributes.rotated) {
    *bound = 0;
    return head[d];
  }
  const double angle = static_cast<float>(place) * test.frequencies[d / 2];
  const double own = head[d];
  const double other = d % 2 == 0 ? -head[d + 1] : head[d - 1];
  const double scale = test.attributes.scale;
  // In units of 2^-24: the functions (2 ULP = 4), their product with the scale, the product and
  // the sum; and steps of denormal numbers.
  *bound = std::ldexp((std::abs(own) + std::abs(other)) * std::abs(scale) * 7, -24) + 1e-44;
  return (own * std::cos(angle) + other * std::sin(angle)) * scale;
}

TEST(Rotary, TurnsPairsAndKeepsKeysAndValuesAtTheirPlaces) {
  for (std::uint64_t i = 0; i < 200; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    Random random(test_seed() * 31 + i);
    const RotaryCase test = random_rotary(random);
    const CacheAttributes& cache = test.cache();
    const Bytes bytes = test.step.run_vector();
    Bytes keys = test.kept(bytes, true), values = test.kept(bytes, false);
    const auto finite = [](float x) { return std::abs(x) < 1e4f; };
    if (!std::all_of(test.x.begin(), test.x.end(), finite) ||
        !std::all_of(test.frequencies.begin(), test.frequencies.end(), finite)) {
      continue;
    }
    // How far a number that the cache keeps may be from what it was.
    const auto loss = [&](const CacheNumber& kept, double exact) {
      if (cache.format == BlockFormat::kF32) return 0.0;
      if (cache.format == BlockFormat::kF16) return std::ldexp(std::abs(exact), -11) + 0x1p-25;
      // Half a step; the scale itself may be 2^-11 too small for the largest.
      return static_cast<double>(kept.scale()) * (0.5 + 127 * 0x1p-11 + 1e-5) + 127 * 0x1p-25;
    };
    for (std::size_t r = 0; r < test.count; ++r) {
      const std::size_t place = test.step.position + r;
      const float* row = test.x.data() + r * test.width();
      double bound = 0;
      for (std::size_t h = 0; h < cache.heads + cache.kv_heads; ++h) {
        for (std::size_t d = 0; d < cache.head; ++d) {
          const double expected = turned(test, place, row + h * cache.head, d, &bound);
          if (h < cache.heads) {
            ASSERT_NEAR(test.q(bytes, r, h * cache.head + d), expected, bound);
            continue;
          }
          const CacheNumber kept(cache, true, keys, h - cache.heads, place, d);
          ASSERT_NEAR(kept.value(), expected, bound + loss(kept, expected));
        }
      }
      for (std::size_t h = 0; h < cache.kv_heads; ++h) {
        for (std::size_t d = 0; d < cache.head; ++d) {
          const float v = row[(cache.heads + cache.kv_heads + h) * cache.head + d];
          const CacheNumber kept(cache, false, values, h, place, d);
          ASSERT_NEAR(kept.value(), v, loss(kept, v));
        }
      }
    }
  }
}

TEST(Rotary, WritesNothingButItsRowsAndPlaces) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    Random random(test_seed() * 37 + i);
    const RotaryCase test = random_rotary(random);
    const CacheAttributes& cache = test.cache();
    const Bytes bytes = test.step.run_vector();
    // Everything that belongs to the rows in use is set to the pattern that was there before.
    const std::size_t q_row = std::size_t{cache.heads} * cache.head * 4;
    for (std::size_t at = test.count * q_row; at < test.step.outputs[0].shape().footprint(); ++at) {
      ASSERT_EQ(bytes[at], std::byte{0xa5});
    }
    for (const bool keys : {true, false}) {
      const Bytes kept = test.kept(bytes, keys);
      Bytes other = kept;
      for (std::size_t h = 0; h < cache.kv_heads; ++h) {
        for (std::size_t place = 0; place < cache.context; ++place) {
          if (place < test.step.position || place >= test.step.position + test.count) continue;
          for (std::size_t d = 0; d < cache.head; ++d) {
            CacheNumber(cache, keys, other, h, place, d).erase();
          }
        }
      }
      for (const std::byte byte : other) ASSERT_EQ(byte, std::byte{0xa5});
    }
  }
}

TEST(Rotary, OfSeveralRowsIsThatOfOneAfterTheOther) {
  for (std::uint64_t i = 0; i < 60; ++i) {
    Random random(test_seed() * 41 + i);
    const RotaryCase test = random_rotary(random);
    const Bytes together = test.step.run_vector();
    RowsStep one = test.step;
    one.rows = 1;
    Bytes after;
    const std::size_t row = test.width() * 4;
    const std::size_t q_row = std::size_t{test.cache().heads} * test.cache().head * 4;
    for (std::uint32_t r = 0; r < test.count; ++r) {
      Bytes& x = one.inputs[0].bytes();
      std::copy_n(test.step.inputs[0].values<std::byte>().begin() + r * row, row, x.begin());
      one.position = test.step.position + r;
      after = one.run_vector();
      ASSERT_TRUE(std::equal(after.begin(), after.begin() + static_cast<std::ptrdiff_t>(q_row),
                             together.begin() + static_cast<std::ptrdiff_t>(r * q_row)));
      for (const bool keys : {true, false})
        one.outputs[keys ? 1 : 2].bytes() = test.kept(after, keys);
    }
    EXPECT_TRUE(test.kept(after, true) == test.kept(together, true));
    EXPECT_TRUE(test.kept(after, false) == test.kept(together, false));
  }
}

TEST(Rotary, RefusesRowsBeyondTheContextBeforeItWrites) {
  for (std::uint64_t i = 0; i < 30; ++i) {
    Random random(i);
    RotaryCase test = random_rotary(random);
    test.step.position =
        random.pick({test.cache().context - test.count + 1, test.cache().context, 0xffffffffu});
    for (const std::byte byte : test.step.expect_same(Status::kContextFull)) {
      ASSERT_EQ(byte, std::byte{0xa5});
    }
  }
}

TEST(Rotary, KeepsBlocksThatBytesCannotHoldAsNan) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const float odd : {kInf, -kInf, std::nanf(""), 3e7f}) {  // 3e7 / 127 is no half
    RotaryAttributes attributes{{BlockFormat::kQ8_0, 16, 1, 1, 40}, 2, 1.0f};
    std::vector<float> x(120, 0.5f);
    x[2 * 40 + 3] = odd;                                      // value 3: the first block
    for (std::size_t d = 32; d < 40; ++d) x[2 * 40 + d] = 0;  // and nothing in the second
    RowsStep step{
        OpCode::kRotary,
        {AnyTensor(DType::kF32, {1, 120}, x), AnyTensor(DType::kF32, {1}, std::vector{1.0f})},
        {AnyTensor(DType::kF32, {1, 40}), empty_cache(attributes.cache, true),
         empty_cache(attributes.cache, false)},
        words_of(attributes)};
    const Bytes bytes = step.expect_same();
    const std::size_t before = 40 * 4 + step.outputs[1].shape().footprint();
    Bytes values(bytes.begin() + static_cast<std::ptrdiff_t>(before), bytes.end());
    for (std::size_t d = 0; d < 40; ++d) {
      const float kept = CacheNumber(attributes.cache, false, values, 0, 0, d).value();
      EXPECT_TRUE(d < 32 ? std::isnan(kept) : kept == 0.0f) << d;
    }
  }
}

TEST(RotaryCheck, RefusesWhatDoesNotFit) {
  const RotaryAttributes good{{BlockFormat::kF32, 20, 4, 2, 8}, 8, 1.0f};
  const auto step_of = [](const RotaryAttributes& shapes, const RotaryAttributes& attributes) {
    const CacheAttributes& c = shapes.cache;
    return RowsStep{OpCode::kRotary,
                    {AnyTensor(DType::kF32, {3, (c.heads + 2 * c.kv_heads) * c.head}),
                     AnyTensor(DType::kF32, {shapes.rotated / 2})},
                    {AnyTensor(DType::kF32, {3, c.heads * c.head}), empty_cache(c, true),
                     empty_cache(c, false)},
                    words_of(attributes)};
  };
  EXPECT_EQ(step_of(good, good).check(), Status::kOk);
  const auto with = [&](auto change) {
    RotaryAttributes attributes = good;
    change(attributes);
    return step_of(good, attributes).check();
  };
  const auto bad = Status::kBadAttribute;
  EXPECT_EQ(with([](auto& a) { a.cache.format = BlockFormat::kQ4_0; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.format = BlockFormat{7}; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.head = 0; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.head = 6; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.head = 260; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache = {BlockFormat::kQ8_0, 20, 4, 2, 12}; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.heads = 5; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.heads = 0; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.heads = 258; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.kv_heads = 0; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.kv_heads = 0x80000000u; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.context = 0; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.context = kMaxContext + 1; }), bad);
  EXPECT_EQ(with([](auto& a) { a.rotated = 0; }), bad);
  EXPECT_EQ(with([](auto& a) { a.rotated = 7; }), bad);
  EXPECT_EQ(with([](auto& a) { a.rotated = 10; }), bad);
  EXPECT_EQ(with([](auto& a) { a.scale = std::nanf(""); }), bad);
  const auto shape = Status::kShapeMismatch;
  EXPECT_EQ(with([](auto& a) { a.cache.context = 33; }), shape);
  EXPECT_EQ(with([](auto& a) { a.cache.context = kMaxContext; }), shape);
  EXPECT_EQ(with([](auto& a) { a.cache.heads = 2; }), shape);
  EXPECT_EQ(with([](auto& a) { a.rotated = 4; }), shape);
  EXPECT_EQ(with([](auto& a) { a.cache.format = BlockFormat::kF16; }), shape);

  RowsStep step = step_of(good, good);
  step.attributes.pop_back();
  EXPECT_EQ(step.check(), bad);
  step = step_of(good, good);
  step.inputs[0] = AnyTensor(DType::kF32, {3, 64}, 1);
  EXPECT_EQ(step.check(), shape) << "gaps between the rows";
  step = step_of(good, good);
  step.outputs[0] = AnyTensor(DType::kF32, {2, 32});
  EXPECT_EQ(step.check(), shape);
  step = step_of(good, good);
  step.outputs[1] = AnyTensor(DType::kU8, {2, 32 * 8 * 4 - 1});
  EXPECT_EQ(step.check(), shape);
  step = step_of(good, good);
  step.outputs[2] = AnyTensor(DType::kF32, {2, 32 * 8 * 4});
  EXPECT_EQ(step.check(), Status::kDtypeMismatch);
}

// Between neighbours the tie goes to the even one, and all else to the nearer.
TEST(Half, IsTheNearest) {
  for (std::uint32_t h = 0; h < 0x7c00; ++h) {
    const float low = math::half_to_float(static_cast<std::uint16_t>(h));
    const float high = h == 0x7bff ? 65536.0f : math::half_to_float(static_cast<std::uint16_t>(h + 1));
    const float middle = (low + high) / 2;
    for (const float sign : {1.0f, -1.0f}) {
      const std::uint32_t bit = sign < 0 ? 0x8000u : 0u;
      EXPECT_EQ(math::float_to_half(sign * low), h | bit);
      EXPECT_EQ(math::float_to_half(sign * middle), (h + (h & 1)) | bit);
      EXPECT_EQ(math::float_to_half(sign * std::nextafter(middle, 0.0f)), h | bit);
      EXPECT_EQ(math::float_to_half(sign * std::nextafter(middle, 1e9f)), (h + 1) | bit);
    }
  }
  EXPECT_EQ(math::half_to_float(0x3c00), 1.0f);
  EXPECT_EQ(math::half_to_float(1), 0x1p-24f);
  EXPECT_EQ(math::float_to_half(1e30f), 0x7c00);
  EXPECT_EQ(math::float_to_half(-std::numeric_limits<float>::infinity()), 0xfc00);
  EXPECT_EQ(math::float_to_half(-std::nanf("5")), math::kCanonicalHalfNan);
  EXPECT_TRUE(std::isnan(math::half_to_float(0xfc01)));
}

}  // namespace
}  // namespace sz::ops::testing
