// How likely a token is by the logits of the place in front of it.
#pragma once

#include <cstdint>
#include <span>

namespace sz::language {

// -log(softmax(logits)[token]) = log(sum of exp(logits[i] - largest)) + largest - logits[token];
// token < logits.size(). Weights below e^-87 and NaN logits count as 0; NaN if logits[token] is, or
// if the largest is infinite. Error at most 2e-6 absolute: sums of 64 floats and then doubles,
// whose logarithm is a float's.
double negative_log_likelihood(std::span<const float> logits, std::uint32_t token);

}  // namespace sz::language
