#include "compiler/quantize/ranges.h"

#include <algorithm>
#include <cmath>

namespace sz::compiler {

bool Distribution::widen(std::span<const float> elements) {
  double least = least_;
  double most = most_;
  for (const float element : elements) {
    if (!std::isfinite(element)) return false;
    least = std::min(least, static_cast<double>(element));
    most = std::max(most, static_cast<double>(element));
  }
  least_ = least;
  most_ = most;
  return true;
}

void Distribution::count(std::span<const float> elements) {
  if (bins_.empty()) bins_.resize(kBins);
  if (!(width() > 0)) return;
  const double factor = 1 / width();
  for (const float element : elements) {
    const double at = (static_cast<double>(element) - least_) * factor;
    const auto bin = static_cast<std::size_t>(std::clamp(at, 0.0, kBins - 1.0));
    ++bins_[bin];
  }
}

Distribution::Range Distribution::range(RangeRule rule) const {
  if (!(width() > 0) || rule == RangeRule::kMinMax || bins_.empty()) return {least_, most_};
  return rule == RangeRule::kPercentile ? percentile() : smallest_error();
}

Distribution::Range Distribution::percentile() const {
  constexpr std::uint64_t kOneIn = 10000;
  std::uint64_t total = 0;
  for (const std::uint64_t bin : bins_) total += bin;
  const std::uint64_t spare = total / kOneIn;
  std::size_t low = 0;
  std::size_t high = kBins - 1;
  for (std::uint64_t seen = bins_[low]; seen <= spare && low < high; seen += bins_[low]) ++low;
  for (std::uint64_t seen = bins_[high]; seen <= spare && low < high; seen += bins_[high]) --high;
  const double bottom = low == 0 ? least_ : centre(low);
  const double top = high == kBins - 1 ? most_ : centre(high);
  return {std::min(bottom, 0.0), std::max(top, 0.0)};
}

// Rounding makes step^2 / 12 on average, clipping the square of what is cut off.
double Distribution::error(const Range& range) const {
  const double step = (range.high - range.low) / 255;
  const double rounding = step * step / 12;
  double sum = 0;
  for (std::size_t i = 0; i < kBins; ++i) {
    if (bins_[i] == 0) continue;
    const double x = centre(i);
    const double outside = x - std::clamp(x, range.low, range.high);
    // What is exactly zero, most of a value behind a Relu, stays exact.
    const bool zero = std::abs(x) <= width() / 2 && least_ >= 0;
    sum += static_cast<double>(bins_[i]) * (outside * outside + (zero ? 0.0 : rounding));
  }
  return sum;
}

Distribution::Range Distribution::smallest_error() const {
  constexpr int kSteps = 80;
  constexpr double kNarrowest = 0.2;
  const auto fraction = [](int i) { return 1 - (1 - kNarrowest) * i / kSteps; };
  Range best{least_, most_};
  double smallest = error(best);
  const auto consider = [&](const Range& range) {
    const double e = error(range);
    if (e >= smallest) return;
    smallest = e;
    best = range;
  };
  for (int i = 1; i <= kSteps; ++i) consider({least_ * fraction(i), most_ * fraction(i)});
  const Range both = best;
  for (int i = 1; i <= kSteps; ++i) consider({both.low * fraction(i), both.high});
  const Range lower = best;
  for (int i = 1; i <= kSteps; ++i) consider({lower.low, lower.high * fraction(i)});
  return best;
}

Quantization quantization_of(const Distribution::Range& range) {
  constexpr double kLeastScale = 1e-30;  // far from where f32 loses digits
  const double scale = (range.high - range.low) / 255;
  if (!(scale > kLeastScale)) return {1, 0};
  // The scale stands in the file as f32.
  const auto rounded = static_cast<double>(static_cast<float>(scale));
  const double zero = std::nearbyint(-128 - range.low / rounded);
  return {rounded, static_cast<std::int32_t>(std::clamp(zero, -128.0, 127.0))};
}

ChannelMeans::ChannelMeans(const Shape& shape) {
  if (!shape.empty()) {
    const std::size_t axis = shape.size() == 4 ? 1 : shape.size() - 1;
    channels_ = static_cast<std::size_t>(shape[axis]);
    for (std::size_t i = axis + 1; i < shape.size(); ++i) {
      block_ *= static_cast<std::size_t>(shape[i]);
    }
  }
  sums_.resize(channels_);
}

void ChannelMeans::add(std::span<const float> elements) {
  std::size_t channel = 0;
  for (std::size_t at = 0; at < elements.size(); at += block_) {
    double sum = 0;
    for (const float element : elements.subspan(at, block_)) sum += static_cast<double>(element);
    sums_[channel] += sum;
    channel = channel + 1 == channels_ ? 0 : channel + 1;
  }
  count_ += static_cast<double>(elements.size() / channels_);
}

std::vector<double> ChannelMeans::means() const {
  std::vector<double> means = sums_;
  for (double& mean : means) mean /= std::max(count_, 1.0);
  return means;
}

}  // namespace sz::compiler
