#include "ops/softmax/softmax.h"
#include "ops/split.h"
#include "ops/transformer/rows.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/transformer/rows_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/vector_inl.h"

#ifndef SZ_OPS_ROWS_CHUNKS
#define SZ_OPS_ROWS_CHUNKS
namespace sz::ops {
namespace {

struct RowsChunks {
  const RowsJob& job;
  RowSplit split;
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

using V = hn::Vec<Full>;
using Whole = hn::RebindToSigned<Full>;
inline constexpr std::size_t kVectors = kBlock / kLanes;  // of a block

// The sum of squares of a row, in the order of Normalize's.
HWY_INLINE float squares_of(const float* x, std::size_t count) {
  constexpr std::size_t kSums = kSumLanes / kLanes;
  const Full d;
  V sums[kSums];
  HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) sums[j] = hn::Zero(d);
  std::size_t i = 0;
  for (; i + kSumLanes <= count; i += kSumLanes) {
    HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) {
      const V v = hn::LoadU(d, x + i + j * kLanes);
      sums[j] = hn::MulAdd(v, v, sums[j]);
    }
  }
  HWY_ALIGN float lanes[kSumLanes];
  HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) hn::Store(sums[j], d, lanes + j * kLanes);
  for (std::size_t j = 0; i < count; ++i, ++j) {
    lanes[j] = fused_multiply_add(x[i], x[i], lanes[j]);
  }
  return sum_of_lanes(lanes);
}

// The numbers of a block, normalised if kNorm.
template <bool kNorm>
HWY_INLINE void read_block(const float* x, const float* weight, float factor, V* values) {
  const Full d;
  HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
    values[j] = hn::LoadU(d, x + j * kLanes);
    if constexpr (kNorm) {
      const V w = hn::LoadU(d, weight + j * kLanes);
      values[j] = hn::Mul(hn::Mul(values[j], hn::Set(d, factor)), w);
    }
  }
}

HWY_INLINE void quantize_block(const V* values, QuantizedBlock* to) {
  const Full d;
  const Whole di;
  auto largest = hn::Zero(di);
  HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
    largest = hn::Max(largest, hn::BitCast(di, hn::Abs(values[j])));
  }
  const auto bits = static_cast<std::uint32_t>(hn::GetLane(hn::MaxOfLanes(di, largest)));
  const auto greatest = std::bit_cast<float>(bits);
  if (!(greatest >= kLeastToQuantize && bits < 0x7f800000u)) {
    fill_bytes(to, 0, sizeof(*to));
    if (bits >= 0x7f800000u) to->scale = std::bit_cast<float>(kCanonicalNanBits);
    return;
  }
  const V factor = hn::Set(d, 127.0f / greatest);
  const hn::Rebind<std::int8_t, Full> bytes;
  auto sums = hn::Zero(di);
  HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
    const auto rounded = hn::NearestInt(hn::Mul(values[j], factor));
    sums = hn::Add(sums, rounded);
    hn::StoreU(hn::DemoteTo(bytes, rounded), bytes, to->bytes + j * kLanes);
  }
  const std::int32_t sum = hn::GetLane(hn::SumOfLanes(di, sums));
  to->scale = greatest / 127.0f;
  to->minus_8_sums = -8 * sum;
  to->minus_128_sums = -128 * sum;
  to->zero = 0;
}

HWY_INLINE void store_block(const V* values, float* to) {
  const Full d;
  HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
    hn::StoreU(canonical_vector(d, values[j]), d, to + j * kLanes);
  }
}

template <bool kNorm>
HWY_INLINE void compute_row(const RowsJob& job, std::size_t row) {
  const float* x = job.x + row * job.width;
  const float* weight = job.weight;
  const std::size_t width = job.width;
  const float factor = kNorm ? rms_factor(squares_of(x, width), job) : 1.0f;
  float* y = job.y == nullptr ? nullptr : job.y + row * width;
  QuantizedBlock* blocks = job.blocks == nullptr ? nullptr : job.blocks + row * blocks_of(width);
  V values[kVectors];
  std::size_t k = 0;
  for (; k + kBlock <= width; k += kBlock) {
    read_block<kNorm>(x + k, weight + (kNorm ? k : 0), factor, values);
    if (blocks != nullptr) {
      quantize_block(values, blocks++);
    } else {
      store_block(values, y + k);
    }
  }
  if (k == width) return;
  const std::size_t bytes = (width - k) * sizeof(float);
  HWY_ALIGN float numbers[kBlock] = {};
  HWY_ALIGN float weights[kBlock] = {};
  copy_bytes(numbers, x + k, bytes);
  if (kNorm) copy_bytes(weights, weight + k, bytes);
  read_block<kNorm>(numbers, weights, kNorm ? factor : 1.0f, values);
  if (blocks != nullptr) {
    // An infinite factor would make NaN of the zeroes behind the row's end.
    HWY_UNROLL(8) for (std::size_t j = 0; j < kVectors; ++j) {
      const std::size_t first = j * kLanes;
      const std::size_t left = width - k > first ? width - k - first : 0;
      values[j] = hn::IfThenElseZero(hn::FirstN(Full(), left), values[j]);
    }
    quantize_block(values, blocks);
  } else {
    store_block(values, numbers);
    copy_bytes(y + k, numbers, bytes);
  }
}

void rows_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& chunks = *static_cast<const RowsChunks*>(context);
  const RowSplit::Part part = chunks.split.part(chunk);
  for (std::size_t row = part.row_begin; row < part.row_end; ++row) {
    if (chunks.job.weight != nullptr) {
      compute_row<true>(chunks.job, row);
    } else {
      compute_row<false>(chunks.job, row);
    }
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

void rows_vector(const RowsJob& job, const RunContext& context) {
  RowsChunks chunks{job, RowSplit(job.rows, job.width, false, context.wanted_chunks())};
  const ChunkFn chunk = SZ_VECTOR_SELECT(rows_chunk);
  if (chunk == nullptr) {
    rows_reference(job);
    return;
  }
  context.share(chunk, &chunks, chunks.split.chunks());
}

}  // namespace sz::ops
#endif  // HWY_ONCE
