#include "cli/scores.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sz::cli {
namespace {

// Whether class a stands before class b.
bool before(std::span<const float> scores, std::size_t a, std::size_t b) {
  const bool nan_a = std::isnan(scores[a]);
  const bool nan_b = std::isnan(scores[b]);
  if (nan_a != nan_b) return nan_b;
  if (!nan_a && scores[a] != scores[b]) return scores[a] > scores[b];
  return a < b;
}

}  // namespace

bool is_scores(const TensorInfo& info) {
  if (info.type != ElementType::kF32 || info.elements() < 2) return false;
  return std::any_of(info.shape.begin(), info.shape.end(), [&](std::int64_t dim) {
    return static_cast<std::size_t>(dim) == info.elements();
  });
}

std::vector<Ranked> top_scores(const Tensor& tensor, std::size_t count,
                               const std::vector<std::string>& labels) {
  const std::span<const float> scores = tensor.f32();
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  count = std::min(count, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](std::size_t a, std::size_t b) { return before(scores, a, b); });
  std::vector<Ranked> best;
  for (std::size_t i = 0; i < count; ++i) {
    best.push_back(
        {order[i], scores[order[i]], order[i] < labels.size() ? labels[order[i]] : std::string()});
  }
  return best;
}

std::size_t rank_of(const Tensor& tensor, std::size_t index) {
  const std::span<const float> scores = tensor.f32();
  std::size_t rank = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (before(scores, i, index)) ++rank;
  }
  return rank;
}

}  // namespace sz::cli
