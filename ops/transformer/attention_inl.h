// The inner loops of attention: scores of a few queries against groups of 16 keys, and weighted
// sums of values, all sums in registers. Compiled once for each target (Highway's include idiom: no
// #pragma once).
#if defined(SZ_OPS_ATTENTION_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SZ_OPS_ATTENTION_INL_H
#undef SZ_OPS_ATTENTION_INL_H
#else
#define SZ_OPS_ATTENTION_INL_H
#endif

#include <hwy/highway.h>

#include "ops/transformer/attention.h"
#include "ops/vector_inl.h"

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// The formats of a cache: how numbers become floats. kBlockNumbers share a scale, if kScaled.
struct CacheF32 {
  static constexpr std::size_t kBytes = 4, kBlockNumbers = kMaxHead;
  static constexpr bool kScaled = false;
  template <class D>
  static HWY_INLINE hn::Vec<D> load(D d, const std::byte* at) {
    return hn::LoadU(d, reinterpret_cast<const float*>(at));
  }
};
struct CacheF16 {
  static constexpr std::size_t kBytes = 2, kBlockNumbers = kMaxHead;
  static constexpr bool kScaled = false;
  template <class D>
  static HWY_INLINE hn::Vec<D> load(D d, const std::byte* at) {
    const hn::Rebind<hwy::float16_t, D> half;
    return hn::PromoteTo(d, hn::LoadU(half, reinterpret_cast<const hwy::float16_t*>(at)));
  }
};
struct CacheQ8 {
  static constexpr std::size_t kBytes = 1, kBlockNumbers = kBlock;
  static constexpr bool kScaled = true;
  template <class D>
  static HWY_INLINE hn::Vec<D> load(D d, const std::byte* at) {
    const hn::Rebind<std::int8_t, D> bytes;
    const hn::RebindToSigned<D> words;
    const auto q = hn::LoadU(bytes, reinterpret_cast<const std::int8_t*>(at));
    return hn::ConvertTo(d, hn::PromoteTo(words, q));
  }
};

// A half, in all lanes.
template <class D>
HWY_INLINE hn::Vec<D> broadcast_half(D d, const std::byte* at) {
  const hn::Rebind<std::uint16_t, D> bits;
  const hn::Rebind<hwy::float16_t, D> half;
  return hn::PromoteTo(d, hn::BitCast(half, hn::Set(bits, load_at<std::uint16_t>(at))));
}

// kQueries queries of `head` numbers against kGroups groups of keys.
struct ScoreTile {
  const float* const* q;  // kQueries of them
  const std::byte* keys;
  std::size_t group_bytes;  // from one group to the next
  std::size_t head;
  float scale;
  float* scores;  // kAttentionBlock from one query to the next
};

template <class Format, std::size_t kQueries, std::size_t kGroups>
HWY_NOINLINE void score_tile(const ScoreTile& tile) {
  using V = hn::Vec<Full>;
  constexpr std::size_t kOfGroup = kCachePositions / kLanes;  // vectors
  constexpr std::size_t kVectors = kGroups * kOfGroup;
  const Full d;
  V sums[kQueries * kVectors];
  HWY_UNROLL(16) for (auto& sum : sums) sum = hn::Zero(d);
  const std::byte* at = tile.keys;
  const float* q[kQueries];
  HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) q[i] = tile.q[i];
  for (std::size_t begin = 0; begin < tile.head; begin += Format::kBlockNumbers) {
    const std::size_t rest = tile.head - begin;
    const std::size_t end = begin + (rest < Format::kBlockNumbers ? rest : Format::kBlockNumbers);
    V scales[Format::kScaled ? kVectors : 1];
    if constexpr (Format::kScaled) {
      HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
        scales[j] =
            CacheF16::load(d, at + j / kOfGroup * tile.group_bytes + j % kOfGroup * kLanes * 2);
      }
      at += kCachePositions * 2;
    }
    for (std::size_t k = begin; k < end; ++k, at += kCachePositions * Format::kBytes) {
      HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
        V key = Format::load(
            d, at + j / kOfGroup * tile.group_bytes + j % kOfGroup * kLanes * Format::kBytes);
        if constexpr (Format::kScaled) key = hn::Mul(key, scales[j]);
        HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) {
          V& sum = sums[i * kVectors + j];
          sum = hn::MulAdd(hn::Set(d, q[i][k]), key, sum);
        }
      }
    }
  }
  const V scale = hn::Set(d, tile.scale);
  HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) {
    HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
      hn::StoreU(hn::Mul(sums[i * kVectors + j], scale), d,
                 tile.scores + i * kAttentionBlock + j * kLanes);
    }
  }
}

// Adds `count` weighted values to the sums of kQueries queries: kUnits units of kNumbers columns.
struct ValueTile {
  const float* weights;  // kAttentionBlock from one query to the next
  const std::byte* values;
  std::size_t row_bytes;
  const std::byte* scales;  // of the first column's block in the first row
  std::size_t count;
  float* sums;
  std::size_t pitch;
  const float* factor;  // what the sums are multiplied by before; nullptr: they begin as 0
};

template <class Format, std::size_t kQueries, std::size_t kUnits, std::size_t kNumbers>
HWY_NOINLINE void value_tile(const ValueTile& tile) {
  const hn::CappedTag<float, kNumbers> d;
  using V = hn::Vec<decltype(d)>;
  constexpr std::size_t kWidth = kNumbers < kLanes ? kNumbers : kLanes;
  constexpr std::size_t kVectors = kUnits * kNumbers / kWidth;
  V sums[kQueries * kVectors];
  HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) {
    HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
      sums[i * kVectors + j] = tile.factor == nullptr
                                   ? hn::Zero(d)
                                   : hn::Mul(hn::LoadU(d, tile.sums + i * tile.pitch + j * kWidth),
                                             hn::Set(d, tile.factor[i]));
    }
  }
  const std::byte* row = tile.values;
  const std::byte* row_scales = tile.scales;
  for (std::size_t k = 0; k < tile.count; ++k, row += tile.row_bytes) {
    HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
      V value = Format::load(d, row + j * kWidth * Format::kBytes);
      if constexpr (Format::kScaled) {
        const V scale = broadcast_half(d, row_scales + j * kWidth / kBlock * 2);
        value = hn::Mul(value, scale);
      }
      HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) {
        V& sum = sums[i * kVectors + j];
        sum = hn::MulAdd(hn::Set(d, tile.weights[i * kAttentionBlock + k]), value, sum);
      }
    }
    if constexpr (Format::kScaled) row_scales += tile.row_bytes;
  }
  HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) {
    HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
      hn::StoreU(sums[i * kVectors + j], d, tile.sums + i * tile.pitch + j * kWidth);
    }
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
