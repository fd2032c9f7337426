#include "math/exp.h"
#include "ops/softmax/softmax.h"
#include "ops/transformer/attention.h"

namespace sz::ops {

namespace {

static_assert(kAttentionSums == kSumLanes);

// Number d of the key at `place`; `head` is the keys of its head.
float key_number(const Attention& attention, const std::byte* head, std::size_t place,
                 std::size_t d) {
  const std::byte* group = head + place / kCachePositions * attention.strides.key_group;
  const std::size_t lane = place % kCachePositions;
  switch (attention.cache.format) {
    case BlockFormat::kF32:
      return load_at<float>(group + (d * kCachePositions + lane) * 4);
    case BlockFormat::kF16:
      return math::half_to_float(load_at<std::uint16_t>(group + (d * kCachePositions + lane) * 2));
    case BlockFormat::kQ8_0:
    case BlockFormat::kQ4_0:
      break;
  }
  const std::byte* block = group + d / kBlock * kKeyBlockBytes;
  const float scale = math::half_to_float(load_at<std::uint16_t>(block + lane * 2));
  const std::size_t at = kCachePositions * (2 + d % kBlock) + lane;
  return static_cast<float>(load_at<std::int8_t>(block + at)) * scale;
}

// Number d of the value at `place`.
float value_number(const Attention& attention, const std::byte* head, std::size_t place,
                   std::size_t d) {
  const std::byte* row = head + place * attention.strides.value_row;
  switch (attention.cache.format) {
    case BlockFormat::kF32:
      return load_at<float>(row + d * 4);
    case BlockFormat::kF16:
      return math::half_to_float(load_at<std::uint16_t>(row + d * 2));
    case BlockFormat::kQ8_0:
    case BlockFormat::kQ4_0:
      break;
  }
  const std::byte* scales = row + attention.cache.head;
  const float scale = math::half_to_float(load_at<std::uint16_t>(scales + d / kBlock * 2));
  return static_cast<float>(load_at<std::int8_t>(row + d)) * scale;
}

// One block of `size` positions from `begin` on, of one query. The scratch is that of a single
// query.
void block_of_query(const Attention& attention, const float* q, std::size_t kv_head,
                    std::size_t begin, std::size_t size, const AttentionScratch& scratch) {
  const std::byte* keys = attention.keys + kv_head * attention.strides.key_head;
  const std::byte* values = attention.values + kv_head * attention.strides.value_head;
  const std::size_t head = attention.cache.head;
  float* scores = scratch.scores;
  float most = scratch.maximum[0];
  for (std::size_t i = 0; i < size; ++i) {
    float sum = 0.0f;
    for (std::size_t d = 0; d < head; ++d) {
      sum = fused_multiply_add(q[d], key_number(attention, keys, begin + i, d), sum);
    }
    scores[i] = sum * attention.scale;
    most = maximum(most, scores[i]);
  }
  if (most != scratch.maximum[0]) {
    const float factor = math::exp_weight(scratch.maximum[0] - most);
    for (std::size_t d = 0; d < head; ++d) scratch.sums[d] *= factor;
    for (std::size_t j = 0; j < kAttentionSums; ++j) scratch.weights[j] *= factor;
    scratch.maximum[0] = most;
  }
  const float base = most == -__builtin_inff() ? 0.0f : most;
  for (std::size_t i = 0; i < size; ++i) {
    const float weight = math::exp_weight(scores[i] - base);
    scratch.weights[i % kAttentionSums] += weight;
    for (std::size_t d = 0; d < head; ++d) {
      const float value = value_number(attention, values, begin + i, d);
      scratch.sums[d] = fused_multiply_add(weight, value, scratch.sums[d]);
    }
  }
}

}  // namespace

void attention_reference(const Attention& attention, std::byte* memory) {
  const std::size_t head = attention.cache.head;
  const AttentionScratch scratch(memory, head, 1);
  for (std::size_t r = 0; r < attention.count; ++r) {
    const std::size_t visible = attention.position + r + 1;
    for (std::size_t h = 0; h < attention.cache.heads; ++h) {
      const std::size_t at = r * attention.width() + h * head;
      for (std::size_t d = 0; d < head; ++d) scratch.sums[d] = 0.0f;
      for (std::size_t j = 0; j < kAttentionSums; ++j) scratch.weights[j] = 0.0f;
      scratch.maximum[0] = -__builtin_inff();
      for (std::size_t begin = 0; begin < visible; begin += kAttentionBlock) {
        const std::size_t rest = visible - begin;
        block_of_query(attention, attention.q + at, h / attention.group(), begin,
                       rest < kAttentionBlock ? rest : kAttentionBlock, scratch);
      }
      const float sum = sum_of_lanes(scratch.weights);
      for (std::size_t d = 0; d < head; ++d) {
        attention.y[at + d] = canonical(scratch.sums[d] / sum);
      }
    }
  }
}

}  // namespace sz::ops
