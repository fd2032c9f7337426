#include "language/sampler.h"

#include <bit>

#include "math/exp_unfused.h"

namespace sz::language {
namespace {

constexpr float kInfinity = std::bit_cast<float>(0x7f800000u);
constexpr float kMaxTemperature = 100.0f;
constexpr float kMaxPenalty = 100.0f;

// Weights that are computed together, in loops that become vectors.
constexpr std::size_t kBlock = 64;
constexpr std::size_t kLanes = 8;

// A bijection of 64-bit numbers that leaves no visible order in them: SplitMix64's.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// In [0, 1), 53 bits.
double draw(SamplerState* state) {
  const std::uint64_t bits = mix(state->seed + ++state->drawn * 0x9e3779b97f4a7c15u);
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

void penalize(std::span<float> logits, std::span<const std::uint32_t> recent,
              const SamplerSettings& settings, MutableByteSpan work) {
  if (settings.repeat_penalty == 1.0f || recent.empty()) return;
  if (recent.size() > settings.repeat_window) {
    recent = recent.subspan(recent.size() - settings.repeat_window);
  }
  const MutableByteSpan seen = work.first((logits.size() + 7) / 8);
  fill_bytes(seen.data(), 0, seen.size());
  for (const std::uint32_t token : recent) {
    if (token >= logits.size()) continue;
    const std::byte bit{static_cast<std::uint8_t>(1u << token % 8)};
    if ((seen[token / 8] & bit) != std::byte{0}) continue;
    seen[token / 8] |= bit;
    float& logit = logits[token];
    logit = logit > 0.0f ? logit / settings.repeat_penalty : logit * settings.repeat_penalty;
  }
}

std::uint32_t largest(std::span<const float> logits) {
  std::uint32_t best = 0;
  float most = logits[0];
  for (std::uint32_t i = 1; i < logits.size(); ++i) {
    if (logits[i] > most || (most != most && logits[i] == logits[i])) {
      most = logits[i];
      best = i;
    }
  }
  return best;
}

// The candidates, as a heap of tokens.
class Candidates {
 public:
  Candidates(std::span<float> values, MutableByteSpan work)
      : values_(values), tokens_(reinterpret_cast<std::uint32_t*>(work.data())) {}

  std::uint32_t size() const { return size_; }
  std::uint32_t operator[](std::uint32_t i) const { return tokens_[i]; }

  // Keeps the `most` likeliest of all, but no NaN; they stand from the likeliest on.
  void keep_likeliest(std::uint32_t most);

  // Takes every token of at least `least`; then likeliest() gives one after the other.
  void take(float least);
  // The next, moved behind those that are left: afterwards it is element size() - 1 - (calls
  // before).
  std::uint32_t likeliest(std::uint32_t left);

 private:
  bool likelier(std::uint32_t a, std::uint32_t b) const {
    return values_[a] > values_[b] || (values_[a] == values_[b] && a < b);
  }
  // Heap order: `up` says whether a belongs above b.
  template <bool likeliest_on_top>
  void sink(std::uint32_t at, std::uint32_t size);

  std::span<float> values_;
  std::uint32_t* tokens_;
  std::uint32_t size_ = 0;
};

template <bool likeliest_on_top>
void Candidates::sink(std::uint32_t at, std::uint32_t size) {
  const auto above = [&](std::uint32_t a, std::uint32_t b) {
    return likeliest_on_top ? likelier(a, b) : likelier(b, a);
  };
  const std::uint32_t token = tokens_[at];
  for (std::uint64_t below = 2ull * at + 1; below < size; below = 2 * below + 1) {
    if (below + 1 < size && above(tokens_[below + 1], tokens_[below])) ++below;
    if (!above(tokens_[below], token)) break;
    tokens_[at] = tokens_[below];
    at = static_cast<std::uint32_t>(below);
  }
  tokens_[at] = token;
}

void Candidates::keep_likeliest(std::uint32_t most) {
  const auto count = static_cast<std::uint32_t>(values_.size());
  std::uint32_t token = 0;
  for (; token < count && size_ < most; ++token) {
    if (values_[token] == values_[token]) tokens_[size_++] = token;
  }
  for (std::uint32_t i = size_ / 2; i-- > 0;) sink<false>(i, size_);
  // The least likely of those kept is on top. Equal ones that come later are less likely.
  float least = size_ == 0 ? kInfinity : values_[tokens_[0]];
  for (; token < count; ++token) {
    if (!(values_[token] > least)) continue;
    tokens_[0] = token;
    sink<false>(0, size_);
    least = values_[tokens_[0]];
  }
  for (std::uint32_t left = size_; left > 1;) {
    --left;
    const std::uint32_t last = tokens_[0];
    tokens_[0] = tokens_[left];
    tokens_[left] = last;
    sink<false>(0, left);
  }
}

void Candidates::take(float least) {
  size_ = 0;
  for (std::uint32_t token = 0; token < values_.size(); ++token) {
    if (values_[token] >= least) tokens_[size_++] = token;
  }
  for (std::uint32_t i = size_ / 2; i-- > 0;) sink<true>(i, size_);
}

std::uint32_t Candidates::likeliest(std::uint32_t left) {
  const std::uint32_t token = tokens_[0];
  tokens_[0] = tokens_[left - 1];
  tokens_[left - 1] = token;
  sink<true>(0, left - 1);
  return token;
}

float weight(float logit, float most, float temperature) {
  return math::exp_unfused((logit - most) / temperature);
}

// Makes weights of all logits; the sum of each block, by lanes, goes to `sums`.
double weigh_all(std::span<float> logits, float most, float temperature, double* sums) {
  double total = 0.0;
  for (std::size_t begin = 0; begin < logits.size(); begin += kBlock) {
    const std::size_t count = logits.size() - begin < kBlock ? logits.size() - begin : kBlock;
    float weights[kBlock] = {};
    copy_bytes(weights, &logits[begin], count * sizeof(float));
    // All of them, as a loop of known length becomes vectors; those past the end become 0 again.
    for (float& x : weights) x = weight(x, most, temperature);
    for (std::size_t i = count; i < kBlock; ++i) weights[i] = 0.0f;
    copy_bytes(&logits[begin], weights, count * sizeof(float));
    float lanes[kLanes] = {};
    for (std::size_t i = 0; i < kBlock; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += weights[i + lane];
    }
    double sum = 0.0;
    for (const float lane : lanes) sum += static_cast<double>(lane);
    sums[begin / kBlock] = sum;
    total += sum;
  }
  return total;
}

// The first of `count` tokens at which the sum of the weights passes `goal`.
template <class TokenAt>
std::uint32_t choose(std::span<const float> weights, std::uint32_t count, double goal,
                     TokenAt token_at) {
  double sum = 0.0;
  std::uint32_t chosen = token_at(0);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t token = token_at(i);
    if (!(weights[token] > 0.0f)) continue;
    chosen = token;  // the last one stands in where rounding leaves a rest
    sum += static_cast<double>(weights[token]);
    if (sum > goal) break;
  }
  return chosen;
}

// The token of all at which the sum of the weights passes `goal`.
std::uint32_t choose_of_all(std::span<const float> weights, const double* sums, double goal) {
  const std::size_t blocks = (weights.size() + kBlock - 1) / kBlock;
  std::size_t block = 0;
  std::size_t last = 0;  // that has any weight
  double sum = 0.0;
  for (; block < blocks; ++block) {
    if (!(sums[block] > 0.0)) continue;
    last = block;
    if (sum + sums[block] > goal) break;
    sum += sums[block];
  }
  const std::size_t begin = last * kBlock;
  const std::size_t count = weights.size() - begin < kBlock ? weights.size() - begin : kBlock;
  return choose(weights, static_cast<std::uint32_t>(count), goal - sum,
                [&](std::uint32_t i) { return static_cast<std::uint32_t>(begin + i); });
}

// How many of the tokens, from the likeliest on, top-p and min-p leave; their weight in *kept.
template <class NextToken>
std::uint32_t cut(std::span<const float> weights, std::uint32_t count, double total,
                  const SamplerSettings& settings, double* kept, NextToken next_token) {
  // Of the likeliest token alone the weight is 1, so that min-p compares weights.
  const double enough = static_cast<double>(settings.top_p) * total;
  std::uint32_t size = 0;
  *kept = 0.0;
  while (size < count) {
    const float next = weights[next_token(size)];
    if (size > 0 && next < settings.min_p) break;
    ++size;
    *kept += static_cast<double>(next);
    if (settings.top_p < 1.0f && *kept >= enough) break;
  }
  return size;
}

std::uint32_t sample_top_k(std::span<float> logits, float most, const SamplerSettings& settings,
                           double random, MutableByteSpan work) {
  Candidates candidates(logits, work);
  candidates.keep_likeliest(settings.top_k);
  double total = 0.0;
  for (std::uint32_t i = 0; i < candidates.size(); ++i) {
    float& logit = logits[candidates[i]];
    logit = weight(logit, most, settings.temperature);
    total += static_cast<double>(logit);
  }
  const auto token_at = [&](std::uint32_t i) { return candidates[i]; };
  double kept;
  const std::uint32_t size = cut(logits, candidates.size(), total, settings, &kept, token_at);
  return choose(logits, size, random * kept, token_at);
}

std::uint32_t sample_all(std::span<float> logits, float most, const SamplerSettings& settings,
                         double random, MutableByteSpan work) {
  const auto count = static_cast<std::uint32_t>(logits.size());
  auto* sums = reinterpret_cast<double*>(work.data());  // where the candidates will be
  const double total = weigh_all(logits, most, settings.temperature, sums);
  if (settings.top_p == 1.0f && settings.min_p == 0.0f) {
    return choose_of_all(logits, sums, random * total);
  }
  // Tokens below this weigh together less than what top-p leaves out, so none of them is needed to
  // reach it; half of it, for roundings.
  const double spare = (1.0 - static_cast<double>(settings.top_p)) * total / count / 2;
  const auto least = static_cast<float>(spare);
  Candidates candidates(logits, work);
  candidates.take(least > settings.min_p ? least : settings.min_p);
  const std::uint32_t all = candidates.size();
  const auto next = [&](std::uint32_t i) { return candidates.likeliest(all - i); };
  double kept;
  const std::uint32_t size = cut(logits, all, total, settings, &kept, next);
  return choose(logits, size, random * kept,
                [&](std::uint32_t i) { return candidates[all - 1 - i]; });
}

}  // namespace

Failure check_settings(const SamplerSettings& settings) {
  const bool sound[] = {
      settings.temperature >= 0.0f && settings.temperature <= kMaxTemperature,
      true,  // top_k
      settings.top_p > 0.0f && settings.top_p <= 1.0f,
      settings.min_p >= 0.0f && settings.min_p <= 1.0f,
      settings.repeat_penalty > 0.0f && settings.repeat_penalty <= kMaxPenalty,
  };
  for (std::uint32_t field = 0; field < sizeof(sound); ++field) {
    if (!sound[field]) return {Status::kBadSampling, field};
  }
  return kSuccess;
}

SamplerState start_sampler(std::uint64_t seed) { return {mix(seed), 0}; }

std::uint64_t sampler_work_bytes(std::uint32_t vocabulary) {
  return (sizeof(std::uint32_t) * std::uint64_t{vocabulary} + 7) / 8 * 8;
}

std::uint32_t sample(std::span<float> logits, std::span<const std::uint32_t> recent,
                     const SamplerSettings& settings, SamplerState* state, MutableByteSpan work) {
  penalize(logits, recent, settings, work);
  const std::uint32_t greedy = largest(logits);
  const float most = logits[greedy];
  if (settings.temperature == 0.0f || !(most < kInfinity && most > -kInfinity)) return greedy;
  const double random = draw(state);
  if (settings.top_k != 0 && settings.top_k < logits.size()) {
    return sample_top_k(logits, most, settings, random, work);
  }
  return sample_all(logits, most, settings, random, work);
}

}  // namespace sz::language
