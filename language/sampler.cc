#include "language/sampler.h"

#include <bit>

#include "language/weights.h"

namespace sz::language {
namespace {

constexpr float kInfinity = std::bit_cast<float>(0x7f800000u);
constexpr float kMaxTemperature = 100.0f;
constexpr float kMaxPenalty = 100.0f;

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

bool is_less_likely(std::span<const float> logits, std::uint32_t a, std::uint32_t b) {
  return logits[a] < logits[b] || (logits[a] == logits[b] && a > b);
}

// Moves tokens[at] down in a heap of `size` tokens with the least likely on top.
void sink(std::span<const float> logits, std::uint32_t* tokens, std::uint32_t at,
          std::uint32_t size) {
  const std::uint32_t token = tokens[at];
  for (std::uint64_t below = 2ull * at + 1; below < size; below = 2 * below + 1) {
    if (below + 1 < size && is_less_likely(logits, tokens[below + 1], tokens[below])) ++below;
    if (!is_less_likely(logits, tokens[below], token)) break;
    tokens[at] = tokens[below];
    at = static_cast<std::uint32_t>(below);
  }
  tokens[at] = token;
}

// The `most` likeliest tokens, from the likeliest on, but no NaN; returns how many.
std::uint32_t take_likeliest(std::span<const float> logits, std::uint32_t most,
                             std::uint32_t* tokens) {
  std::uint32_t size = 0;
  std::uint32_t token = 0;
  for (; token < logits.size() && size < most; ++token) {
    if (logits[token] == logits[token]) tokens[size++] = token;
  }
  for (std::uint32_t i = size / 2; i-- > 0;) sink(logits, tokens, i, size);
  // The least likely of those kept is on top. Equal ones that come later are less likely.
  float least = logits[tokens[0]];
  for (; token < logits.size(); ++token) {
    if (!(logits[token] > least)) continue;
    tokens[0] = token;
    sink(logits, tokens, 0, size);
    least = logits[tokens[0]];
  }
  for (std::uint32_t left = size; left > 1;) {
    --left;
    const std::uint32_t last = tokens[0];
    tokens[0] = tokens[left];
    tokens[left] = last;
    sink(logits, tokens, 0, left);
  }
  return size;
}

// From the likeliest on, as many as top-p and min-p leave. At least one logit is finite.
std::uint32_t sample_top_k(std::span<float> logits, float most, const SamplerSettings& settings,
                           double random, MutableByteSpan work) {
  auto* tokens = reinterpret_cast<std::uint32_t*>(work.data());
  const std::uint32_t size = take_likeliest(logits, settings.top_k, tokens);
  double total = 0.0;
  for (std::uint32_t i = 0; i < size; ++i) {
    float& logit = logits[tokens[i]];
    logit = weight_of(logit, most, settings.temperature);
    total += static_cast<double>(logit);
  }
  const double enough = static_cast<double>(settings.top_p) * total;
  double kept = 0.0;
  std::uint32_t end = 0;
  while (end < size) {
    const float weight = logits[tokens[end]];
    // Of the likeliest the weight is 1.
    if (weight == 0.0f || weight < settings.min_p) break;
    ++end;
    kept += static_cast<double>(weight);
    if (settings.top_p < 1.0f && kept >= enough) break;
  }
  double sum = 0.0;
  for (std::uint32_t i = 0; i + 1 < end; ++i) {
    sum += static_cast<double>(logits[tokens[i]]);
    if (sum > random * kept) return tokens[i];
  }
  return tokens[end - 1];
}

std::uint32_t sample_all(std::span<float> logits, float most, const SamplerSettings& settings,
                         double random, MutableByteSpan work) {
  weigh_all(logits, most, settings.temperature);
  double total = sum_all(logits, work);
  if (settings.top_p < 1.0f || settings.min_p > 0.0f) {
    cut(logits, total, settings.top_p, settings.min_p, work);
    total = sum_all(logits, work);
  }
  return choose(logits, work, random * total);
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
