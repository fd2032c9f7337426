#include "bench/original/measure.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sz::original {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// SplitMix64.
std::uint64_t next_random(std::uint64_t* state) {
  *state += 0x9e3779b97f4a7c15u;
  std::uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

double core_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double relative_difference(std::span<const float> values, std::span<const float> reference) {
  if (values.size() != reference.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  double difference = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double apart = std::abs(double{values[i]} - double{reference[i]});
    if (!std::isfinite(apart)) return std::numeric_limits<double>::infinity();
    difference = std::max(difference, apart);
    largest = std::max(largest, std::abs(double{reference[i]}));
  }
  return difference == 0 ? 0 : difference / largest;
}

std::vector<Tensor> random_inputs(std::span<const TensorInfo> infos, std::uint64_t seed) {
  std::vector<Tensor> inputs;
  for (const TensorInfo& info : infos) {
    if (info.type != ElementType::kF32)
      throw Error("random inputs are made for f32 only, and input '" + info.name + "' is not");
    Tensor tensor{info, std::vector<std::byte>(info.bytes())};
    for (float& value : tensor.f32()) {
      value = static_cast<float>(next_random(&seed) >> 40) * 0x1p-23f - 1.0f;
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

}  // namespace sz::original
