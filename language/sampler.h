// Chooses the next token from logits. Trusted: no allocation, deterministic for a seed on every
// machine.
#pragma once

#include <cstdint>
#include <span>

#include "base/memory.h"
#include "base/status.h"

namespace sz::language {

// The usual ones, applied in this order: repetition penalty, temperature, top-k, top-p, min-p.
// Fields have the defaults of greedy choice.
struct SamplerSettings {
  float temperature = 0.0f;          // 0: greedy; else > 0, at most 100
  std::uint32_t top_k = 0;           // only so many of the likeliest; 0: off
  float top_p = 1.0f;                // the likeliest up to this share, (0, 1]; 1: off
  float min_p = 0.0f;                // those of at least this share of the likeliest, [0, 1]
  float repeat_penalty = 1.0f;       // > 0, at most 100; 1: off
  std::uint32_t repeat_window = 64;  // tokens looked back at
  std::uint64_t seed = 0;
};

// kBadSampling with the number (from 0) of the first field that is out of its range (NaN is), else
// kOk.
Failure check_settings(const SamplerSettings& settings);

// The random numbers: the n-th is a function of the seed and n. Part of a saved conversation.
struct SamplerState {
  std::uint64_t seed = 0;
  std::uint64_t drawn = 0;
};
SamplerState start_sampler(std::uint64_t seed);

// Bytes of working memory for so many tokens.
std::uint64_t sampler_work_bytes(std::uint32_t vocabulary);

// The chosen token. Overwrites `logits` (1 to 2^31 of them). `recent` are the latest tokens of the
// context, oldest first. `work` has sampler_work_bytes(logits.size()), 8-byte aligned. The settings
// are checked.
//
// Penalty: of each token among the last `repeat_window` of `recent` (once, however often it is
// there) a positive logit is divided by the penalty, another multiplied with it, as llama.cpp does.
// A greedy choice takes the lowest number of the largest; so does any choice if the largest is
// infinite. NaN logits are never chosen (0 if all are NaN). Otherwise the weight of a token is
// exp((logit - largest) / temperature) and one random number decides. Of equal logits the lower
// number counts as likelier. The random number picks from what is left in the order of likelihood
// if top-k is on (and leaves anything out), else in the order of the tokens' numbers.
std::uint32_t sample(std::span<float> logits, std::span<const std::uint32_t> recent,
                     const SamplerSettings& settings, SamplerState* state, MutableByteSpan work);

}  // namespace sz::language
