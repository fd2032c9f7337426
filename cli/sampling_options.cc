#include "cli/sampling_options.h"

#include <array>
#include <cstdio>
#include <random>

namespace sz::cli {
namespace {

std::string short_number(float value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g", static_cast<double>(value));
  return text.data();
}

}  // namespace

void add_sampling_options(CLI::App& sub, SamplingOptions* options) {
  const std::string group = "How tokens are chosen";
  sub.add_option("--temperature", options->temperature,
                 "how freely: 0 is greedy, 1 as the model learnt it, more is wilder")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str()
      ->group(group);
  sub.add_option("--top-k", options->top_k, "only among so many of the likeliest; 0: all")
      ->check(CLI::Range(0u, 1u << 20))
      ->capture_default_str()
      ->group(group);
  sub.add_option("--top-p", options->top_p,
                 "only among the likeliest that make up this much of the probability; 1: all")
      ->check(CLI::Range(1e-6, 1.0))
      ->capture_default_str()
      ->group(group);
  sub.add_option("--min-p", options->min_p,
                 "only those at least this likely beside the likeliest; 0: all")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->group(group);
  sub.add_option("--repeat-penalty", options->repeat_penalty,
                 "makes what was just written less likely; 1: off")
      ->check(CLI::Range(1e-3, 100.0))
      ->capture_default_str()
      ->group(group);
  sub.add_option("--repeat-window", options->repeat_window, "tokens that the penalty looks back at")
      ->check(CLI::Range(0u, 1u << 20))
      ->capture_default_str()
      ->group(group);
  sub.add_option("--seed", options->seed,
                 "the same seed gives the same text again (default: at random, and told)")
      ->group(group);
  sub.add_flag("--greedy", options->greedy, "always the likeliest token, as --temperature 0")
      ->group(group);
}

Sampling sampling_of(const SamplingOptions& options) {
  if (options.greedy || options.temperature == 0) {
    return {.repeat_penalty = options.repeat_penalty, .repeat_window = options.repeat_window};
  }
  std::random_device source;
  // 32 bits are enough to tell apart, and short enough to type again.
  const std::uint64_t seed = options.seed ? *options.seed : source();
  return {.temperature = options.temperature,
          .top_k = options.top_k,
          .top_p = options.top_p,
          .min_p = options.min_p,
          .repeat_penalty = options.repeat_penalty,
          .repeat_window = options.repeat_window,
          .seed = seed};
}

std::string sampling_text(const Sampling& sampling) {
  std::string text = "greedy";
  if (sampling.temperature != 0) {
    text = "temperature " + short_number(sampling.temperature);
    if (sampling.top_k != 0) text += ", top-k " + std::to_string(sampling.top_k);
    if (sampling.top_p != 1) text += ", top-p " + short_number(sampling.top_p);
    if (sampling.min_p != 0) text += ", min-p " + short_number(sampling.min_p);
    text += ", seed " + std::to_string(sampling.seed);
  }
  if (sampling.repeat_penalty != 1) {
    text += ", penalty " + short_number(sampling.repeat_penalty) + " on the last " +
            std::to_string(sampling.repeat_window);
  }
  return text;
}

}  // namespace sz::cli
