// Where the numbers of a key-value cache are, and how they become what is stored: what Rotary
// (which writes the cache) and Attention (which reads it) share. The layout:
// ops/transformer/blocks.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/memory.h"
#include "base/status.h"
#include "math/elementary.h"
#include "ops/operator.h"
#include "ops/rules.h"
#include "math/half.h"
#include "ops/transformer/transformer.h"

namespace sz::ops {

inline constexpr std::uint32_t kMaxHead = 256;
inline constexpr std::uint32_t kMaxHeads = 256;
inline constexpr std::uint32_t kMaxContext = 1u << 20;

// kBadAttribute unless the cache is one that the operators know.
Status check_cache(const CacheAttributes& cache);

// Whether the view is the keys (or values) of such a cache.
bool is_cache(const TensorView& view, const CacheAttributes& cache, bool keys);

// Whether the view is dense, f32, [rows, columns], with any number of rows.
bool is_rows(const TensorView& view, std::uint64_t columns);

// The rows in use: n of them, the first at `position`. False if the context does not hold them.
bool rows_in_use(const RunContext& context, std::uint64_t rows, const CacheAttributes& cache,
                 std::size_t* count);

// Bytes from one head, group of 16 positions, or position to the next.
struct CacheStrides {
  std::size_t key_head, value_head, key_group, value_row;

  explicit CacheStrides(const CacheAttributes& cache)
      : key_head(cache_head_bytes(cache.format, true, cache.context, cache.head)),
        value_head(cache_head_bytes(cache.format, false, cache.context, cache.head)),
        key_group(cache_head_bytes(cache.format, true, kCachePositions, cache.head)),
        value_row(cache_head_bytes(cache.format, false, kCachePositions, cache.head) /
                  kCachePositions) {}
};

// Bytes from a block of the q8_0 keys of a group to the next (the last may be shorter).
inline constexpr std::size_t kKeyBlockBytes = kCachePositions * (2 + kBlock);

// The scale of a block of q8_0 whose largest number has the size `most`: most / 127, rounded to a
// half. Where that is infinite or NaN, the scale is the canonical NaN.
inline std::uint16_t q8_scale(float most) {
  const std::uint16_t scale = math::float_to_half(most / 127.0f);
  return scale < 0x7c00u ? scale : math::kCanonicalHalfNan;
}

// x / scale, to the nearest integer (half to even) in [-127, 127]; 0 where the scale is 0 or NaN.
inline std::int8_t q8_byte(float x, float scale) {
  if (!(scale > 0.0f)) return 0;
  float q = math::round_even<math::Scalar>(x / scale);
  if (q < -127.0f) q = -127.0f;
  if (q > 127.0f) q = 127.0f;
  return static_cast<std::int8_t>(q);
}

template <typename T>
inline T load_at(const std::byte* at) {
  T value;
  copy_bytes(&value, at, sizeof(T));
  return value;
}
template <typename T>
inline void store_at(std::byte* at, T value) {
  copy_bytes(at, &value, sizeof(T));
}

}  // namespace sz::ops
