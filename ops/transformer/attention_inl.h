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
#if HWY_TARGET == HWY_NEON
  static HWY_INLINE void load_two(const std::byte* at, hn::Vec128<float>* two) {
    const float16x8_t halves = vld1q_f16(reinterpret_cast<const float16_t*>(at));
    two[0] = hn::Vec128<float>(vcvt_f32_f16(vget_low_f16(halves)));
    two[1] = hn::Vec128<float>(vcvt_high_f32_f16(halves));
  }
#endif
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
#if HWY_TARGET == HWY_NEON
  static HWY_INLINE void load_two(const std::byte* at, hn::Vec128<float>* two) {
    const int16x8_t q = vmovl_s8(vld1_s8(reinterpret_cast<const std::int8_t*>(at)));
    two[0] = hn::Vec128<float>(vcvtq_f32_s32(vmovl_s16(vget_low_s16(q))));
    two[1] = hn::Vec128<float>(vcvtq_f32_s32(vmovl_high_s16(q)));
  }
#endif
};

// kVectors vectors that lie together.
template <class Format, std::size_t kVectors, class D>
HWY_INLINE void load_vectors(D d, const std::byte* at, hn::Vec<D>* vectors) {
  constexpr std::size_t kWidth = hn::MaxLanes(D());
#if HWY_TARGET == HWY_NEON
  // Two at a time: the conversions take the upper halves as they are.
  if constexpr (Format::kBytes < 4 && kVectors % 2 == 0) {
    HWY_UNROLL(16) for (std::size_t j = 0; j < kVectors; j += 2) {
      Format::load_two(at + j * kWidth * Format::kBytes, vectors + j);
    }
    return;
  }
#endif
  HWY_UNROLL(16) for (std::size_t j = 0; j < kVectors; ++j) {
    vectors[j] = Format::load(d, at + j * kWidth * Format::kBytes);
  }
}

// Keeps GCC from loading what later steps need so early that sums go to the stack.
HWY_INLINE void end_of_step() {
#if HWY_TARGET == HWY_NEON
  __asm__ volatile("" ::: "memory");
#endif
}

// A half, in all lanes.
template <class D>
HWY_INLINE hn::Vec<D> broadcast_half(D d, const std::byte* at) {
  const hn::Rebind<std::uint16_t, D> bits;
  const hn::Rebind<hwy::float16_t, D> half;
  return hn::PromoteTo(d, hn::BitCast(half, hn::Set(bits, load_at<std::uint16_t>(at))));
}

// Four neighbours, each of which multiplies whole vectors. NEON multiplies by a lane of a vector;
// x86 loads one number into all lanes.
struct Four {
#if HWY_TARGET == HWY_NEON
  float32x4_t numbers;
  static HWY_INLINE Four load(const float* at) { return {vld1q_f32(at)}; }
  template <int kLane>
  HWY_INLINE hn::Vec128<float> fma(hn::Vec128<float> x, hn::Vec128<float> sum) const {
    return hn::Vec128<float>(vfmaq_laneq_f32(sum.raw, x.raw, numbers, kLane));
  }
#else
  const float* numbers;
  static HWY_INLINE Four load(const float* at) { return {at}; }
  template <int kLane, class V>
  HWY_INLINE V fma(V x, V sum) const {
    return hn::MulAdd(hn::Set(hn::DFromV<V>(), numbers[kLane]), x, sum);
  }
#endif
};

// kQueries queries of `head` numbers against kGroups groups of keys.
struct ScoreTile {
  const float* const* q;  // kQueries of them
  const std::byte* keys;
  std::size_t group_bytes;  // from one group to the next
  std::size_t head;
  float scale;
  float* scores;  // kAttentionBlock from one query to the next
};

// The steps of a tile of scores, on kQueries x kVectors sums. The arrays have constant indices, so
// that the compiler keeps them in registers.
template <class Format, std::size_t kQueries, std::size_t kGroups>
struct ScoreSteps {
  using V = hn::Vec<Full>;
  static constexpr std::size_t kOfGroup = kCachePositions / kLanes;  // vectors
  static constexpr std::size_t kVectors = kGroups * kOfGroup;

  // Number kLane of four, `at` the keys' first.
  template <int kLane>
  static HWY_INLINE void step(const Four* q, const std::byte* at, std::size_t group_bytes,
                              const V* scales, V* sums) {
    HWY_UNROLL(4) for (std::size_t g = 0; g < kGroups; ++g) {
      V keys[kOfGroup];
      load_vectors<Format, kOfGroup>(
          Full(), at + g * group_bytes + kLane * kCachePositions * Format::kBytes, keys);
      HWY_UNROLL(4) for (std::size_t v = 0; v < kOfGroup; ++v) {
        const std::size_t j = g * kOfGroup + v;
        if constexpr (Format::kScaled) keys[v] = hn::Mul(keys[v], scales[j]);
        HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) {
          V& sum = sums[i * kVectors + j];
          sum = q[i].template fma<kLane>(keys[v], sum);
        }
      }
    }
  }
};

template <class Format, std::size_t kQueries, std::size_t kGroups>
HWY_NOINLINE void score_tile(const ScoreTile& tile) {
  using Steps = ScoreSteps<Format, kQueries, kGroups>;
  constexpr std::size_t kVectors = Steps::kVectors;
  const Full d;
  typename Steps::V sums[kQueries * kVectors];
  typename Steps::V scales[Format::kScaled ? kVectors : 1];
  HWY_UNROLL(16) for (auto& sum : sums) sum = hn::Zero(d);
  const std::byte* at = tile.keys;
  const float* q[kQueries];
  HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) q[i] = tile.q[i];
  for (std::size_t begin = 0; begin < tile.head; begin += Format::kBlockNumbers) {
    const std::size_t rest = tile.head - begin;
    const std::size_t end = begin + (rest < Format::kBlockNumbers ? rest : Format::kBlockNumbers);
    if constexpr (Format::kScaled) {
      HWY_UNROLL(16) for (std::size_t j = 0; j < kVectors; ++j) {
        scales[j] = CacheF16::load(
            d, at + j / Steps::kOfGroup * tile.group_bytes + j % Steps::kOfGroup * kLanes * 2);
      }
      at += kCachePositions * 2;
    }
    for (std::size_t k = begin; k < end; k += 4, at += 4 * kCachePositions * Format::kBytes) {
      Four four[kQueries];
      HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) four[i] = Four::load(q[i] + k);
      Steps::template step<0>(four, at, tile.group_bytes, scales, sums);
      end_of_step();
      Steps::template step<1>(four, at, tile.group_bytes, scales, sums);
      end_of_step();
      Steps::template step<2>(four, at, tile.group_bytes, scales, sums);
      end_of_step();
      Steps::template step<3>(four, at, tile.group_bytes, scales, sums);
    }
  }
  const auto scale = hn::Set(d, tile.scale);
  HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) {
    HWY_UNROLL(16) for (std::size_t j = 0; j < kVectors; ++j) {
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

// The steps of a tile of values, on kQueries x kVectors sums.
template <class Format, std::size_t kQueries, std::size_t kUnits, std::size_t kNumbers>
struct ValueSteps {
  using D = hn::CappedTag<float, kNumbers>;
  using V = hn::Vec<D>;
  static constexpr std::size_t kWidth = kNumbers < kLanes ? kNumbers : kLanes;
  static constexpr std::size_t kOfUnit = kNumbers / kWidth;  // vectors
  static constexpr std::size_t kVectors = kUnits * kOfUnit;

  // One unit of a row.
  static HWY_INLINE void load(const std::byte* row, const std::byte* scales, std::size_t unit,
                              V* values) {
    load_vectors<Format, kOfUnit>(D(), row + unit * kNumbers * Format::kBytes, values);
    if constexpr (Format::kScaled) {
      const V scale = broadcast_half(D(), scales + unit * kNumbers / kBlock * 2);
      HWY_UNROLL(4) for (std::size_t v = 0; v < kOfUnit; ++v) values[v] = hn::Mul(values[v], scale);
    }
  }
  // One row, number kLane of the four weights of each query.
  template <int kLane>
  static HWY_INLINE void step(const Four* weights, const std::byte* row, const std::byte* scales,
                              V* sums) {
    HWY_UNROLL(4) for (std::size_t u = 0; u < kUnits; ++u) {
      V values[kOfUnit];
      load(row, scales, u, values);
      HWY_UNROLL(4) for (std::size_t v = 0; v < kOfUnit; ++v) {
        HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) {
          V& sum = sums[i * kVectors + u * kOfUnit + v];
          sum = weights[i].template fma<kLane>(values[v], sum);
        }
      }
    }
  }
  // One row.
  static HWY_INLINE void one(const float* weights, const std::byte* row, const std::byte* scales,
                             V* sums) {
    HWY_UNROLL(4) for (std::size_t u = 0; u < kUnits; ++u) {
      V values[kOfUnit];
      load(row, scales, u, values);
      HWY_UNROLL(4) for (std::size_t v = 0; v < kOfUnit; ++v) {
        HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) {
          V& sum = sums[i * kVectors + u * kOfUnit + v];
          sum = hn::MulAdd(hn::Set(D(), weights[i * kAttentionBlock]), values[v], sum);
        }
      }
    }
  }
};

template <class Format, std::size_t kQueries, std::size_t kUnits, std::size_t kNumbers>
HWY_NOINLINE void value_tile(const ValueTile& tile) {
  using Steps = ValueSteps<Format, kQueries, kUnits, kNumbers>;
  constexpr std::size_t kVectors = Steps::kVectors;
  const typename Steps::D d;
  typename Steps::V sums[kQueries * kVectors];
  HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) {
    HWY_UNROLL(16) for (std::size_t j = 0; j < kVectors; ++j) {
      sums[i * kVectors + j] =
          tile.factor == nullptr
              ? hn::Zero(d)
              : hn::Mul(hn::LoadU(d, tile.sums + i * tile.pitch + j * Steps::kWidth),
                        hn::Set(d, tile.factor[i]));
    }
  }
  const std::byte* row = tile.values;
  const std::byte* scales = tile.scales;
  const std::size_t bytes = tile.row_bytes;
  std::size_t k = 0;
  for (; k + 4 <= tile.count; k += 4, row += 4 * bytes, scales += 4 * bytes) {
    Four four[kQueries];
    HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) {
      four[i] = Four::load(tile.weights + i * kAttentionBlock + k);
    }
    Steps::template step<0>(four, row, scales, sums);
    end_of_step();
    Steps::template step<1>(four, row + bytes, scales + bytes, sums);
    end_of_step();
    Steps::template step<2>(four, row + 2 * bytes, scales + 2 * bytes, sums);
    end_of_step();
    Steps::template step<3>(four, row + 3 * bytes, scales + 3 * bytes, sums);
  }
  for (; k < tile.count; ++k, row += bytes, scales += bytes) {
    Steps::one(tile.weights + k, row, scales, sums);
  }
  HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) {
    HWY_UNROLL(16) for (std::size_t j = 0; j < kVectors; ++j) {
      hn::StoreU(sums[i * kVectors + j], d, tile.sums + i * tile.pitch + j * Steps::kWidth);
    }
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
