#include "ops/transformer/attention.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/transformer/attention_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "math/exp_inl.h"
#include "ops/transformer/attention_inl.h"
#include "ops/vector_inl.h"

#ifndef SZ_OPS_ATTENTION_JOB
#define SZ_OPS_ATTENTION_JOB
namespace sz::ops {
namespace {

struct AttentionJob {
  const Attention& attention;
  const RunContext& context;
  std::size_t tile;   // queries of a chunk
  std::size_t tiles;  // of a key head
};

// The queries of one chunk. Those of one key head are numbered row by row.
struct AttentionTile {
  const std::byte* keys;
  const std::byte* values;
  std::size_t count;
  const float* q[kAttentionTile];
  float* y[kAttentionTile];
  std::size_t visible[kAttentionTile];  // positions; never fewer than the query before sees
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// Turns the first `count` scores into weights exp(score - maximum), those up to a multiple of 16
// into 0, and adds them up. `first`: nothing has been added before. Returns what older sums are
// worth now.
HWY_INLINE float soften(float* scores, std::size_t count, bool first, float* weights,
                        float* maximum) {
  constexpr std::size_t kOfGroup = kAttentionSums / kLanes;
  using V = hn::Vec<Full>;
  const Full d;
  const auto least = hn::Set(d, -__builtin_inff());
  const std::size_t end = (count + kAttentionSums - 1) / kAttentionSums * kAttentionSums;
  if (count != end) {
    for (std::size_t i = count / kLanes * kLanes; i < end; i += kLanes) {
      const auto seen = hn::FirstN(d, i < count ? count - i : 0);
      hn::StoreU(hn::IfThenElse(seen, hn::LoadU(d, scores + i), least), d, scores + i);
    }
  }
  V most[kOfGroup];
  HWY_UNROLL(4) for (V& lanes : most) lanes = least;
  for (std::size_t i = 0; i < end; i += kAttentionSums) {
    HWY_UNROLL(4) for (std::size_t j = 0; j < kOfGroup; ++j) {
      most[j] = hn::Max(most[j], hn::LoadU(d, scores + i + j * kLanes));
    }
  }
  HWY_UNROLL(4) for (std::size_t j = 1; j < kOfGroup; ++j) most[0] = hn::Max(most[0], most[j]);
  // What a NaN does here does not matter: its weight is one too, and so are all results.
  const float old = *maximum;
  const float found = hn::GetLane(hn::MaxOfLanes(d, most[0]));
  V sums[kOfGroup];
  HWY_UNROLL(4) for (std::size_t j = 0; j < kOfGroup; ++j) {
    sums[j] = first ? hn::Zero(d) : hn::LoadU(d, weights + j * kLanes);
  }
  float factor = 1.0f;
  if (found > old) {
    *maximum = found;
    if (!first) {
      const auto power = math::HWY_NAMESPACE::exp_weight_vector(d, hn::Set(d, old - found));
      HWY_UNROLL(4) for (V& sum : sums) sum = hn::Mul(sum, power);
      factor = hn::GetLane(power);
    }
  }
  const auto base = hn::Set(d, *maximum == -__builtin_inff() ? 0.0f : *maximum);
  for (std::size_t i = 0; i < end; i += kAttentionSums) {
    HWY_UNROLL(4) for (std::size_t j = 0; j < kOfGroup; ++j) {
      float* const at = scores + i + j * kLanes;
      const auto weight =
          math::HWY_NAMESPACE::exp_weight_vector(d, hn::Sub(hn::LoadU(d, at), base));
      hn::StoreU(weight, d, at);
      sums[j] = hn::Add(sums[j], weight);
    }
  }
  HWY_UNROLL(4) for (std::size_t j = 0; j < kOfGroup; ++j) {
    hn::StoreU(sums[j], d, weights + j * kLanes);
  }
  return factor;
}

// The tree over the partial sums, as sum_of_lanes() of ops/softmax/softmax.h.
HWY_INLINE float sum_of_weights(const float* weights) {
  const hn::CappedTag<float, 4> d;
  const auto first = hn::Add(hn::LoadU(d, weights), hn::LoadU(d, weights + 8));
  const auto second = hn::Add(hn::LoadU(d, weights + 4), hn::LoadU(d, weights + 12));
  auto sum = hn::Add(first, second);
  sum = hn::Add(sum, hn::Shuffle1032(sum));
  return hn::GetLane(hn::Add(sum, hn::Shuffle2301(sum)));
}

// How many units of 16 columns, and groups of 16 keys, a tile of kQueries queries takes at once:
// enough sums to keep the multiply-add units busy, few enough for the registers.
template <class Format, std::size_t kQueries>
inline constexpr std::size_t kUnitsOf = kLanes == 16                       ? 4
                                        : kLanes == 4 && kQueries == 1     ? 2
                                        : kQueries == 2 && Format::kScaled ? 1
                                                                           : 4 / kQueries;
template <class Format, std::size_t kQueries>
inline constexpr std::size_t kGroupsOf = kLanes == 16                       ? 4
                                         : kQueries == 1 && Format::kScaled ? 2
                                         : kQueries == 2 && Format::kScaled ? 1
                                         : kLanes == 4 && kQueries == 1     ? 2
                                                                            : 4 / kQueries;

// The scores of kQueries queries against `groups` groups of keys.
template <class Format, std::size_t kQueries>
HWY_INLINE void score_groups(ScoreTile tile, std::size_t groups) {
  constexpr std::size_t kGroups = kGroupsOf<Format, kQueries>;
  std::size_t g = 0;
  const auto step = [&](std::size_t units) {
    tile.keys += units * tile.group_bytes;
    tile.scores += units * kCachePositions;
    g += units;
  };
  for (; g + kGroups <= groups; step(kGroups)) score_tile<Format, kQueries, kGroups>(tile);
  while (g < groups) {
    score_tile<Format, kQueries, 1>(tile);
    step(1);
  }
}

// Weighted values, all columns.
template <class Format, std::size_t kQueries>
HWY_INLINE void value_columns(ValueTile tile, std::size_t head) {
  constexpr std::size_t kUnits = kUnitsOf<Format, kQueries>;
  const std::byte* const scales = tile.scales;
  std::size_t at = 0;
  const auto step = [&](std::size_t numbers) {
    at += numbers;
    tile.values += numbers * Format::kBytes;
    tile.sums += numbers;
    tile.scales = scales + at / kBlock * 2;
  };
  for (; at + 16 * kUnits <= head; step(16 * kUnits)) {
    value_tile<Format, kQueries, kUnits, 16>(tile);
  }
  if constexpr (kUnits > 1) {
    for (; at + 16 <= head; step(16)) value_tile<Format, kQueries, 1, 16>(tile);
  }
  if (at + 8 <= head) {
    value_tile<Format, kQueries, 1, 8>(tile);
    step(8);
  }
  if (at + 4 <= head) {  // rare
    for (std::size_t i = 0; i < kQueries; ++i) {
      value_tile<Format, 1, 1, 4>(tile);
      tile.weights += kAttentionBlock;
      tile.sums += tile.pitch;
      if (tile.factor != nullptr) ++tile.factor;
    }
  }
}

// Takes kQueries queries, from `first` on, through the block of positions from `begin` on.
template <class Format, std::size_t kQueries>
void attend(const Attention& attention, const AttentionTile& tile, std::size_t first,
            std::size_t begin, const AttentionScratch& scratch) {
  const CacheStrides& strides = attention.strides;
  std::size_t seen[kQueries];
  HWY_UNROLL(4) for (std::size_t i = 0; i < kQueries; ++i) {
    const std::size_t visible = tile.visible[first + i];
    seen[i] = visible <= begin                     ? 0
              : visible - begin >= kAttentionBlock ? kAttentionBlock
                                                   : visible - begin;
  }
  if (seen[kQueries - 1] == 0) return;
  const std::size_t head = attention.cache.head;
  float* const scores = scratch.scores + first * kAttentionBlock;
  score_groups<Format, kQueries>(
      {tile.q + first, tile.keys + begin / kCachePositions * strides.key_group, strides.key_group,
       head, attention.scale, scores},
      (seen[kQueries - 1] + kCachePositions - 1) / kCachePositions);
  float factor[kQueries];
  for (std::size_t i = 0; i < kQueries; ++i) {
    factor[i] = 1.0f;
    if (seen[i] == 0) continue;
    factor[i] = soften(scores + i * kAttentionBlock, seen[i], begin == 0,
                       scratch.weights + (first + i) * kAttentionSums, scratch.maximum + first + i);
  }
  float* const sums = scratch.sums + first * scratch.pitch;
  const std::byte* const rows = tile.values + begin * strides.value_row;
  const std::byte* const scales = rows + head;
  const std::size_t common = seen[0];
  if (common != 0) {
    value_columns<Format, kQueries>({scores, rows, strides.value_row, scales, common, sums,
                                     scratch.pitch, begin == 0 ? nullptr : factor},
                                    head);
    HWY_UNROLL(4) for (float& one : factor) one = 1.0f;
  }
  if constexpr (kQueries > 1) {
    // What later queries see and the first does not.
    for (std::size_t i = 1; i < kQueries; ++i) {
      if (seen[i] == common) continue;
      value_columns<Format, 1>(
          {scores + i * kAttentionBlock + common, rows + common * strides.value_row,
           strides.value_row, scales + common * strides.value_row, seen[i] - common,
           sums + i * scratch.pitch, scratch.pitch, factor + i},
          head);
    }
  }
}

template <class Format>
void attend_tile(const Attention& attention, const AttentionTile& tile,
                 const AttentionScratch& scratch) {
  const std::size_t visible = tile.visible[tile.count - 1];
  for (std::size_t begin = 0; begin < visible; begin += kAttentionBlock) {
    std::size_t i = 0;
    for (; i + 4 <= tile.count; i += 4) attend<Format, 4>(attention, tile, i, begin, scratch);
    if (i + 2 <= tile.count) {
      attend<Format, 2>(attention, tile, i, begin, scratch);
      i += 2;
    }
    if (i < tile.count) attend<Format, 1>(attention, tile, i, begin, scratch);
  }
}

void attention_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  const auto& job = *static_cast<const AttentionJob*>(context);
  const Attention& attention = job.attention;
  const CacheAttributes& cache = attention.cache;
  const std::size_t group = attention.group();
  // The last tiles see most: they come first.
  const std::size_t kv_head = chunk % cache.kv_heads;
  const std::size_t begin = (job.tiles - 1 - chunk / cache.kv_heads) * job.tile;
  const std::size_t rest = attention.count * group - begin;
  AttentionTile tile = {};
  tile.keys = attention.keys + kv_head * attention.strides.key_head;
  tile.values = attention.values + kv_head * attention.strides.value_head;
  tile.count = rest < job.tile ? rest : job.tile;
  const AttentionScratch scratch(job.context.scratch_of(worker), cache.head, tile.count);
  std::size_t row = begin / group;
  std::size_t of_group = begin % group;
  for (std::size_t i = 0; i < tile.count; ++i) {
    const std::size_t at = row * attention.width() + (kv_head * group + of_group) * cache.head;
    tile.q[i] = attention.q + at;
    tile.y[i] = attention.y + at;
    tile.visible[i] = attention.position + row + 1;
    scratch.maximum[i] = -__builtin_inff();
    if (++of_group == group) {
      of_group = 0;
      ++row;
    }
  }
  switch (cache.format) {
    case BlockFormat::kF32:
      attend_tile<CacheF32>(attention, tile, scratch);
      break;
    case BlockFormat::kF16:
      attend_tile<CacheF16>(attention, tile, scratch);
      break;
    case BlockFormat::kQ8_0:
      attend_tile<CacheQ8>(attention, tile, scratch);
      break;
    case BlockFormat::kQ4_0:
      break;
  }
  for (std::size_t i = 0; i < tile.count; ++i) {
    const float sum = sum_of_weights(scratch.weights + i * kAttentionSums);
    const float* sums = scratch.sums + i * scratch.pitch;
    for_each_vector(cache.head, [&](auto d, std::size_t j) HWY_ATTR {
      const auto y = hn::Div(hn::LoadU(d, sums + j), hn::Set(d, sum));
      hn::StoreU(canonical_vector(d, y), d, tile.y[i] + j);
    });
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

void attention_vector(const Attention& attention, const RunContext& context) {
  const ChunkFn chunk = SZ_VECTOR_SELECT(attention_chunk);
  if (chunk == nullptr) {
    attention_reference(attention, context.scratch_of(0));
    return;
  }
  const std::size_t queries = attention.count * attention.group();
  const std::size_t wanted = context.wanted_chunks() / 4;
  AttentionJob job{attention, context, kAttentionTile, 0};
  // Small tiles read the cache more often; so only where there would be too few chunks.
  while (job.tile > 4 && (queries + job.tile - 1) / job.tile * attention.cache.kv_heads < wanted) {
    job.tile /= 2;
  }
  job.tiles = (queries + job.tile - 1) / job.tile;
  context.share(chunk, &job, job.tiles * attention.cache.kv_heads);
}

}  // namespace sz::ops
#endif  // HWY_ONCE
