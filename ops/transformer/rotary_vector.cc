#include "ops/transformer/rotary.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/transformer/rotary_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "math/elementary_inl.h"
#include "ops/vector_inl.h"

#ifndef SZ_OPS_ROTARY_JOB
#define SZ_OPS_ROTARY_JOB
namespace sz::ops {
namespace {

// Chunks are groups of 16 places of the context (which share memory of the keys), and parts of the
// key-value heads, if there are too few groups.
struct RotaryJob {
  const Rotary& rotary;
  const RunContext& context;
  std::size_t heads_of_chunk;
  std::size_t parts;
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// The cosines of a row, each twice, and the sines, each first negative: what every pair is
// multiplied by.
void fill_turns(const Rotary& rotary, std::size_t place, float* cosines, float* sines) {
  const std::size_t pairs = rotary.rotated / 2;
  for_each_vector(pairs, [&](auto d, std::size_t i) HWY_ATTR {
    using A = math::HWY_NAMESPACE::Lanes<decltype(d)>;
    const auto scale = hn::Set(d, rotary.scale);
    const auto angle =
        hn::Mul(hn::Set(d, static_cast<float>(place)), hn::LoadU(d, rotary.frequencies + i));
    const auto c = hn::Mul(math::HWY_NAMESPACE::cos<A>(angle), scale);
    const auto s = hn::Mul(math::HWY_NAMESPACE::sin<A>(angle), scale);
    hn::StoreInterleaved2(c, c, d, cosines + 2 * i);
    hn::StoreInterleaved2(hn::Neg(s), s, d, sines + 2 * i);
  });
}

// Calls body(d, i) for vectors that cover [0, count), count even, down to two lanes.
template <class Body>
HWY_INLINE void for_each_pair_vector(std::size_t count, Body body) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) body(Full(), i);
  if constexpr (kLanes > 8) {
    const hn::CappedTag<float, 8> eight;
    for (; i + 8 <= count; i += 8) body(eight, i);
  }
  if constexpr (kLanes > 4) {
    const hn::CappedTag<float, 4> four;
    for (; i + 4 <= count; i += 4) body(four, i);
  }
  const hn::CappedTag<float, 2> two;
  for (; i < count; i += 2) body(two, i);
}

// y = x, its pairs turned.
HWY_INLINE void turn(const Rotary& rotary, const float* cosines, const float* sines, const float* x,
                     float* y) {
  for_each_pair_vector(rotary.rotated, [&](auto d, std::size_t i) HWY_ATTR {
    const auto a = hn::LoadU(d, x + i);
    const auto other = hn::Mul(hn::Reverse2(d, a), hn::LoadU(d, sines + i));
    hn::StoreU(canonical_vector(d, hn::MulAdd(a, hn::LoadU(d, cosines + i), other)), d, y + i);
  });
  const std::size_t rest = rotary.cache.head - rotary.rotated;
  for_each_vector(rest, [&](auto d, std::size_t i) HWY_ATTR {
    const std::size_t at = rotary.rotated + i;
    hn::StoreU(canonical_vector(d, hn::LoadU(d, x + at)), d, y + at);
  });
}

// The halves of `count` numbers (a multiple of 4).
HWY_INLINE void to_halves(const float* x, std::size_t count, std::uint16_t* halves) {
  for_each_vector(count, [&](auto d, std::size_t i) HWY_ATTR {
    const hn::Rebind<hwy::float16_t, decltype(d)> half;
    const hn::Rebind<std::uint16_t, decltype(d)> bits;
    hn::StoreU(hn::BitCast(bits, hn::DemoteTo(half, hn::LoadU(d, x + i))), bits, halves + i);
  });
}

// The bytes of one block of `count` numbers (a multiple of 8, 32 at most); returns the scale.
HWY_INLINE std::uint16_t to_bytes(const float* x, std::size_t count, std::int8_t* bytes) {
  const hn::CappedTag<float, 8> d;
  const hn::RebindToSigned<decltype(d)> words;
  const hn::Rebind<std::int8_t, decltype(d)> small;
  const std::size_t lanes = hn::Lanes(d);
  auto most = hn::Zero(d);
  for (std::size_t i = 0; i < count; i += lanes) {
    most = maximum_vector(most, hn::Abs(hn::LoadU(d, x + i)));
  }
  HWY_ALIGN float each[8];
  hn::Store(most, d, each);
  float largest = each[0];
  for (std::size_t i = 1; i < lanes; ++i) largest = maximum(largest, each[i]);
  const std::uint16_t scale = q8_scale(largest);
  const float divisor = math::half_to_float(scale);
  const bool empty = !(divisor > 0.0f);
  for (std::size_t i = 0; i < count; i += lanes) {
    auto q = hn::Zero(d);
    if (!empty) q = hn::Div(hn::LoadU(d, x + i), hn::Set(d, divisor));
    q = hn::Min(hn::Max(q, hn::Set(d, -127.0f)), hn::Set(d, 127.0f));
    const auto rounded = hn::NearestInt(q);
    hn::StoreU(
        hn::DemoteTo(small, hn::DemoteTo(hn::Rebind<std::int16_t, decltype(words)>(), rounded)),
        small, bytes + i);
  }
  return scale;
}

// Stores one head of keys: numbers are 16 apart.
void store_key(const CacheAttributes& cache, const float* x, std::byte* at, std::size_t lane) {
  switch (cache.format) {
    case BlockFormat::kF32:
      for (std::size_t d = 0; d < cache.head; ++d) store_at(at + d * kCachePositions * 4, x[d]);
      return;
    case BlockFormat::kF16: {
      std::uint16_t halves[kMaxHead];
      to_halves(x, cache.head, halves);
      for (std::size_t d = 0; d < cache.head; ++d)
        store_at(at + d * kCachePositions * 2, halves[d]);
      return;
    }
    case BlockFormat::kQ8_0:
    case BlockFormat::kQ4_0:
      break;
  }
  for (std::size_t d = 0; d < cache.head; d += kBlock, at += kKeyBlockBytes) {
    std::int8_t bytes[kBlock];
    const std::size_t size = cache.head - d < kBlock ? cache.head - d : kBlock;
    store_at(at + lane, to_bytes(x + d, size, bytes));  // scales are twice as far apart
    for (std::size_t i = 0; i < size; ++i) store_at(at + kCachePositions * (2 + i), bytes[i]);
  }
}

// Stores one head of values.
void store_value(const CacheAttributes& cache, const float* x, std::byte* at) {
  switch (cache.format) {
    case BlockFormat::kF32:
      copy_bytes(at, x, cache.head * 4);
      return;
    case BlockFormat::kF16: {
      std::uint16_t halves[kMaxHead];
      to_halves(x, cache.head, halves);
      copy_bytes(at, halves, cache.head * 2);
      return;
    }
    case BlockFormat::kQ8_0:
    case BlockFormat::kQ4_0:
      break;
  }
  for (std::size_t d = 0; d < cache.head; d += kBlock) {
    std::int8_t bytes[kBlock];
    const std::size_t size = cache.head - d < kBlock ? cache.head - d : kBlock;
    store_at(at + cache.head + d / kBlock * 2, to_bytes(x + d, size, bytes));
    copy_bytes(at + d, bytes, size);
  }
}

void rotary_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  const auto& job = *static_cast<const RotaryJob*>(context);
  const Rotary& rotary = job.rotary;
  const CacheAttributes& cache = rotary.cache;
  const std::size_t head = cache.head;
  auto* cosines = reinterpret_cast<float*>(job.context.scratch_of(worker));
  float* sines = cosines + head;
  float* turned = sines + head;

  const std::size_t group = rotary.position / kCachePositions + chunk / job.parts;
  const std::size_t group_begin = group * kCachePositions;
  const std::size_t all_end = rotary.position + rotary.count;
  const std::size_t end =
      group_begin + kCachePositions < all_end ? group_begin + kCachePositions : all_end;
  const std::size_t first_head = chunk % job.parts * job.heads_of_chunk;
  const std::size_t last_head = first_head + job.heads_of_chunk < cache.kv_heads
                                    ? first_head + job.heads_of_chunk
                                    : cache.kv_heads;
  std::size_t place = group_begin < rotary.position ? rotary.position : group_begin;
  for (; place < end; ++place) {
    fill_turns(rotary, place, cosines, sines);
    const std::size_t r = place - rotary.position;
    const float* x = rotary.x + r * rotary.width();
    float* q = rotary.q + r * cache.heads * head;
    for (std::size_t h = first_head * rotary.group(); h < last_head * rotary.group(); ++h) {
      turn(rotary, cosines, sines, x + h * head, q + h * head);
    }
    const float* keys = x + cache.heads * head;
    const float* values = keys + cache.kv_heads * head;
    for (std::size_t h = first_head; h < last_head; ++h) {
      turn(rotary, cosines, sines, keys + h * head, turned);
      store_key(cache, turned, rotary.key(h, place), place % kCachePositions);
      for_each_vector(head, [&](auto d, std::size_t i) HWY_ATTR {
        hn::StoreU(canonical_vector(d, hn::LoadU(d, values + h * head + i)), d, turned + i);
      });
      store_value(cache, turned, rotary.value(h, place));
    }
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

void rotary_vector(const Rotary& rotary, const RunContext& context) {
  const ChunkFn chunk = SZ_VECTOR_SELECT(rotary_chunk);
  if (chunk == nullptr) {
    rotary_reference(rotary, reinterpret_cast<float*>(context.scratch_of(0)));
    return;
  }
  const std::size_t first = rotary.position / kCachePositions;
  const std::size_t groups = (rotary.position + rotary.count - 1) / kCachePositions - first + 1;
  const std::size_t wanted = context.wanted_chunks() / groups;
  const std::size_t kv_heads = rotary.cache.kv_heads;
  RotaryJob job{rotary, context, kv_heads, 1};
  if (wanted > 1) job.heads_of_chunk = (kv_heads + wanted - 1) / wanted;
  job.parts = (kv_heads + job.heads_of_chunk - 1) / job.heads_of_chunk;
  context.share(chunk, &job, groups * job.parts);
}

}  // namespace sz::ops
#endif  // HWY_ONCE
