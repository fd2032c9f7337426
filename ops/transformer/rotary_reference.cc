#include "math/elementary.h"
#include "ops/transformer/rotary.h"

namespace sz::ops {

namespace {

// y = x, its pairs turned by the angles of `place`.
void turn(const Rotary& rotary, std::size_t place, const float* x, float* y) {
  const std::size_t head = rotary.cache.head;
  for (std::size_t i = 0; i < rotary.rotated; i += 2) {
    const float angle = static_cast<float>(place) * rotary.frequencies[i / 2];
    const float c = math::cos<math::Scalar>(angle) * rotary.scale;
    const float s = math::sin<math::Scalar>(angle) * rotary.scale;
    const float a = x[i];
    const float b = x[i + 1];
    y[i] = canonical(fused_multiply_add(a, c, -(b * s)));
    y[i + 1] = canonical(fused_multiply_add(b, c, a * s));
  }
  for (std::size_t i = rotary.rotated; i < head; ++i) y[i] = canonical(x[i]);
}

// Stores a head of keys (16 numbers from one to the next) or of values (dense). `block` bytes lie
// from one block of q8_0 to the next; the scales are at `scales`, `scale_step` bytes apart.
struct Store {
  std::byte* at;
  std::size_t step, block;
  std::byte* scales;
  std::size_t scale_step;
};

void store_head(const CacheAttributes& cache, const float* x, const Store& to) {
  if (cache.format == BlockFormat::kF32) {
    for (std::size_t d = 0; d < cache.head; ++d) store_at(to.at + d * to.step * 4, x[d]);
    return;
  }
  if (cache.format == BlockFormat::kF16) {
    for (std::size_t d = 0; d < cache.head; ++d) {
      store_at(to.at + d * to.step * 2, math::float_to_half(x[d]));
    }
    return;
  }
  for (std::size_t b = 0; b * kBlock < cache.head; ++b) {
    const std::size_t rest = cache.head - b * kBlock;
    const std::size_t size = rest < kBlock ? rest : kBlock;
    const float* from = x + b * kBlock;
    float most = 0.0f;
    for (std::size_t i = 0; i < size; ++i) most = maximum(most, math::Scalar::abs(from[i]));
    const std::uint16_t scale = q8_scale(most);
    store_at(to.scales + b * to.scale_step, scale);
    for (std::size_t i = 0; i < size; ++i) {
      store_at(to.at + b * to.block + i * to.step, q8_byte(from[i], math::half_to_float(scale)));
    }
  }
}

}  // namespace

void rotary_reference(const Rotary& rotary, float* scratch) {
  const CacheAttributes& cache = rotary.cache;
  for (std::size_t r = 0; r < rotary.count; ++r) {
    const std::size_t place = rotary.position + r;
    const float* x = rotary.x + r * rotary.width();
    float* q = rotary.q + r * cache.heads * cache.head;
    for (std::size_t h = 0; h < cache.heads; ++h, x += cache.head, q += cache.head) {
      turn(rotary, place, x, q);
    }
    for (std::size_t h = 0; h < cache.kv_heads; ++h, x += cache.head) {
      turn(rotary, place, x, scratch);
      std::byte* at = rotary.key(h, place);
      const bool bytes = cache.format == BlockFormat::kQ8_0;
      // The scales (2 bytes each) of a block's 16 positions come before its bytes.
      std::byte* scales = at + (bytes ? place % kCachePositions : 0);
      store_head(cache, scratch,
                 {at + (bytes ? kCachePositions * 2 : 0), kCachePositions, kKeyBlockBytes, scales,
                  kKeyBlockBytes});
    }
    for (std::size_t h = 0; h < cache.kv_heads; ++h, x += cache.head) {
      for (std::size_t d = 0; d < cache.head; ++d) scratch[d] = canonical(x[d]);
      std::byte* at = rotary.value(h, place);
      store_head(cache, scratch, {at, 1, kBlock, at + cache.head, 2});
    }
  }
}

}  // namespace sz::ops
