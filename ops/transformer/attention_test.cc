#include "ops/transformer/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/transformer/testing/cache_support.h"

namespace sz::ops::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

struct AttentionCase {
  AttentionAttributes attributes;
  std::uint32_t count = 0;  // rows in use
  RowsStep step;

  const CacheAttributes& cache() const { return attributes.cache; }
  std::size_t width() const { return std::size_t{cache().heads} * cache().head; }
  std::size_t visible(std::size_t row) const { return step.position + row + 1; }
  float q(std::size_t row, std::size_t h, std::size_t d) const {
    return step.inputs[0].values<float>()[row * width() + h * cache().head + d];
  }
  CacheNumber number(bool keys, std::size_t head, std::size_t place, std::size_t d) {
    return {cache(), keys, step.inputs[keys ? 1 : 2].bytes(), head, place, d};
  }
  template <typename Body>
  void for_each_number(Body body) {
    for (const bool keys : {true, false}) {
      for (std::size_t h = 0; h < cache().kv_heads; ++h) {
        for (std::size_t place = 0; place < (cache().context + 15) / 16 * 16; ++place) {
          for (std::size_t d = 0; d < cache().head; ++d) body(keys, h, place, d);
        }
      }
    }
  }
  // Sets what no row sees.
  void fill_unseen(float value) {
    const std::size_t seen = step.position + count;
    for_each_number([&](bool keys, std::size_t h, std::size_t place, std::size_t d) {
      if (place >= seen) number(keys, h, place, d).set(value);
    });
  }
};

std::vector<float> floats_of(const Bytes& bytes) {
  std::vector<float> values(bytes.size() / 4);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

AttentionCase make_case(Random& random, const CacheAttributes& cache, std::uint32_t rows,
                        std::uint32_t count, bool extreme) {
  AttentionCase test;
  test.attributes = {cache, random.pick({0.25f, 1.0f, 3.0f, -0.5f})};
  test.count = count;
  std::vector<float> q(rows * test.width());
  for (float& x : q) x = extreme && random.chance(30) ? random.extreme() : random.real();
  test.step = {OpCode::kAttention,
               {AnyTensor(DType::kF32, {rows, cache.heads * cache.head}, q),
                empty_cache(cache, true), empty_cache(cache, false)},
               {AnyTensor(DType::kF32, {rows, cache.heads * cache.head})},
               words_of(test.attributes)};
  test.step.rows = count == rows && random.chance(2) ? 0xffffffffu : count;
  test.step.position = random.integer(0, cache.context - count);
  test.for_each_number([&](bool keys, std::size_t h, std::size_t place, std::size_t d) {
    const bool odd = extreme && random.chance(40);
    test.number(keys, h, place, d).set(odd ? random.extreme() : random.real());
  });
  test.fill_unseen(kNan);
  return test;
}

AttentionCase random_attention(Random& random) {
  const CacheAttributes cache = random_cache_shape(random);
  const std::uint32_t rows = random.integer(1, std::min(cache.context, random.pick({1u, 9u, 40u})));
  const std::uint32_t count = random.chance(3) ? random.integer(1, rows) : rows;
  return make_case(random, cache, rows, count, random.chance(4));
}

TEST(Attention, GivesTheSameBitsInEveryWay) {
  for (std::uint64_t i = 0; i < 250; ++i) {
    SCOPED_TRACE("seed " + std::to_string(test_seed()) + ", case " + std::to_string(i));
    Random random(test_seed() * 1000037 + i);
    random_attention(random).step.expect_same();
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Attention, BitsAreThoseOfEveryMachine) {
  std::uint64_t sum = 14695981039346656037ull;
  for (std::uint64_t i = 0; i < 60; ++i) {
    Random random(2026000 + i);
    for (const std::byte byte : random_attention(random).step.run_vector()) {
      sum = (sum ^ static_cast<std::uint8_t>(byte)) * 1099511628211ull;
    }
  }
  EXPECT_EQ(sum, 0x1d37e472721bbbc5ull) << std::hex << sum;
}

// One row of one head in double; `bound`: how far each result may be away.
std::vector<double> exact_row(AttentionCase& test, std::size_t row, std::size_t h, double* bound) {
  const CacheAttributes& cache = test.cache();
  const std::size_t kv_head = h / (cache.heads / cache.kv_heads);
  const std::size_t count = test.visible(row);
  std::vector<double> scores(count);
  double most = -HUGE_VAL, least = HUGE_VAL, doubt = 0;
  for (std::size_t i = 0; i < count; ++i) {
    double sum = 0, size = 0;
    for (std::size_t d = 0; d < cache.head; ++d) {
      const double product = double{test.q(row, h, d)} * test.number(true, kv_head, i, d).value();
      sum += product;
      size += std::abs(product);
    }
    scores[i] = sum * test.attributes.scale;
    most = std::max(most, scores[i]);
    least = std::min(least, scores[i]);
    doubt = std::max(doubt, size * std::abs(test.attributes.scale));
  }
  double weights = 0;
  for (double& score : scores) weights += score = std::exp(score - most);
  std::vector<double> y(cache.head);
  double largest = 0;
  for (std::size_t d = 0; d < cache.head; ++d) {
    double size = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const double term = scores[i] / weights * test.number(false, kv_head, i, d).value();
      y[d] += term;
      size += std::abs(term);
    }
    largest = std::max(largest, size);
  }
  // In units of 2^-24, of a weight: the roundings of its score (a chain and the scale), of the
  // difference to the maximum, of exp, and of the factors of later blocks (difference, exp,
  // product). All of that in the sum of the weights too, with its additions; the chain of the
  // weighted values; the division.
  const double blocks = static_cast<double>(count) / 64 + 1;
  const double spread = most - least + 1;
  const double weight =
      (static_cast<double>(cache.head) + 1) * doubt + spread + 2 + blocks * (spread + 3);
  const double sums = 2 * static_cast<double>(count) + 8;
  // Weights below e^-87 are dropped: 1e-34 covers them.
  *bound = 1.01 * std::ldexp(largest * (2 * weight + sums + 1), -24) + 1e-34;
  return y;
}

TEST(Attention, AgreesWithTheDefinitionInDouble) {
  for (std::uint64_t i = 0; i < 60; ++i) {
    SCOPED_TRACE("seed " + std::to_string(test_seed()) + ", case " + std::to_string(i));
    Random random(test_seed() * 43 + i);
    const CacheAttributes cache = random_cache_shape(random);
    const std::uint32_t rows = random.integer(1, std::min(cache.context, 6u));
    AttentionCase test = make_case(random, cache, rows, rows, false);
    const std::vector<float> y = floats_of(test.step.run_vector());
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t h = 0; h < cache.heads; ++h) {
        double bound = 0;
        const std::vector<double> exact = exact_row(test, r, h, &bound);
        for (std::size_t d = 0; d < cache.head; ++d) {
          ASSERT_NEAR(y[r * test.width() + h * cache.head + d], exact[d], bound) << r << " " << h;
        }
      }
    }
  }
}

TEST(Attention, OfHalvesAndBytesIsThatOfTheNumbersThatTheyMean) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    Random random(test_seed() * 47 + i);
    AttentionCase test = random_attention(random);
    AttentionCase plain = test;
    plain.attributes.cache.format = BlockFormat::kF32;
    plain.step.attributes = words_of(plain.attributes);
    plain.step.inputs[1] = empty_cache(plain.cache(), true);
    plain.step.inputs[2] = empty_cache(plain.cache(), false);
    test.for_each_number([&](bool keys, std::size_t h, std::size_t place, std::size_t d) {
      plain.number(keys, h, place, d).set(test.number(keys, h, place, d).value());
    });
    EXPECT_TRUE(plain.step.run_vector() == test.step.run_vector());
  }
}

TEST(Attention, OfSeveralRowsIsThatOfOneAfterTheOther) {
  for (std::uint64_t i = 0; i < 60; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    Random random(test_seed() * 53 + i);
    AttentionCase test = random_attention(random);
    const Bytes together = test.step.run_vector();
    const std::vector<float> q = test.step.inputs[0].values<float>();
    AttentionCase one = test;
    one.step.rows = 1;
    for (std::uint32_t r = 0; r < test.count; ++r) {
      std::memcpy(one.step.inputs[0].bytes().data(), q.data() + r * test.width(), test.width() * 4);
      one.step.position = test.step.position + r;
      one.count = 1;
      one.fill_unseen(kNan);  // in the order of the rows: later ones see more
      const Bytes alone = one.step.run_vector();
      const std::size_t row = test.width() * 4;
      ASSERT_TRUE(std::equal(alone.begin(), alone.begin() + static_cast<std::ptrdiff_t>(row),
                             together.begin() + static_cast<std::ptrdiff_t>(r * row)))
          << "row " << r;
      for (const std::size_t k : {1u, 2u}) one.step.inputs[k] = test.step.inputs[k];
    }
  }
}

TEST(Attention, LeavesRowsThatAreNotInUse) {
  Random random(test_seed());
  AttentionCase test = make_case(random, {BlockFormat::kF32, 50, 4, 2, 8}, 9, 4, false);
  const Bytes bytes = test.step.expect_same();
  for (std::size_t at = 4 * test.width() * 4; at < bytes.size(); ++at) {
    ASSERT_EQ(bytes[at], std::byte{0xa5});
  }
}

// A score far above the rest takes all; far below, nothing. In every order of the blocks.
TEST(Attention, FollowsTheLargestScoreThroughTheBlocks) {
  for (const std::size_t best : {0u, 15u, 63u, 64u, 100u, 199u}) {
    Random random(best);
    AttentionCase test = make_case(random, {BlockFormat::kF32, 200, 2, 1, 8}, 1, 1, false);
    test.attributes.scale = 1;
    test.step.attributes = words_of(test.attributes);
    test.step.position = 199;
    test.for_each_number([&](bool keys, std::size_t, std::size_t place, std::size_t d) {
      if (place >= 200) return;
      const float score = place == best ? 1.0f : -1.0f;
      test.number(keys, 0, place, d)
          .set(keys ? (d == 0 ? score : 0.0f) : static_cast<float>(place));
    });
    std::vector<float> q(16, 0.0f);
    q[0] = q[8] = 200.0f;
    std::memcpy(test.step.inputs[0].bytes().data(), q.data(), 64);
    for (const float y : floats_of(test.step.expect_same())) {
      EXPECT_EQ(y, static_cast<float>(best));
    }
  }
}

TEST(Attention, KeepsNansWhereTheyBelong) {
  for (const auto format : {BlockFormat::kF32, BlockFormat::kF16}) {
    for (const float odd : {kNan, kInf}) {
      Random random(3);
      const CacheAttributes cache{format, 120, 4, 2, 24};
      AttentionCase test = make_case(random, cache, 20, 20, false);
      test.step.position = 60;
      test.attributes.scale = 1;
      test.step.attributes = words_of(test.attributes);
      const std::vector<float> q(20 * test.width(), 0.5f);  // so that all scores are above 0
      std::memcpy(test.step.inputs[0].bytes().data(), q.data(), q.size() * 4);
      const auto finite = [&](const AttentionCase& changed, auto expected) {
        const std::vector<float> y = floats_of(changed.step.expect_same());
        for (std::size_t i = 0; i < y.size(); ++i) {
          const std::size_t row = i / test.width(), h = i % test.width() / 24, d = i % 24;
          ASSERT_EQ(y[i] - y[i] == 0.0f, expected(row, h, d)) << row << " " << h << " " << d;
        }
      };
      test.fill_unseen(0.0f);  // make_case's position was another
      test.for_each_number([&](bool keys, std::size_t h, std::size_t place, std::size_t d) {
        if (place < 80) test.number(keys, h, place, d).set(0.5f);
      });
      AttentionCase changed = test;
      changed.number(true, 1, 66, 5).set(odd);
      finite(changed, [](std::size_t row, std::size_t h, std::size_t) { return row < 6 || h < 2; });
      changed = test;
      changed.number(false, 0, 70, 7).set(odd);
      finite(changed, [](std::size_t row, std::size_t h, std::size_t d) {
        return row < 10 || h >= 2 || d != 7;
      });
      changed = test;
      const float value = odd;
      std::memcpy(changed.step.inputs[0].bytes().data() + (3 * test.width() + 24) * 4, &value, 4);
      finite(changed,
             [](std::size_t row, std::size_t h, std::size_t) { return row != 3 || h != 1; });
    }
  }
}

// -infinity is a score like others, as long as there is a larger one.
TEST(Attention, PassesOverScoresOfMinusInfinity) {
  AttentionCase test;
  Random random(5);
  test = make_case(random, {BlockFormat::kF32, 160, 1, 1, 4}, 1, 1, false);
  test.attributes.scale = 1;
  test.step.attributes = words_of(test.attributes);
  test.step.position = 150;
  const std::vector<float> q{1, 0, 0, 0};
  std::memcpy(test.step.inputs[0].bytes().data(), q.data(), 16);
  for (std::size_t place = 0; place < 151; ++place) {
    for (std::size_t d = 0; d < 4; ++d) {
      test.number(true, 0, place, d).set(d == 0 && place != 140 ? -kInf : 0.0f);
      test.number(false, 0, place, d).set(static_cast<float>(place));
    }
  }
  for (const float y : floats_of(test.step.expect_same())) EXPECT_EQ(y, 140.0f);
  test.number(true, 0, 140, 0).set(-kInf);
  for (const float y : floats_of(test.step.expect_same())) EXPECT_TRUE(std::isnan(y));
}

TEST(Attention, GoesThroughLongContexts) {
  for (const auto format : {BlockFormat::kF32, BlockFormat::kF16, BlockFormat::kQ8_0}) {
    Random random(test_seed() + 7);
    const CacheAttributes cache{format, 5000, 2, 1, 8};
    AttentionCase test = make_case(random, cache, 3, 3, false);
    test.step.position = 4997;
    test.for_each_number([&](bool keys, std::size_t h, std::size_t place, std::size_t d) {
      if (place < 5000) test.number(keys, h, place, d).set(random.real());
    });
    const std::vector<float> y = floats_of(test.step.expect_same());
    double bound = 0;
    const std::vector<double> exact = exact_row(test, 2, 1, &bound);
    for (std::size_t d = 0; d < 8; ++d) EXPECT_NEAR(y[2 * 16 + 8 + d], exact[d], bound);
  }
}

TEST(Attention, RefusesRowsBeyondTheContextBeforeItWrites) {
  for (std::uint64_t i = 0; i < 30; ++i) {
    Random random(i);
    AttentionCase test = random_attention(random);
    test.step.position =
        random.pick({test.cache().context - test.count + 1, test.cache().context, 0xffffffffu});
    for (const std::byte byte : test.step.expect_same(Status::kContextFull)) {
      ASSERT_EQ(byte, std::byte{0xa5});
    }
  }
}

TEST(AttentionCheck, RefusesWhatDoesNotFit) {
  const AttentionAttributes good{{BlockFormat::kF16, 20, 4, 2, 8}, 0.5f};
  const auto step_of = [](const CacheAttributes& c, const AttentionAttributes& attributes) {
    return RowsStep{OpCode::kAttention,
                    {AnyTensor(DType::kF32, {3, c.heads * c.head}), empty_cache(c, true),
                     empty_cache(c, false)},
                    {AnyTensor(DType::kF32, {3, c.heads * c.head})},
                    words_of(attributes)};
  };
  EXPECT_EQ(step_of(good.cache, good).check(), Status::kOk);
  const auto with = [&](auto change) {
    AttentionAttributes attributes = good;
    change(attributes);
    return step_of(good.cache, attributes).check();
  };
  const auto bad = Status::kBadAttribute;
  EXPECT_EQ(with([](auto& a) { a.scale = kInf; }), bad);
  EXPECT_EQ(with([](auto& a) { a.scale = kNan; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.format = BlockFormat::kQ4_0; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.head = 10; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.heads = 3; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.kv_heads = 0; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.context = 0; }), bad);
  EXPECT_EQ(with([](auto& a) { a.cache.context = 0xffffffffu; }), bad);
  const auto shape = Status::kShapeMismatch;
  EXPECT_EQ(with([](auto& a) { a.cache.context = 40; }), shape);
  EXPECT_EQ(with([](auto& a) { a.cache.kv_heads = 1; }), shape);
  EXPECT_EQ(with([](auto& a) { a.cache.heads = 8; }), shape);
  EXPECT_EQ(with([](auto& a) { a.cache.format = BlockFormat::kF32; }), shape);

  RowsStep step = step_of(good.cache, good);
  step.attributes.push_back(0);
  EXPECT_EQ(step.check(), bad);
  step = step_of(good.cache, good);
  step.inputs[2] = AnyTensor(DType::kU8, {2, 32 * 8 * 2}, 4);
  EXPECT_EQ(step.check(), shape) << "gaps between the heads";
  step = step_of(good.cache, good);
  step.inputs[1] = AnyTensor(DType::kI8, {2, 32 * 8 * 2});
  EXPECT_EQ(step.check(), Status::kDtypeMismatch);
  step = step_of(good.cache, good);
  step.outputs[0] = AnyTensor(DType::kF32, {4, 32});
  EXPECT_EQ(step.check(), shape);
  step = step_of(good.cache, good);
  step.inputs[0] = AnyTensor(DType::kF32, {3, 2, 16});
  EXPECT_EQ(step.check(), shape);
}

}  // namespace
}  // namespace sz::ops::testing
