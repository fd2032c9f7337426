// What was seen of a value, and the range of 8-bit numbers chosen from it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/quantize/quantize.h"

namespace sz::compiler {

// The distribution of one value over all samples. First `widen` for every sample, then `count`.
class Distribution {
 public:
  // False, and nothing done, if an element is not finite.
  [[nodiscard]] bool widen(std::span<const float> elements);
  void count(std::span<const float> elements);

  double least() const { return least_; }
  double most() const { return most_; }

  struct Range {
    double low = 0, high = 0;
  };
  // Always contains 0: padding and Relu need it exact.
  Range range(RangeRule rule) const;

 private:
  static constexpr std::size_t kBins = 2048;

  double width() const { return (most_ - least_) / kBins; }
  double centre(std::size_t bin) const {
    return least_ + (static_cast<double>(bin) + 0.5) * width();
  }
  Range percentile() const;
  Range smallest_error() const;
  double error(const Range& range) const;

  double least_ = 0, most_ = 0;
  std::vector<std::uint64_t> bins_;
};

// i8 numbers for a range that contains 0.
Quantization quantization_of(const Distribution::Range& range);

// The mean of each channel of a value.
class ChannelMeans {
 public:
  // `shape`: of the value; the channels are dimension 1 of images, else the last one.
  explicit ChannelMeans(const Shape& shape);
  void add(std::span<const float> elements);
  std::vector<double> means() const;

 private:
  std::size_t channels_ = 1, block_ = 1;
  std::vector<double> sums_;
  double count_ = 0;  // of the elements of one channel
};

}  // namespace sz::compiler
