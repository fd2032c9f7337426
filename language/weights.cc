#include "language/weights.h"

#include <bit>
#include <cstddef>

namespace sz::language {
namespace {

// Weights that are handled together, in loops that become vectors.
constexpr std::size_t kBlock = 64;
constexpr std::size_t kLanes = 8;

// Weights are not negative, so that their bits are in their order.
std::uint32_t bits(float weight) { return std::bit_cast<std::uint32_t>(weight); }
constexpr std::uint32_t kOne = std::bit_cast<std::uint32_t>(1.0f);

// Calls visit(number of the block, kBlock weights); the last ones are followed by zeroes.
template <class Visit>
void for_each_block(std::span<const float> weights, Visit visit) {
  const std::size_t whole = weights.size() / kBlock;
  for (std::size_t i = 0; i < whole; ++i) visit(i, &weights[i * kBlock]);
  const std::size_t rest = weights.size() % kBlock;
  if (rest == 0) return;
  float block[kBlock] = {};
  copy_bytes(block, &weights[whole * kBlock], rest * sizeof(float));
  visit(whole, block);
}

double sum_of(const float* block) {
  float lanes[kLanes] = {};
  for (std::size_t i = 0; i < kBlock; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += block[i + lane];
  }
  double sum = 0.0;
  for (const float lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

struct Part {
  double weight = 0.0;
  std::uint32_t count = 0;
};

// All weights of these bits or more.
Part part_from(std::span<const float> weights, std::uint32_t least) {
  Part part;
  for_each_block(weights, [&](std::size_t, const float* block) {
    float kept[kBlock];
    std::int32_t count = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
      const auto now = static_cast<std::int32_t>(bits(block[i]));
      const std::int32_t mask = now >= static_cast<std::int32_t>(least) ? -1 : 0;
      kept[i] = std::bit_cast<float>(now & mask);
      count -= mask;
    }
    part.weight += sum_of(kept);
    part.count += static_cast<std::uint32_t>(count);
  });
  return part;
}

// Weights of bits from `low` on and below `high`.
struct Band {
  std::uint32_t low, high;
  Part from_low, from_high;

  std::uint32_t count() const { return from_low.count - from_high.count; }
};

// A narrow band in which the sum of the likeliest weights reaches `enough`; or, if all from `floor`
// on do not, one that begins there with less than enough.
Band find_band(std::span<const float> weights, double enough, std::uint32_t floor) {
  constexpr std::uint32_t kEighth = 3u << 23;  // a step of the bits for a factor of 1/8
  constexpr std::uint32_t kFew = 256;
  Band band = {.low = kOne, .high = kOne + 1, .from_low = {}, .from_high = {}};
  while (true) {
    band.low = band.low - floor > kEighth ? band.low - kEighth : floor;
    band.from_low = part_from(weights, band.low);
    if (band.from_low.weight >= enough) break;
    if (band.low == floor) return band;
    band.high = band.low;
    band.from_high = band.from_low;
  }
  while (band.count() > kFew && band.high - band.low > 1) {
    const std::uint32_t middle = band.low + (band.high - band.low) / 2;
    const Part part = part_from(weights, middle);
    (part.weight >= enough ? band.low : band.high) = middle;
    (part.weight >= enough ? band.from_low : band.from_high) = part;
  }
  return band;
}

// The likeliest of `size` tokens on top of a heap.
class Heap {
 public:
  Heap(std::span<const float> weights, std::uint32_t* tokens, std::uint32_t size)
      : weights_(weights), tokens_(tokens), size_(size) {
    for (std::uint32_t i = size_ / 2; i-- > 0;) sink(i);
  }

  std::uint32_t size() const { return size_; }

  std::uint32_t pop() {
    const std::uint32_t token = tokens_[0];
    tokens_[0] = tokens_[--size_];
    if (size_ > 0) sink(0);
    return token;
  }

 private:
  bool likelier(std::uint32_t a, std::uint32_t b) const {
    return weights_[a] > weights_[b] || (weights_[a] == weights_[b] && a < b);
  }
  void sink(std::uint32_t at) {
    const std::uint32_t token = tokens_[at];
    for (std::uint64_t below = 2ull * at + 1; below < size_; below = 2 * below + 1) {
      if (below + 1 < size_ && likelier(tokens_[below + 1], tokens_[below])) ++below;
      if (!likelier(tokens_[below], token)) break;
      tokens_[at] = tokens_[below];
      at = static_cast<std::uint32_t>(below);
    }
    tokens_[at] = token;
  }

  std::span<const float> weights_;
  std::uint32_t* tokens_;
  std::uint32_t size_;
};

// The least likely token that is needed to reach `enough`; the band has some that is.
std::uint32_t last_needed(std::span<const float> weights, const Band& band, double enough,
                          MutableByteSpan work) {
  auto* tokens = reinterpret_cast<std::uint32_t*>(work.data());
  std::uint32_t size = 0;
  for (std::uint32_t token = 0; token < weights.size(); ++token) {
    const std::uint32_t now = bits(weights[token]);
    if (now >= band.low && now < band.high) tokens[size++] = token;
  }
  Heap heap(weights, tokens, size);
  double sum = band.from_high.weight;
  std::uint32_t last = 0;
  while (heap.size() > 0 && sum < enough) {
    last = heap.pop();
    sum += static_cast<double>(weights[last]);
  }
  return last;
}

// Keeps weights of more than these bits, and of just these up to number `last`.
void keep(std::span<float> weights, std::uint32_t least, std::uint32_t last) {
  const auto edge = static_cast<std::int32_t>(least);
  for (std::uint32_t i = 0; i < weights.size(); ++i) {
    const auto now = static_cast<std::int32_t>(bits(weights[i]));
    const std::int32_t above = now > edge ? -1 : 0;
    const std::int32_t equal = now == edge ? -1 : 0;
    const std::int32_t early = i <= last ? -1 : 0;
    weights[i] = std::bit_cast<float>(now & (above | (equal & early)));
  }
}

}  // namespace

void weigh_all(std::span<float> logits, float most, float temperature) {
  for (float& x : logits) x = weight_of(x, most, temperature);
}

double sum_all(std::span<const float> weights, MutableByteSpan work) {
  auto* sums = reinterpret_cast<double*>(work.data());
  double total = 0.0;
  for_each_block(weights, [&](std::size_t block, const float* values) {
    sums[block] = sum_of(values);
    total += sums[block];
  });
  return total;
}

std::uint32_t choose(std::span<const float> weights, MutableByteSpan work, double goal) {
  const auto* sums = reinterpret_cast<const double*>(work.data());
  const std::size_t blocks = (weights.size() + kBlock - 1) / kBlock;
  // The last block, and then the last token, with any weight stand in where rounding leaves a rest.
  std::size_t chosen = 0;
  double before = 0.0;
  for (std::size_t block = 0; block < blocks; ++block) {
    if (!(sums[block] > 0.0)) continue;
    chosen = block;
    if (before + sums[block] > goal) break;
    before += sums[block];
  }
  const std::size_t end =
      weights.size() - chosen * kBlock < kBlock ? weights.size() : (chosen + 1) * kBlock;
  std::size_t token = 0;
  for (std::size_t i = chosen * kBlock; i < end; ++i) {
    if (!(weights[i] > 0.0f)) continue;
    token = i;
    before += static_cast<double>(weights[i]);
    if (before > goal) break;
  }
  return static_cast<std::uint32_t>(token);
}

void cut(std::span<float> weights, double total, float top_p, float min_p, MutableByteSpan work) {
  // Tokens below this weigh together less than what top-p leaves out, so that none of them is
  // needed to reach it; half of it, for roundings. More than 0, or top_p is 1.
  const double spare =
      (1.0 - static_cast<double>(top_p)) * total / static_cast<double>(weights.size()) / 2;
  const auto least = static_cast<float>(spare);
  const std::uint32_t floor = bits(least > min_p ? least : min_p);
  constexpr std::uint32_t kAll = UINT32_MAX;
  if (top_p == 1.0f) return keep(weights, floor, kAll);
  const double enough = static_cast<double>(top_p) * total;
  const Band band = find_band(weights, enough, floor);
  if (band.from_low.weight < enough) return keep(weights, floor, kAll);
  const std::uint32_t last = last_needed(weights, band, enough, work);
  keep(weights, bits(weights[last]), last);
}

}  // namespace sz::language
