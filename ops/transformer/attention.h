// Attention: queries against the key-value cache. What it computes, bit for bit:
// docs/numerics.md section 11.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/operator.h"
#include "ops/transformer/cache.h"

namespace sz::ops {

// Positions of a block of the streaming softmax, and partial sums of its weights.
inline constexpr std::size_t kAttentionBlock = 64;
inline constexpr std::size_t kAttentionSums = 16;

// Queries (rows times heads that share keys) that one chunk takes through the cache at most.
inline constexpr std::size_t kAttentionTile = 16;

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_attention(const Step& step);

// Scratch of one worker: sums and scores of a tile; independent of the context.
std::uint64_t attention_scratch(const Step& step);

// Of all rows in a half-full context.
std::uint64_t attention_cost(const Step& step);

// Errors: kContextFull; then nothing is written.
Status run_attention(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Pointers are borrowed from the step.
struct Attention {
  const float* q = nullptr;  // [count, heads * head]
  const std::byte* keys = nullptr;
  const std::byte* values = nullptr;
  float* y = nullptr;  // [count, heads * head]
  CacheAttributes cache;
  CacheStrides strides;
  float scale = 1.0f;
  std::size_t count = 0;     // rows in use
  std::size_t position = 0;  // of the first

  std::size_t group() const { return cache.heads / cache.kv_heads; }  // query heads of a key head
  std::size_t width() const { return std::size_t{cache.heads} * cache.head; }
};

// The memory of one tile: for each of its queries, the weighted sum of the values, the scores of a
// block, the partial sums of the weights, the maximum, and what the sums of the blocks before are
// worth now.
struct AttentionScratch {
  float* sums;     // [queries, pitch]
  float* scores;   // [queries, kAttentionBlock]
  float* weights;  // [queries, kAttentionSums]
  float* maximum;  // [queries]
  float* factor;   // [queries]
  std::size_t pitch;

  // Numbers from one query's sums to the next.
  static std::size_t pitch_of(std::size_t head) { return (head + 15) / 16 * 16; }
  static std::size_t floats(std::size_t head, std::size_t queries) {
    return queries * (pitch_of(head) + kAttentionBlock + kAttentionSums + 2);
  }
  AttentionScratch(std::byte* base, std::size_t head, std::size_t queries)
      : sums(reinterpret_cast<float*>(base)),
        scores(sums + queries * pitch_of(head)),
        weights(scores + queries * kAttentionBlock),
        maximum(weights + queries * kAttentionSums),
        factor(maximum + queries),
        pitch(pitch_of(head)) {}
};

void attention_reference(const Attention& attention, std::byte* scratch);
void attention_vector(const Attention& attention, const RunContext& context);

}  // namespace sz::ops
