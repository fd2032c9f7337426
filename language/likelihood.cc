#include "language/likelihood.h"

#include <cstddef>

#include "math/elementary.h"
#include "math/exp_unfused.h"

namespace sz::language {
namespace {

constexpr std::size_t kBlock = 64;

float largest(std::span<const float> logits) {
  float most = logits[0];
  for (const float logit : logits) {
    if (logit > most || most != most) most = logit;
  }
  return most;
}

}  // namespace

double negative_log_likelihood(std::span<const float> logits, std::uint32_t token) {
  const float most = largest(logits);
  double total = 0.0;
  for (std::size_t begin = 0; begin < logits.size(); begin += kBlock) {
    const std::size_t end = logits.size() - begin < kBlock ? logits.size() : begin + kBlock;
    float sum = 0.0f;
    for (std::size_t i = begin; i < end; ++i) sum += math::exp_unfused(logits[i] - most);
    total += static_cast<double>(sum);
  }
  return static_cast<double>(math::log<math::Scalar>(static_cast<float>(total))) +
         (static_cast<double>(most) - static_cast<double>(logits[token]));
}

}  // namespace sz::language
