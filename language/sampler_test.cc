#include "language/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace sz::language {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

using Tokens = std::vector<std::uint32_t>;

std::uint32_t choose_next(std::vector<float> logits, const SamplerSettings& settings,
                          SamplerState* state, const Tokens& recent = {}) {
  std::vector<std::uint64_t> work(sampler_work_bytes(static_cast<std::uint32_t>(logits.size())) / 8,
                                  0x5a5a5a5a5a5a5a5au);
  return sample(logits, recent, settings, state, std::as_writable_bytes(std::span(work)));
}

std::uint32_t choose(const std::vector<float>& logits, const SamplerSettings& settings,
                     const Tokens& recent = {}) {
  SamplerState state = start_sampler(settings.seed);
  return choose_next(logits, settings, &state, recent);
}

// The next random number, by the words of language/sampler.h and SplitMix64's definition.
double next_random(const SamplerState& state) {
  std::uint64_t x = state.seed + (state.drawn + 1) * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  x ^= x >> 31;
  return std::ldexp(static_cast<double>(x >> 11), -53);
}

// The sampler in double, with the whole vocabulary sorted.
struct Plain {
  Tokens tokens;                // the candidates
  std::vector<double> weights;  // theirs
  bool unsure = false;          // a cut lies within the rounding of floats
};

Plain plainly(std::vector<float> logits, const SamplerSettings& s, const Tokens& recent) {
  constexpr double kRounding = 1e-5;
  Tokens window(recent.end() - std::min<std::ptrdiff_t>(s.repeat_window, std::ssize(recent)),
                recent.end());
  std::sort(window.begin(), window.end());
  window.erase(std::unique(window.begin(), window.end()), window.end());
  for (const std::uint32_t token : window) {
    if (token >= logits.size()) continue;
    if (logits[token] > 0) {
      logits[token] /= s.repeat_penalty;
    } else {
      logits[token] *= s.repeat_penalty;
    }
  }
  Plain plain;
  plain.tokens.resize(logits.size());
  std::iota(plain.tokens.begin(), plain.tokens.end(), 0u);
  std::erase_if(plain.tokens, [&](std::uint32_t t) { return std::isnan(logits[t]); });
  const bool cut = (s.top_k != 0 && s.top_k < logits.size()) || s.top_p < 1 || s.min_p > 0;
  const auto likelier = [&](auto a, auto b) { return logits[a] > logits[b]; };
  std::stable_sort(plain.tokens.begin(), plain.tokens.end(), likelier);
  const double most = static_cast<double>(logits[plain.tokens[0]]);
  if (s.top_k != 0 && s.top_k < plain.tokens.size()) plain.tokens.resize(s.top_k);
  double total = 0;
  for (const std::uint32_t t : plain.tokens) {
    plain.weights.push_back(
        std::exp((static_cast<double>(logits[t]) - most) / static_cast<double>(s.temperature)));
    total += plain.weights.back();
  }
  double sum = 0;
  std::size_t keep = 0;
  while (keep < plain.tokens.size() && cut) {
    const double weight = plain.weights[keep];
    const auto min_p = static_cast<double>(s.min_p);
    if (std::abs(weight - min_p) < kRounding * min_p && weight < 1) plain.unsure = true;
    if (keep > 0 && weight < min_p) break;
    sum += weight;
    ++keep;
    const double goal = static_cast<double>(s.top_p) * total;
    if (s.top_p < 1 && std::abs(sum - goal) < kRounding * total) plain.unsure = true;
    if (s.top_p < 1 && sum >= goal) break;
  }
  if (cut) {
    plain.tokens.resize(keep);
    plain.weights.resize(keep);
  }
  if (s.top_k != 0 && s.top_k < logits.size()) return plain;
  // By number.
  std::vector<double> by_number(logits.size());
  for (std::size_t i = 0; i < plain.tokens.size(); ++i) {
    by_number[plain.tokens[i]] = plain.weights[i];
  }
  std::sort(plain.tokens.begin(), plain.tokens.end());
  for (std::size_t i = 0; i < plain.tokens.size(); ++i) {
    plain.weights[i] = by_number[plain.tokens[i]];
  }
  return plain;
}

// Whether `token` is what the random number points at, give or take the rounding.
bool is_pointed_at(const Plain& plain, std::uint32_t token, double random) {
  constexpr double kRounding = 1e-5;
  const double total = std::accumulate(plain.weights.begin(), plain.weights.end(), 0.0);
  double sum = 0;
  for (std::size_t i = 0; i < plain.tokens.size(); ++i) {
    const double next = sum + plain.weights[i];
    if (plain.tokens[i] == token) {
      return sum <= (random + kRounding) * total && next >= (random - kRounding) * total;
    }
    sum = next;
  }
  return false;
}

SamplerSettings random_settings(std::mt19937* random) {
  const auto one_of = [&](std::initializer_list<float> values) {
    return values.begin()[(*random)() % values.size()];
  };
  SamplerSettings s;
  s.temperature = one_of({0.05f, 0.7f, 1.0f, 1.5f, 100.0f, 1e-30f});
  s.top_k = static_cast<std::uint32_t>(one_of({0, 0, 1, 2, 10, 40, 1000, 100000}));
  s.top_p = one_of({1.0f, 1.0f, 0.95f, 0.5f, 0.9f, 0.01f, 1e-10f});
  s.min_p = one_of({0.0f, 0.0f, 0.05f, 0.5f, 1.0f});
  s.repeat_penalty = one_of({1.0f, 1.0f, 1.3f, 0.5f, 100.0f});
  s.repeat_window = static_cast<std::uint32_t>(one_of({0, 1, 5, 64, 100000}));
  s.seed = (*random)();
  return s;
}

std::vector<float> random_logits(std::mt19937* random) {
  const std::size_t sizes[] = {1, 2, 3, 17, 64, 65, 500, 6000};
  std::vector<float> logits(sizes[(*random)() % 8]);
  const float spread = (*random)() % 2 == 0 ? 3.0f : 12.0f;
  std::normal_distribution<float> normal(0, spread);
  for (float& logit : logits) logit = normal(*random);
  const std::uint32_t kind = (*random)() % 4;
  if (kind == 0) {
    for (float& logit : logits) logit = std::round(logit);  // many are equal
  }
  if (kind == 1 && logits.size() > 2) {
    for (float& logit : logits) {
      if ((*random)() % 4 == 0) logit = (*random)() % 2 == 0 ? kNan : -kInfinity;
    }
    logits[1] = 3;
  }
  return logits;
}

TEST(Sampler, ChoosesWhatThePlainOneDoes) {
  std::mt19937 random(1);
  int unsure = 0;
  constexpr int kRounds = 4000;
  for (int i = 0; i < kRounds; ++i) {
    const std::vector<float> logits = random_logits(&random);
    const SamplerSettings settings = random_settings(&random);
    ASSERT_TRUE(check_settings(settings).ok());
    Tokens recent(random() % 100);
    for (std::uint32_t& token : recent) {
      token = static_cast<std::uint32_t>(random() % (logits.size() + 2));
    }
    const Plain plain = plainly(logits, settings, recent);
    if (plain.unsure) {
      ++unsure;
      continue;
    }
    SamplerState state = start_sampler(settings.seed);
    const double pointer = next_random(state);
    const std::uint32_t token = choose_next(logits, settings, &state, recent);
    ASSERT_TRUE(is_pointed_at(plain, token, pointer)) << "round " << i << ", token " << token;
    ASSERT_EQ(state.drawn, 1u);
  }
  EXPECT_LT(unsure, kRounds / 10);
}

TEST(Sampler, GreedyTakesTheFirstOfTheLargest) {
  const SamplerSettings greedy;
  EXPECT_EQ(choose({1, 3, 2, 3}, greedy), 1u);
  EXPECT_EQ(choose({-5}, greedy), 0u);
  EXPECT_EQ(choose({kNan, 1, kNan, 2}, greedy), 3u);
  EXPECT_EQ(choose({1, kNan}, greedy), 0u);
  EXPECT_EQ(choose({kNan, kNan}, greedy), 0u);
  EXPECT_EQ(choose({kNan, -kInfinity, -kInfinity}, greedy), 1u);
  EXPECT_EQ(choose({1, kInfinity, 5, kInfinity}, greedy), 1u);
  SamplerState state = start_sampler(3);
  EXPECT_EQ(choose_next({1, 2}, greedy, &state), 1u);
  EXPECT_EQ(state.drawn, 0u);  // no chance in it
}

TEST(Sampler, NanAndInfinityAreHandledAtAnyTemperature) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    for (const std::uint32_t top_k : {0u, 2u}) {
      for (const float top_p : {1.0f, 0.9f}) {
        const SamplerSettings s = {.temperature = 1, .top_k = top_k, .top_p = top_p, .seed = seed};
        EXPECT_EQ(choose({kNan, kNan, kNan}, s), 0u);
        EXPECT_EQ(choose({kNan, 1, kNan}, s), 1u);
        EXPECT_EQ(choose({1, kInfinity, kNan, kInfinity}, s), 1u);
        EXPECT_EQ(choose({kNan, -kInfinity, -kInfinity}, s), 1u);
        EXPECT_EQ(choose({-kInfinity, 1e30f, -kInfinity, -1e30f}, s), 1u);
        EXPECT_EQ(choose({-3e38f, 3e38f, -3e38f}, s), 1u);
      }
    }
  }
}

TEST(Sampler, PenaltyDividesPositiveAndMultipliesNegativeLogitsOnce) {
  SamplerSettings s = {.repeat_penalty = 2};
  EXPECT_EQ(choose({4, 2.1f}, s, {0}), 1u);
  EXPECT_EQ(choose({4, 1.9f}, s, {0}), 0u);
  EXPECT_EQ(choose({4, 1.9f}, s, {0, 0, 0}), 0u);  // once
  EXPECT_EQ(choose({-1, -1.9f}, s, {0}), 1u);
  EXPECT_EQ(choose({-1, -2.1f}, s, {0}), 0u);
  s.repeat_window = 2;
  EXPECT_EQ(choose({4, 3, 2, 1}, s, {0, 1, 2}), 0u);
  EXPECT_EQ(choose({4, 3, 2, 1}, s, {1, 2, 0}), 1u);
  EXPECT_EQ(choose({4, 3}, s, {7, 0xffffffff, 0}), 1u);  // numbers past the end do nothing
  s.repeat_window = 0;
  EXPECT_EQ(choose({4, 2.1f}, s, {0}), 0u);
}

// Of the tokens of a vocabulary, how often each is chosen.
std::vector<int> histogram(const std::vector<float>& logits, const SamplerSettings& s, int draws) {
  std::vector<int> counts(logits.size());
  SamplerState state = start_sampler(s.seed);
  for (int i = 0; i < draws; ++i) ++counts[choose_next(logits, s, &state)];
  return counts;
}

TEST(Sampler, TokensComeAsOftenAsTheyShould) {
  constexpr int kDraws = 100000;
  const std::vector<float> logits = {0, 1, 2, -1, 0.5f, kNan, 1};
  // All, and all but those below 0.1 of the most likely, by each of the ways.
  for (const SamplerSettings& s : {SamplerSettings{.temperature = 1, .seed = 1},
                                   {.temperature = 1, .top_k = 6, .seed = 2},
                                   {.temperature = 1, .top_p = 0.9999f, .seed = 3},
                                   {.temperature = 2, .top_k = 3, .seed = 4},
                                   {.temperature = 1, .top_p = 0.7f, .seed = 5},
                                   {.temperature = 1, .min_p = 0.2f, .seed = 6}}) {
    const Plain plain = plainly(logits, s, {});
    ASSERT_FALSE(plain.unsure);
    const std::vector<int> counts = histogram(logits, s, kDraws);
    const double total = std::accumulate(plain.weights.begin(), plain.weights.end(), 0.0);
    int seen = 0;
    for (std::size_t i = 0; i < plain.tokens.size(); ++i) {
      const double share = plain.weights[i] / total;
      const int count = counts[plain.tokens[i]];
      seen += count;
      // Five standard deviations.
      EXPECT_NEAR(count, share * kDraws, 5 * std::sqrt(kDraws * share * (1 - share)) + 1e-9);
    }
    EXPECT_EQ(seen, kDraws);  // and nothing else
  }
}

// Very many equal logits: the lower numbers are left by top-p.
TEST(Sampler, OfEqualLogitsTheLowerNumbersAreKept) {
  const std::vector<float> logits(20000, 1.5f);
  SamplerSettings s = {.temperature = 1, .top_p = 0.25f};
  std::uint32_t highest = 0;
  for (s.seed = 0; s.seed < 300; ++s.seed) highest = std::max(highest, choose(logits, s));
  EXPECT_LE(highest, 5000u);
  EXPECT_GT(highest, 4800u);
}

TEST(Sampler, IsTheSameOnEveryMachine) {
  std::mt19937 random(9);
  std::uint64_t sum = 0;
  for (int i = 0; i < 3000; ++i) {
    // Logits from integers alone, as distributions differ between libraries.
    std::vector<float> logits(1 + random() % 800);
    for (float& logit : logits) {
      logit = (static_cast<float>(random() % 20001) - 10000.0f) * 0.001f;
    }
    const SamplerSettings settings = random_settings(&random);
    sum = sum * 31 + choose(logits, settings, {1, 2, 3});
  }
  EXPECT_EQ(sum, 16946998568817838576u);
}

TEST(Sampler, SeedAndCountDecide) {
  std::vector<float> logits(1000);
  const SamplerSettings s = {.temperature = 1, .seed = 42};
  SamplerState state = start_sampler(s.seed);
  Tokens first;
  for (int i = 0; i < 50; ++i) first.push_back(choose_next(logits, s, &state));
  SamplerState again = start_sampler(s.seed);
  again.drawn = 25;
  for (std::size_t i = 25; i < 50; ++i) EXPECT_EQ(choose_next(logits, s, &again), first[i]);
  SamplerState other = start_sampler(43);
  Tokens second;
  for (int i = 0; i < 50; ++i) second.push_back(choose_next(logits, s, &other));
  EXPECT_NE(first, second);
}

TEST(Sampler, SettingsOutOfRangeAreRefused) {
  const auto field = [](const SamplerSettings& s) {
    const Failure failure = check_settings(s);
    EXPECT_EQ(failure.status, Status::kBadSampling);
    return failure.detail;
  };
  EXPECT_TRUE(check_settings({}).ok());
  EXPECT_TRUE(
      check_settings({.temperature = 100, .top_p = 1e-40f, .min_p = 1, .repeat_penalty = 100})
          .ok());
  for (const float bad : {kNan, -0.1f, 100.5f, kInfinity}) {
    EXPECT_EQ(field({.temperature = bad}), 0u);
  }
  for (const float bad : {kNan, 0.0f, -1.0f, 1.01f}) EXPECT_EQ(field({.top_p = bad}), 2u);
  for (const float bad : {kNan, -0.1f, 1.01f}) EXPECT_EQ(field({.min_p = bad}), 3u);
  for (const float bad : {kNan, 0.0f, -1.0f, 101.0f}) EXPECT_EQ(field({.repeat_penalty = bad}), 4u);
}

}  // namespace
}  // namespace sz::language
