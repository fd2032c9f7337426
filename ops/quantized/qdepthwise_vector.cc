#include "ops/quantized/qdepthwise.h"
#include "ops/quantized/qgemm.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/quantized/qdepthwise_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/quantized/tile_inl.h"

HWY_BEFORE_NAMESPACE();
#if HWY_TARGET == HWY_AVX3
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
#endif
namespace sz::ops::HWY_NAMESPACE {

// Channels are done in blocks of kBlock, with kSums vectors of sums each, taps in groups of kTaps
// (the x86 instructions add up neighbouring products, so the taps of a channel are interleaved).
// Channel of lane `at` of vector j of a block: interleaving works within 128 bits.
#if HWY_TARGET == HWY_AVX3
inline constexpr std::size_t kBlock = 64, kSums = 4, kTaps = 4, kWeightBytes = 1;
constexpr std::size_t channel_in_block(std::size_t j, std::size_t at) {
  return at / 4 * 16 + 4 * j + at % 4;
}
#elif HWY_TARGET == HWY_AVX2
inline constexpr std::size_t kBlock = 16, kSums = 2, kTaps = 2, kWeightBytes = 2;
constexpr std::size_t channel_in_block(std::size_t j, std::size_t at) {
  return at / 4 * 8 + 4 * j + at % 4;
}
#else
inline constexpr std::size_t kBlock = 16, kSums = 4, kTaps = 2, kWeightBytes = 2;
constexpr std::size_t channel_in_block(std::size_t j, std::size_t at) { return 4 * j + at; }
#endif

// A prepared block: kBlock words each of bias, sums, factors, shifts; then the weights of all
// groups of taps.
struct BlockLayout {
  std::size_t groups, group_bytes, bytes;
  explicit BlockLayout(const QConv2d& conv) {
    const Window2d& window = conv.attributes.window;
    const std::size_t taps = std::size_t{window.kernel_h} * window.kernel_w;
    groups = (taps + kTaps - 1) / kTaps;
    group_bytes = kBlock * kTaps * kWeightBytes;
    bytes = 16 * kBlock + groups * group_bytes;
  }
};

// First channel of block b. The last block of 16 begins early enough to be whole, if it can be.
HWY_INLINE std::size_t begin_of_block(std::size_t b, std::size_t channels) {
  const std::size_t begin = b * kBlock;
  if (kBlock > 16 || begin + kBlock <= channels || channels < kBlock) return begin;
  return channels - kBlock;
}

// Weight of tap t of channel c less the zero point; 0 where there is none.
std::int32_t prepared_weight(const QConv2d& conv, std::size_t t, std::size_t c) {
  const Window2d& window = conv.attributes.window;
  if (t >= std::size_t{window.kernel_h} * window.kernel_w || c >= conv.in_c) return 0;
  return conv.blob.weights()[t * conv.blob.layout.channels + c] - conv.attributes.weight_zero;
}

void put_weight(std::byte* to, std::int32_t weight) {
  const auto wide = static_cast<std::int16_t>(weight);
  copy_bytes(to, &wide, kWeightBytes);  // the low byte, or both
}

void prepare_block(const QConv2d& conv, std::size_t begin, std::byte* to) {
  const std::int32_t* const lists[] = {conv.blob.bias(), conv.blob.sums(), conv.blob.factors(),
                                       conv.blob.shifts()};
  constexpr std::size_t kInVector = kBlock / kSums;
  for (const std::int32_t* list : lists) {
    for (std::size_t i = 0; i < kBlock; ++i, to += sizeof(std::int32_t)) {
      const std::size_t c = begin + channel_in_block(i / kInVector, i % kInVector);
      const std::int32_t value = c < conv.in_c ? list[c] : 0;
      copy_bytes(to, &value, sizeof(value));
    }
  }
  const BlockLayout layout(conv);
  for (std::size_t g = 0; g < layout.groups; ++g) {
#if HWY_TARGET == HWY_NEON
    // Taps one after the other, each in the order of the channels.
    for (std::size_t i = 0; i < kTaps * kBlock; ++i, to += kWeightBytes) {
      put_weight(to, prepared_weight(conv, g * kTaps + i / kBlock, begin + i % kBlock));
    }
#else
    for (std::size_t i = 0; i < kTaps * kBlock; ++i, to += kWeightBytes) {
      const std::size_t at = i / kTaps;
      const std::size_t c = begin + channel_in_block(at / kInVector, at % kInVector);
      put_weight(to, prepared_weight(conv, g * kTaps + i % kTaps, c));
    }
#endif
  }
}

void qdepthwise_prepare(const QConv2d& conv, std::byte* prepared) noexcept {
  const BlockLayout layout(conv);
  for (std::size_t b = 0; b * kBlock < conv.in_c; ++b, prepared += layout.bytes) {
    prepare_block(conv, begin_of_block(b, conv.in_c), prepared);
  }
}

// How a block's inputs are read and its outputs written: `count` of the channels exist.
struct Edge {
  std::size_t count;
  const std::int8_t* x_end;
#if HWY_TARGET == HWY_AVX3
  __mmask64 mask;
#endif
};

#if HWY_TARGET == HWY_AVX3
using Input = __m512i;
HWY_INLINE Input load_input(const std::int8_t* x, const Edge& edge) {
  return _mm512_maskz_loadu_epi8(edge.mask, x);
}
HWY_INLINE void load_weights(const std::byte* from, Sum* w) {
  HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) w[j] = _mm512_load_si512(from + 64 * j);
}
HWY_INLINE void add_taps(Sum* sums, const Input* x, const Sum* w) {
  const Sum flip = _mm512_set1_epi32(static_cast<int>(0x80808080u));
  const Sum low01 = _mm512_xor_si512(_mm512_unpacklo_epi8(x[0], x[1]), flip);
  const Sum high01 = _mm512_xor_si512(_mm512_unpackhi_epi8(x[0], x[1]), flip);
  const Sum low23 = _mm512_xor_si512(_mm512_unpacklo_epi8(x[2], x[3]), flip);
  const Sum high23 = _mm512_xor_si512(_mm512_unpackhi_epi8(x[2], x[3]), flip);
  sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_unpacklo_epi16(low01, low23), w[0]);
  sums[1] = _mm512_dpbusd_epi32(sums[1], _mm512_unpackhi_epi16(low01, low23), w[1]);
  sums[2] = _mm512_dpbusd_epi32(sums[2], _mm512_unpacklo_epi16(high01, high23), w[2]);
  sums[3] = _mm512_dpbusd_epi32(sums[3], _mm512_unpackhi_epi16(high01, high23), w[3]);
}
HWY_INLINE void store_outputs(const Int32V* q, const QuantOutput& t, std::byte* y,
                              const Edge& edge) {
  const Sum zero = _mm512_set1_epi16(static_cast<std::int16_t>(t.zero));
  const Sum low = _mm512_adds_epi16(_mm512_packs_epi32(q[0].raw, q[1].raw), zero);
  const Sum high = _mm512_adds_epi16(_mm512_packs_epi32(q[2].raw, q[3].raw), zero);
  Sum bytes = _mm512_packs_epi16(low, high);
  bytes = _mm512_max_epi8(bytes, _mm512_set1_epi8(static_cast<char>(t.low)));
  bytes = _mm512_min_epi8(bytes, _mm512_set1_epi8(static_cast<char>(t.high)));
  _mm512_mask_storeu_epi8(y, edge.mask, bytes);
}

#elif HWY_TARGET == HWY_AVX2
using Input = __m256i;
#define SZ_LOAD_SIXTEEN(x) _mm_loadu_si128(reinterpret_cast<const __m128i*>(x))
HWY_INLINE Input load_input(const std::int8_t* x, const Edge& edge) {
  if (edge.count < kBlock && static_cast<std::size_t>(edge.x_end - x) < kBlock) {
    HWY_ALIGN std::int8_t copy[kBlock] = {};
    copy_bytes(copy, x, edge.count);
    return _mm256_cvtepi8_epi16(SZ_LOAD_SIXTEEN(copy));
  }
  return _mm256_cvtepi8_epi16(SZ_LOAD_SIXTEEN(x));
}
#undef SZ_LOAD_SIXTEEN
HWY_INLINE void load_weights(const std::byte* from, Sum* w) {
  w[0] = _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
  w[1] = _mm256_load_si256(reinterpret_cast<const __m256i*>(from + 32));
}
HWY_INLINE void add_taps(Sum* sums, const Input* x, const Sum* w) {
  sums[0] = add_products(sums[0], _mm256_unpacklo_epi16(x[0], x[1]), w[0]);
  sums[1] = add_products(sums[1], _mm256_unpackhi_epi16(x[0], x[1]), w[1]);
}
HWY_INLINE void store_outputs(const Int32V* q, const QuantOutput& t, std::byte* y,
                              const Edge& edge) {
  const __m256i words = _mm256_adds_epi16(_mm256_packs_epi32(q[0].raw, q[1].raw),
                                          _mm256_set1_epi16(static_cast<std::int16_t>(t.zero)));
  __m128i bytes =
      _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  bytes = _mm_max_epi8(bytes, _mm_set1_epi8(static_cast<char>(t.low)));
  bytes = _mm_min_epi8(bytes, _mm_set1_epi8(static_cast<char>(t.high)));
  HWY_ALIGN std::byte copy[kBlock];
  std::byte* to = edge.count < kBlock ? copy : y;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  if (edge.count < kBlock) copy_bytes(y, copy, edge.count);
}

#else
using Input = int8x16_t;
HWY_INLINE Input load_input(const std::int8_t* x, const Edge& edge) {
  if (edge.count < kBlock && static_cast<std::size_t>(edge.x_end - x) < kBlock) {
    std::int8_t copy[kBlock] = {};
    copy_bytes(copy, x, edge.count);
    return vld1q_s8(copy);
  }
  return vld1q_s8(x);
}
HWY_INLINE void load_weights(const std::byte* from, int16x8_t* w) {
  const auto* words = reinterpret_cast<const std::int16_t*>(from);
  HWY_UNROLL(4) for (std::size_t j = 0; j < 4; ++j) w[j] = vld1q_s16(words + 8 * j);
}
HWY_INLINE void add_tap(Sum* sums, Input x, int16x8_t low_w, int16x8_t high_w) {
  const int16x8_t low = vmovl_s8(vget_low_s8(x));
  const int16x8_t high = vmovl_high_s8(x);
  sums[0] = vmlal_s16(sums[0], vget_low_s16(low), vget_low_s16(low_w));
  sums[1] = vmlal_high_s16(sums[1], low, low_w);
  sums[2] = vmlal_s16(sums[2], vget_low_s16(high), vget_low_s16(high_w));
  sums[3] = vmlal_high_s16(sums[3], high, high_w);
}
HWY_INLINE void add_taps(Sum* sums, const Input* x, const int16x8_t* w) {
  add_tap(sums, x[0], w[0], w[1]);
  add_tap(sums, x[1], w[2], w[3]);
}
HWY_INLINE void store_outputs(const Int32V* q, const QuantOutput& t, std::byte* y,
                              const Edge& edge) {
  const Finish finish(t);
  const int8x16_t bytes = vcombine_s8(finish.bytes(q[0], q[1]), finish.bytes(q[2], q[3]));
  std::int8_t copy[kBlock];
  vst1q_s8(edge.count < kBlock ? copy : reinterpret_cast<std::int8_t*>(y), bytes);
  if (edge.count < kBlock) copy_bytes(y, copy, edge.count);
}
#endif

#if HWY_TARGET == HWY_NEON
using Weight = int16x8_t;
inline constexpr std::size_t kWeights = 4;
#else
using Weight = Sum;
inline constexpr std::size_t kWeights = kSums;
#endif

// The i32 sums of a block, in the order of the channels.
HWY_INLINE void store_raw(const Int32V* q, std::byte* y, const Edge& edge) {
  HWY_ALIGN std::int32_t lanes[kLanes];
  for (std::size_t j = 0; j < kSums; ++j) {
    hn::Store(q[j], Full32(), lanes);
    for (std::size_t i = 0; i < kLanes; ++i) {
      const std::size_t c = channel_in_block(j, i);
      if (c < edge.count) copy_bytes(y + c * sizeof(std::int32_t), lanes + i, sizeof(std::int32_t));
    }
  }
}

// The outputs of kPixels pixels, rescaled.
template <std::size_t kPixels, bool kFloat>
HWY_INLINE void finish_rescaled(const QConv2d& conv, const Sum* sums, const std::int32_t* words,
                                const Edge& edge, std::byte* y) {
  const Finish finish(conv.attributes.y);
  Int32V q[kPixels * kSums];
  HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) {
    const std::int32_t* list = words + j * kLanes;
    ChannelFactors factors;
    factors.load(list, list + kBlock, list + 2 * kBlock, list + 3 * kBlock);
    HWY_UNROLL(4) for (std::size_t i = 0; i < kPixels; ++i) {
      const Int32V sum = hn::Add(Int32V{sums[i * kSums + j]}, factors.bias);
      q[i * kSums + j] = finish.template rescaled<kFloat>(sum, factors);
    }
  }
  HWY_UNROLL(4) for (std::size_t i = 0; i < kPixels; ++i, y += conv.y_pitch) {
    store_outputs(q + i * kSums, conv.attributes.y, y, edge);
  }
}

template <std::size_t kPixels>
HWY_INLINE void finish_block(const QConv2d& conv, const Sum* sums, const std::int32_t* words,
                             const Edge& edge, std::byte* y) {
  switch (conv.attributes.mode) {
    case Rescaling::kFixedPoint:
      return finish_rescaled<kPixels, false>(conv, sums, words, edge, y);
    case Rescaling::kFloat:
      return finish_rescaled<kPixels, true>(conv, sums, words, edge, y);
    case Rescaling::kNone:
      break;
  }
  for (std::size_t i = 0; i < kPixels; ++i, y += conv.y_pitch * sizeof(std::int32_t)) {
    Int32V q[kSums];
    HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) {
      const std::int32_t* list = words + j * kLanes;
      ChannelFactors factors;
      factors.load(list, list + kBlock, list + 2 * kBlock, list + 3 * kBlock);
      q[j] = hn::Add(Int32V{sums[i * kSums + j]}, factors.bias);
    }
    store_raw(q, y, edge);
  }
}

// One block of channels of kPixels pixels from `pixel` on.
template <std::size_t kPixels>
HWY_NOINLINE void compute_block(const QConv2d& conv, const QDepthwiseRun& run, std::size_t pixel,
                                std::size_t begin, const std::byte* prepared, const Edge& edge,
                                std::size_t groups) {
  Sum sums[kPixels * kSums];
  HWY_UNROLL(16) for (Sum& sum : sums) sum = zero_sum();
  const std::byte* weights = prepared + 16 * kBlock;
  for (std::size_t g = 0; g < groups; ++g, weights += kBlock * kTaps * kWeightBytes) {
    Weight w[kWeights];
    load_weights(weights, w);
    const std::int8_t* x[kTaps];
    HWY_UNROLL(4) for (std::size_t t = 0; t < kTaps; ++t) {
      x[t] = run.first[g * kTaps + t] + pixel * run.steps[g * kTaps + t] + begin;
    }
    HWY_UNROLL(4) for (std::size_t i = 0; i < kPixels; ++i) {
      Input xv[kTaps];
      HWY_UNROLL(4) for (std::size_t t = 0; t < kTaps; ++t) {
        xv[t] = load_input(x[t], edge);
        x[t] += run.steps[g * kTaps + t];
      }
      add_taps(sums + i * kSums, xv, w);
    }
  }
  finish_block<kPixels>(conv, sums, reinterpret_cast<const std::int32_t*>(prepared), edge,
                        run.y + (pixel * conv.y_pitch + begin) * conv.y_bytes());
}

void qdepthwise_run(const QConv2d& conv, const QDepthwiseRun& run) noexcept {
  const BlockLayout layout(conv);
  const std::byte* prepared = run.prepared;
  for (std::size_t b = 0; b * kBlock < conv.in_c; ++b, prepared += layout.bytes) {
    const std::size_t begin = begin_of_block(b, conv.in_c);
    const std::size_t left = conv.in_c - begin;
    Edge edge{left < kBlock ? left : kBlock, conv.x_end};
#if HWY_TARGET == HWY_AVX3
    edge.mask = left < kBlock ? (__mmask64{1} << left) - 1 : ~__mmask64{0};
#endif
    std::size_t pixel = 0;
    for (; pixel + 4 <= run.pixels; pixel += 4) {
      compute_block<4>(conv, run, pixel, begin, prepared, edge, layout.groups);
    }
    for (; pixel < run.pixels; ++pixel) {
      compute_block<1>(conv, run, pixel, begin, prepared, edge, layout.groups);
    }
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
#if HWY_TARGET == HWY_AVX3
HWY_POP_ATTRIBUTES
#endif
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

QDepthwiseKernel qdepthwise_kernel(const QConv2d& conv) {
#if defined(__x86_64__)
  // Weights less a zero point are no bytes.
  if (conv.attributes.weight_zero != 0 && vector_isa() != Isa::kNone) {
    return {&N_AVX2::qdepthwise_prepare, &N_AVX2::qdepthwise_run};
  }
#else
  (void)conv;
#endif
  return {SZ_PRODUCT_SELECT(qdepthwise_prepare), SZ_PRODUCT_SELECT(qdepthwise_run)};
}

}  // namespace sz::ops
#endif  // HWY_ONCE
