// Small pieces of measuring that original_bench is made of.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "include/smartzone/smartzone.hpp"

namespace sz::original {

// Seconds of processor time that all threads of this process have used, in user and system mode.
// On the device the time that a thread spends in the secure world counts as its system time.
double core_seconds();

// What one run of something took.
struct Cost {
  double milliseconds = 0;
  double core_seconds = 0;
};

template <typename Function>
Cost cost_of(Function&& function) {
  const double before = core_seconds();
  const auto begin = std::chrono::steady_clock::now();
  function();
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - begin;
  return {taken.count(), core_seconds() - before};
}

double median(std::vector<double> values);  // of at least one

// max |values - reference| / max |reference|; 0 if both are zero everywhere. A NaN gives infinity.
double relative_difference(std::span<const float> values, std::span<const float> reference);

// Inputs for a model: uniform in [-1, 1), the same for the same seed everywhere. f32 only;
// throws Error otherwise.
std::vector<Tensor> random_inputs(std::span<const TensorInfo> infos, std::uint64_t seed);

}  // namespace sz::original
