// Chooses the next token from logits. Trusted: no allocation, deterministic for a seed on every machine.
#pragma once

#include <cstdint>
#include <span>

#include "base/status.h"

namespace sz::language {

// The usual ones, applied in this order: repetition penalty, temperature, top-k, top-p, min-p. Fields
// have the defaults of greedy choice.
struct SamplerSettings {
  float temperature = 0.0f;         // 0: greedy; else finite, > 0, at most 100
  std::uint32_t top_k = 0;          // 0: off
  float top_p = 1.0f;               // (0, 1]
  float min_p = 0.0f;               // [0, 1]
  float repeat_penalty = 1.0f;      // > 0, at most 100; 1: off
  std::uint32_t repeat_window = 64; // tokens looked back at
  std::uint64_t seed = 0;
};

// kBadSampling with the number of the first field that is out of its range (NaN is), else kOk.
Failure check_settings(const SamplerSettings& settings);

// A counter-based or xorshift generator; its state is part of a saved conversation.
struct SamplerState {
  std::uint64_t words[2] = {0, 0};
};
SamplerState start_sampler(std::uint64_t seed);

// Bytes of working memory for so many tokens.
std::uint64_t sampler_work_bytes(std::uint32_t vocabulary);

// The chosen token. Overwrites `logits`. `recent` are the latest tokens of the context, oldest first. A
// greedy choice takes the lowest number of the largest; NaN logits are never chosen (0 if all are NaN).
// `work` has sampler_work_bytes(logits.size()), 8-byte aligned.
std::uint32_t sample(std::span<float> logits, std::span<const std::uint32_t> recent,
                     const SamplerSettings& settings, SamplerState* state,
                     std::span<std::byte> work);

}  // namespace sz::language
