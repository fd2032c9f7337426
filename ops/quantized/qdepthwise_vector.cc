#include "ops/quantized/qdepthwise.h"
#include "ops/quantized/qgemm.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/quantized/qdepthwise_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/quantized/taps_inl.h"

HWY_BEFORE_NAMESPACE();
#if HWY_TARGET == HWY_AVX3
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
#endif
namespace sz::ops::HWY_NAMESPACE {

// Whether prepared weights are bytes.
HWY_INLINE bool weights_are_bytes(const QConv2d& conv) {
#if HWY_TARGET == HWY_AVX3
  (void)conv;  // those with a zero point are AVX2's
  return true;
#elif HWY_TARGET == HWY_AVX2
  (void)conv;
  return false;
#else
  return conv.blob.narrow() && conv.attributes.weight_zero == 0;
#endif
}

// A prepared block: kBlock words each of bias, sums, factors, shifts; then the weights of all
// groups of taps.
struct BlockLayout {
  std::size_t weight_bytes, groups, group_bytes, bytes;
  explicit BlockLayout(const QConv2d& conv) : weight_bytes(weights_are_bytes(conv) ? 1 : 2) {
    const Window2d& window = conv.attributes.window;
    const std::size_t taps = std::size_t{window.kernel_h} * window.kernel_w;
    groups = (taps + kTaps - 1) / kTaps;
    group_bytes = kBlock * kTaps * weight_bytes;
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

void prepare_block(const QConv2d& conv, const BlockLayout& layout, std::size_t begin,
                   std::byte* to) {
  const std::int32_t* const lists[] = {conv.blob.bias(), conv.blob.sums(), conv.blob.factors(),
                                       conv.blob.shifts()};
  for (const std::int32_t* list : lists) {
    for (std::size_t i = 0; i < kBlock; ++i, to += sizeof(std::int32_t)) {
      const std::size_t c = begin + channel_in_block(i / kLanes, i % kLanes);
      const std::int32_t value = c < conv.in_c ? list[c] : 0;
      copy_bytes(to, &value, sizeof(value));
    }
  }
  for (std::size_t g = 0; g < layout.groups; ++g) {
    for (std::size_t i = 0; i < kTaps * kBlock; ++i, to += layout.weight_bytes) {
#if HWY_TARGET == HWY_NEON
      const std::size_t tap = i / kBlock;
      const std::size_t c = i % kBlock;
#else
      const std::size_t tap = i % kTaps;
      const std::size_t c = channel_in_block(i / kTaps / kLanes, i / kTaps % kLanes);
#endif
      const auto weight =
          static_cast<std::int16_t>(prepared_weight(conv, g * kTaps + tap, begin + c));
      copy_bytes(to, &weight, layout.weight_bytes);  // the low byte, or both
    }
  }
}

void qdepthwise_prepare(const QConv2d& conv, std::byte* prepared) noexcept {
  const BlockLayout layout(conv);
  for (std::size_t b = 0; b * kBlock < conv.in_c; ++b, prepared += layout.bytes) {
    prepare_block(conv, layout, begin_of_block(b, conv.in_c), prepared);
  }
}

// A block of channels of some pixels.
struct BlockRun {
  const QConv2d& conv;
  const QDepthwiseRun& run;
  std::size_t begin;  // first channel
  const std::byte* prepared;
  std::size_t groups;
  Edge edge;

  const std::int32_t* words() const { return reinterpret_cast<const std::int32_t*>(prepared); }
  std::byte* output(std::size_t pixel) const {
    return run.y + (pixel * conv.y_pitch + begin) * conv.y_bytes();
  }
};

HWY_INLINE void load_factors(const BlockRun& block, std::size_t j, ChannelFactors* factors) {
  const std::int32_t* list = block.words() + j * kLanes;
  factors->load(list, list + kBlock, list + 2 * kBlock, list + 3 * kBlock);
}

template <std::size_t kPixels, bool kWhole, Way kWay>
HWY_INLINE void finish_rescaled(const BlockRun& block, const Sum* sums, std::size_t pixel) {
  const QuantOutput& output = block.conv.attributes.y;
  const Finish finish(output);
  Int32V q[kPixels * kSums];
  HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) {
    ChannelFactors factors;
    load_factors(block, j, &factors);
    HWY_UNROLL(4) for (std::size_t i = 0; i < kPixels; ++i) {
      const Int32V sum = hn::Add(Int32V{sums[i * kSums + j]}, factors.bias);
      q[i * kSums + j] = finish.template rescaled<kWay>(sum, factors);
    }
  }
  std::byte* y = block.output(pixel);
  HWY_UNROLL(4) for (std::size_t i = 0; i < kPixels; ++i, y += block.conv.y_pitch) {
    store_block<kWhole>(q + i * kSums, output, y, block.edge);
  }
}

// i32 outputs.
HWY_NOINLINE void finish_raw(const BlockRun& block, const Sum* sums, std::size_t pixel) {
  std::byte* y = block.output(pixel);
  for (std::size_t j = 0; j < kSums; ++j) {
    ChannelFactors factors;
    load_factors(block, j, &factors);
    HWY_ALIGN std::int32_t lanes[kLanes];
    hn::Store(hn::Add(Int32V{sums[j]}, factors.bias), Full32(), lanes);
    for (std::size_t i = 0; i < kLanes; ++i) {
      const std::size_t c = channel_in_block(j, i);
      if (c >= block.edge.count) continue;
      copy_bytes(y + c * sizeof(std::int32_t), lanes + i, sizeof(std::int32_t));
    }
  }
}

template <std::size_t kPixels, bool kWhole>
HWY_INLINE void finish_block(const BlockRun& block, const Sum* sums, std::size_t pixel) {
  const Rescaling mode = block.conv.attributes.mode;
  if (mode == Rescaling::kNone) {
    HWY_UNROLL(4) for (std::size_t i = 0; i < kPixels; ++i) {
      Sum copy[kSums];  // an address of the sums themselves would keep them in memory
      HWY_UNROLL(4) for (std::size_t j = 0; j < kSums; ++j) copy[j] = sums[i * kSums + j];
      finish_raw(block, copy, pixel + i);
    }
    return;
  }
  switch (way_of(mode, block.conv.blob.right_shifts())) {
    case Way::kFloat:
      return finish_rescaled<kPixels, kWhole, Way::kFloat>(block, sums, pixel);
    case Way::kFixed:
      return finish_rescaled<kPixels, kWhole, Way::kFixed>(block, sums, pixel);
    case Way::kRight:
      return finish_rescaled<kPixels, kWhole, Way::kRight>(block, sums, pixel);
  }
}

// kPixels pixels from `pixel` on.
template <std::size_t kPixels, bool kWhole, bool kBytes>
HWY_NOINLINE void compute_pixels(const BlockRun& block, std::size_t pixel) {
  constexpr std::size_t kGroupBytes = kBlock * kTaps * (kBytes ? 1 : 2);
  const std::int8_t* const* first = block.run.first;
  const std::size_t* steps = block.run.steps;
  const std::byte* weights = block.prepared + 16 * kBlock;
  const std::byte* const end = weights + block.groups * kGroupBytes;
  Sum sums[kPixels * kSums];
  HWY_UNROLL(16) for (Sum& sum : sums) sum = zero_sum();
  for (; weights != end; weights += kGroupBytes, first += kTaps, steps += kTaps) {
    const TapWeights<kBytes> group(weights);
    const std::int8_t* x[kTaps];
    std::size_t step[kTaps];
    Input now[kTaps], next[kTaps];  // of one pixel and, loaded meanwhile, of the one after it
    HWY_UNROLL(4) for (std::size_t t = 0; t < kTaps; ++t) {
      step[t] = steps[t];
      x[t] = first[t] + pixel * step[t] + block.begin;
      next[t] = take_input<kWhole>(x[t], step[t], block.edge);
    }
    HWY_UNROLL(4) for (std::size_t i = 0; i < kPixels; ++i) {
      HWY_UNROLL(4) for (std::size_t t = 0; t < kTaps; ++t) {
        now[t] = next[t];
        if (i + 1 < kPixels) next[t] = take_input<kWhole>(x[t], step[t], block.edge);
      }
      group.add(sums + i * kSums, now);
    }
  }
  finish_block<kPixels, kWhole>(block, sums, pixel);
}

template <bool kBytes>
HWY_INLINE void compute_run(const BlockRun& block) {
  const std::size_t pixels = block.run.pixels;
  std::size_t pixel = 0;
  if (kBlock == 16 && block.edge.count < kBlock) {
    for (; pixel < pixels; ++pixel) compute_pixels<1, false, kBytes>(block, pixel);
    return;
  }
  for (; pixel + 4 <= pixels; pixel += 4) compute_pixels<4, true, kBytes>(block, pixel);
  for (; pixel < pixels; ++pixel) compute_pixels<1, true, kBytes>(block, pixel);
}

void qdepthwise_run(const QConv2d& conv, const QDepthwiseRun& run) noexcept {
  const BlockLayout layout(conv);
  BlockRun block{conv, run, 0, run.prepared, layout.groups, {}};
  block.edge.x_end = conv.x_end;
  for (std::size_t b = 0; b * kBlock < conv.in_c; ++b, block.prepared += layout.bytes) {
    block.begin = begin_of_block(b, conv.in_c);
    const std::size_t left = conv.in_c - block.begin;
    block.edge.count = left < kBlock ? left : kBlock;
#if HWY_TARGET == HWY_AVX3
    block.edge.mask = left < kBlock ? (__mmask64{1} << left) - 1 : ~__mmask64{0};
    compute_run<true>(block);
#elif HWY_TARGET == HWY_AVX2
    compute_run<false>(block);
#else
    if (layout.weight_bytes == 1) {
      compute_run<true>(block);
    } else {
      compute_run<false>(block);
    }
#endif
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
