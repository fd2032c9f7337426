#include "ops/quantized/qdepthwise.h"
#include "ops/quantized/qgemm.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/quantized/qdepthwise_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/quantized/taps_inl.h"

#if HWY_TARGET == HWY_AVX3
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
#else
HWY_BEFORE_NAMESPACE();
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

// A prepared block: kBlock words each of bias, factors, shifts or rests; then the weights of all
// groups of taps.
struct BlockLayout {
  std::size_t taps, groups, group_bytes, bytes;
  explicit BlockLayout(const QConv2d& conv) {
    const Window2d& window = conv.attributes.window;
    taps = std::size_t{window.kernel_h} * window.kernel_w;
    groups = (taps + kTaps - 1) / kTaps;
    group_bytes = kBlock * kTaps * (weights_are_bytes(conv) ? 1 : 2);
    bytes = kListBytes + groups * group_bytes;
  }
  static constexpr std::size_t kListBytes = 3 * kBlock * sizeof(std::int32_t);
};

HWY_INLINE Edge edge_of(std::size_t channels) {
  Edge edge;
  edge.count = channels < kBlock ? channels : kBlock;
#if HWY_TARGET == HWY_AVX3
  edge.mask = channels < kBlock ? (__mmask64{1} << channels) - 1 : ~__mmask64{0};
#endif
  return edge;
}

// Bias, factor and shift or rest of the channels from `begin` on, in the order of the sums.
void prepare_lists(const QConv2d& conv, std::size_t begin, std::byte* to) {
  const bool floats = conv.attributes.mode == Rescaling::kFloat;
  auto* words = reinterpret_cast<std::int32_t*>(to);
  for (std::size_t i = 0; i < kBlock; i += 4) {
    // Four channels stay together.
    const std::size_t c = begin + channel_in_block(i / kLanes, i % kLanes);
    const bool real = c < conv.blob.layout.channels;
    for (std::size_t n = 0; n < 4; ++n) {
      std::int32_t bias = real ? conv.blob.bias()[c + n] : 0;
#if HWY_TARGET == HWY_AVX3
      if (real) bias = wrapping_sub(bias, wrapping_mul(128, conv.blob.sums()[c + n]));
#endif
      words[i + n] = bias;
      words[kBlock + i + n] = real ? conv.blob.factors()[c + n] : 0;
      const std::int32_t shift = real ? conv.blob.shifts()[c + n] : 0;
      words[2 * kBlock + i + n] = floats ? shift : valid_shift(shift);
    }
  }
}

template <bool kBytes>
HWY_INLINE void prepare_block(const QConv2d& conv, const BlockLayout& layout, std::size_t begin,
                              const Edge& edge, std::byte* to) {
  prepare_lists(conv, begin, to);
  to += BlockLayout::kListBytes;
  for (std::size_t tap = 0; tap < layout.taps; tap += kTaps, to += layout.group_bytes) {
    const std::int8_t* rows[kTaps];
    for (std::size_t t = 0; t < kTaps; ++t) {
      rows[t] = tap + t < layout.taps
                    ? conv.blob.weights() + (tap + t) * conv.blob.layout.channels + begin
                    : nullptr;
    }
    put_weights<kBytes>(rows, conv.attributes.weight_zero, edge, to);
  }
}

void qdepthwise_prepare(const QConv2d& conv, std::size_t begin, std::size_t channels,
                        std::byte* prepared) noexcept {
  const BlockLayout layout(conv);
  for (std::size_t b = 0; b < channels; b += kBlock, prepared += layout.bytes) {
    if (weights_are_bytes(conv)) {
      prepare_block<true>(conv, layout, begin + b, edge_of(channels - b), prepared);
    } else {
      prepare_block<false>(conv, layout, begin + b, edge_of(channels - b), prepared);
    }
  }
}

// A block of channels of some pixels.
struct BlockRun {
  const QConv2d& conv;
  const QDepthwiseRun& run;
  std::size_t begin;  // first channel, within the run's
  const std::byte* prepared;
  std::size_t groups;
  Edge edge;

  const std::int32_t* words() const { return reinterpret_cast<const std::int32_t*>(prepared); }
  std::byte* output(std::size_t pixel) const {
    return run.y + (pixel * conv.y_pitch + begin) * conv.y_bytes();
  }
};

HWY_INLINE void load_factors(const BlockRun& block, std::size_t j, ChannelFactors* factors) {
  load_prepared(block.words() + j * kLanes, kBlock, factors);
}

template <std::size_t kPixels, Way kWay>
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
    store_block(q + i * kSums, output, y, block.edge);
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

template <std::size_t kPixels>
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
      return finish_rescaled<kPixels, Way::kFloat>(block, sums, pixel);
    case Way::kFixed:
      return finish_rescaled<kPixels, Way::kFixed>(block, sums, pixel);
    case Way::kRight:
      return finish_rescaled<kPixels, Way::kRight>(block, sums, pixel);
  }
}

// kPixels pixels from `pixel` on.
template <std::size_t kPixels, bool kBytes>
HWY_NOINLINE void compute_pixels(const BlockRun& block, std::size_t pixel) {
  constexpr std::size_t kGroupBytes = kBlock * kTaps * (kBytes ? 1 : 2);
  const std::int8_t* const* first = block.run.first;
  const std::size_t step = block.run.step;
  const std::byte* weights = block.prepared + BlockLayout::kListBytes;
  const std::byte* const end = weights + block.groups * kGroupBytes;
  Sum sums[kPixels * kSums];
  HWY_UNROLL(16) for (Sum& sum : sums) sum = zero_sum();
  for (; weights != end; weights += kGroupBytes, first += kTaps) {
    const TapWeights<kBytes> group(weights);
    const std::int8_t* x[kTaps];
    Input now[kTaps], next[kTaps];  // of one pixel and, loaded meanwhile, of the one after it
    HWY_UNROLL(4) for (std::size_t t = 0; t < kTaps; ++t) {
      x[t] = first[t] + pixel * step + block.begin;
      next[t] = take_input(x[t], step, block.edge);
    }
    HWY_UNROLL(4) for (std::size_t i = 0; i < kPixels; ++i) {
      HWY_UNROLL(4) for (std::size_t t = 0; t < kTaps; ++t) {
        now[t] = next[t];
        if (i + 1 < kPixels) next[t] = take_input(x[t], step, block.edge);
      }
      group.add(sums + i * kSums, now);
    }
  }
  finish_block<kPixels>(block, sums, pixel);
}

template <bool kBytes>
HWY_INLINE void compute_run(const BlockRun& block) {
  const std::size_t pixels = block.run.pixels;
  if (pixels < 4) {
    for (std::size_t pixel = 0; pixel < pixels; ++pixel) compute_pixels<1, kBytes>(block, pixel);
    return;
  }
  for (std::size_t pixel = 0; pixel + 4 <= pixels; pixel += 4)
    compute_pixels<4, kBytes>(block, pixel);
  if (pixels % 4 != 0) compute_pixels<4, kBytes>(block, pixels - 4);  // some of them again
}

void qdepthwise_run(const QConv2d& conv, const QDepthwiseRun& run) noexcept {
  const BlockLayout layout(conv);
  const bool bytes = weights_are_bytes(conv);
  const std::byte* prepared = run.prepared;
  for (std::size_t begin = 0; begin < run.channels; begin += kBlock, prepared += layout.bytes) {
    const BlockRun block{conv, run, begin, prepared, layout.groups, edge_of(run.channels - begin)};
#if HWY_TARGET != HWY_AVX3
    if (!bytes) {
      compute_run<false>(block);
      continue;
    }
#endif
#if HWY_TARGET != HWY_AVX2
    if (bytes) compute_run<true>(block);
#endif
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
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
