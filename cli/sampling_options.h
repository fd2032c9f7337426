// How `generate` and `chat` choose tokens: the options, and what becomes of them.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "include/smartzone/smartzone.hpp"

namespace sz::cli {

struct SamplingOptions {
  // The defaults are those that people know from other programs; the library's are greedy.
  float temperature = 0.8f;
  std::uint32_t top_k = 40;
  float top_p = 0.95f;
  float min_p = 0.05f;
  float repeat_penalty = 1.0f;
  std::uint32_t repeat_window = 64;
  std::optional<std::uint64_t> seed;  // none: one at random
  bool greedy = false;
};

void add_sampling_options(CLI::App& sub, SamplingOptions* options);

// Settings with a seed: that of the options, or one at random.
Sampling sampling_of(const SamplingOptions& options);

// "greedy", or "temperature 0.8, top-k 40, top-p 0.95, min-p 0.05, seed 17".
std::string sampling_text(const Sampling& sampling);

}  // namespace sz::cli
