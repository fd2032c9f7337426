// Rotary: turns queries and keys by their place, and appends keys and values to the cache. What it
// computes: ops/transformer/transformer.h, docs/numerics.md section 11.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/operator.h"
#include "ops/transformer/cache.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_rotary(const Step& step);

// Scratch of one worker: the cosines and sines of a row, and a head.
std::uint64_t rotary_scratch(const Step& step);

// Of all rows.
std::uint64_t rotary_cost(const Step& step);

// Errors: kContextFull; then nothing is written.
Status run_rotary(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Pointers are borrowed from the step.
struct Rotary {
  const float* x = nullptr;            // [count, (heads + 2 kv_heads) * head]
  const float* frequencies = nullptr;  // [rotated / 2]
  float* q = nullptr;                  // [count, heads * head]
  std::byte* keys = nullptr;
  std::byte* values = nullptr;
  CacheAttributes cache;
  CacheStrides strides;
  std::size_t rotated = 0;
  float scale = 1.0f;
  std::size_t count = 0;     // rows in use
  std::size_t position = 0;  // of the first

  std::size_t group() const { return cache.heads / cache.kv_heads; }  // query heads of a key head
  std::size_t width() const {
    return (std::size_t{cache.heads} + 2 * std::size_t{cache.kv_heads}) * cache.head;
  }
  // Where the keys and the values of one head and place are.
  std::byte* key(std::size_t head, std::size_t place) const {
    const std::size_t size = cache.format == BlockFormat::kF32   ? 4
                             : cache.format == BlockFormat::kF16 ? 2
                                                                 : 1;
    return keys + head * strides.key_head + place / kCachePositions * strides.key_group +
           place % kCachePositions * size;
  }
  std::byte* value(std::size_t head, std::size_t place) const {
    return values + head * strides.value_head + place * strides.value_row;
  }
};

void rotary_reference(const Rotary& rotary, float* scratch);
void rotary_vector(const Rotary& rotary, const RunContext& context);

}  // namespace sz::ops
