// The weights of a whole vocabulary, and what top-p and min-p leave of them, without sorting it.
#pragma once

#include <cstdint>
#include <span>

#include "base/memory.h"
#include "math/exp_unfused.h"

namespace sz::language {

// exp((logit - most) / temperature): 1 for the largest logit, `most`, which is finite; 0 for NaN.
inline float weight_of(float logit, float most, float temperature) {
  return math::exp_unfused((logit - most) / temperature);
}

// Makes weights of all logits.
void weigh_all(std::span<float> logits, float most, float temperature);

// The sum of all weights. That of each block is kept in `work`, 4 bytes for each weight and at
// least 8, for choose().
double sum_all(std::span<const float> weights, MutableByteSpan work);

// The token at which the sum of the weights, by number, passes `goal`; always one with a weight.
// Takes the sums that sum_all has left in `work`.
std::uint32_t choose(std::span<const float> weights, MutableByteSpan work, double goal);

// Makes 0 of the weights that are left out: all but the likeliest that reach `top_p` of `total` (of
// equal ones the lower number is likelier), and those below `min_p`, where the likeliest has
// weight 1. Overwrites `work`. Takes time in proportion to the vocabulary, but where very many
// weights are nearly equal.
void cut(std::span<float> weights, double total, float top_p, float min_p, MutableByteSpan work);

}  // namespace sz::language
