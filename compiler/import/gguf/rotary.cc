#include "compiler/import/gguf/rotary.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>

#include "compiler/error.h"
#include "compiler/import/messages.h"

namespace sz::compiler::gguf {
namespace {

constexpr std::string_view kDimensions = "llama.rope.dimension_count",
                           kBase = "llama.rope.freq_base", kType = "llama.rope.scaling.type",
                           kFactor = "llama.rope.scaling.factor",
                           kOldFactor = "llama.rope.scale_linear",
                           kOriginal = "llama.rope.scaling.original_context_length";
constexpr float kDefaultBase = 10000.0f;
constexpr float kMaxBase = 1e12f, kMaxFactor = 1e6f;

float in_range(const Metadata& metadata, std::string_view key, float otherwise, float least,
               float most) {
  const float value = metadata.real(key).value_or(otherwise);
  if (!(value >= least && value <= most)) {
    metadata.refuse(metadata.need(key), "is " + std::to_string(value) + ", not within " +
                                            std::to_string(least) + " and " + std::to_string(most));
  }
  return value;
}

// By how much the context is stretched; 0 stands for 1, as in llama.cpp.
float stretch(const Metadata& metadata) {
  const std::string_view key = metadata.find(kFactor) == nullptr ? kOldFactor : kFactor;
  const float factor = in_range(metadata, key, 1.0f, 0.0f, kMaxFactor);
  if (factor != 0.0f && factor < 1.0f) {
    metadata.refuse(metadata.need(key), "is " + std::to_string(factor) + ", less than 1");
  }
  return factor == 0.0f ? 1.0f : factor;
}

// YaRN (Peng et al., 2023): pairs that turn more than beta_fast times within the original context
// keep their frequency, those that turn less than beta_slow times are stretched, between them it
// changes linearly with the number of the pair.
class Yarn {
 public:
  Yarn(const Metadata& metadata, std::uint32_t dimensions, float base, std::uint32_t context)
      : dimensions_(dimensions), base_(base) {
    const double original =
        static_cast<double>(metadata.whole(kOriginal, 1, 1u << 26).value_or(context));
    const auto option = [&](const char* key, float otherwise) {
      return in_range(metadata, std::string("llama.rope.scaling.yarn_") + key, otherwise, 0.0f,
                      1e4f);
    };
    const float fast = option("beta_fast", 32.0f), slow = option("beta_slow", 1.0f);
    extrapolation_ = option("ext_factor", 1.0f);
    attention_ = option("attn_factor", 1.0f);
    first_ = std::max(0.0, std::floor(pair_that_turns(fast, original)));
    last_ = std::min(dimensions - 1.0, std::ceil(pair_that_turns(slow, original)));
  }

  // How much of pair `i` keeps its frequency.
  double kept(std::uint32_t i) const {
    const double along = (i - first_) / std::max(0.001, last_ - first_);
    return (1.0 - std::clamp(along, 0.0, 1.0)) * extrapolation_;
  }
  float scale(float factor) const {
    if (extrapolation_ == 0.0f) return attention_;
    return static_cast<float>(attention_ * (1.0 + 0.1 * std::log(double{factor})));
  }

 private:
  // The (fractional) pair that turns so many times in so many positions.
  double pair_that_turns(double turns, double positions) const {
    const double safe = std::max(turns, 1e-6);
    return dimensions_ * std::log(positions / (safe * 2.0 * std::numbers::pi)) /
           (2.0 * std::log(double{base_}));
  }

  double dimensions_;
  float base_, extrapolation_ = 1.0f, attention_ = 1.0f;
  double first_ = 0.0, last_ = 0.0;
};

void check_factors(const Metadata& metadata, std::span<const float> factors, std::size_t pairs) {
  const std::string where = metadata.source() + ": tensor 'rope_freqs.weight' ";
  if (!factors.empty() && factors.size() != pairs) {
    throw CompileError(where + "has " + std::to_string(factors.size()) + " numbers for " +
                       std::to_string(pairs) + " pairs");
  }
  for (const float factor : factors) {
    if (!(factor >= 1e-6f && factor <= kMaxFactor)) {
      throw CompileError(where + "has the factor " + std::to_string(factor) +
                         ", which is out of range");
    }
  }
}

}  // namespace

Rotary read_rotary(const Metadata& metadata, std::uint32_t head, std::uint32_t context,
                   std::span<const float> factors) {
  const auto dimensions =
      static_cast<std::uint32_t>(metadata.whole(kDimensions, 2, head).value_or(head));
  if (dimensions % 2 != 0) {
    throw CompileError(metadata.source() + ": heads of " + std::to_string(head) + " numbers, " +
                       std::to_string(dimensions) + " of them turned, make no pairs");
  }
  check_factors(metadata, factors, dimensions / 2);
  const float base = in_range(metadata, kBase, kDefaultBase, 1.0001f, kMaxBase);
  const std::string_view type = metadata.text(kType).value_or("linear");
  if (type != "none" && type != "linear" && type != "yarn") {
    metadata.refuse(metadata.need(kType),
                    "is " + quoted(type) + "; 'none', 'linear' and 'yarn' are supported");
  }
  const float factor = type == "none" ? 1.0f : stretch(metadata);
  const Yarn yarn(metadata, dimensions, base, context);
  Rotary rotary;
  if (type == "yarn") rotary.scale = yarn.scale(factor);
  for (std::uint32_t i = 0; i < dimensions / 2; ++i) {
    const double own =
        std::pow(double{base}, -2.0 * i / dimensions) / (factors.empty() ? 1.0 : factors[i]);
    const double kept = type == "yarn" ? yarn.kept(i) : 0.0;
    rotary.frequencies.push_back(static_cast<float>(own * kept + own / factor * (1.0 - kept)));
  }
  return rotary;
}

}  // namespace sz::compiler::gguf
