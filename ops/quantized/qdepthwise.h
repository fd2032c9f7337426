// The depthwise quantised convolution: every channel has its own kernel_h x kernel_w weights.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/quantized/qconv.h"

namespace sz::ops {

// Taps are taken in groups of up to so many: tables are filled up to a multiple.
inline constexpr std::size_t kTapGroup = 4;

// Channels that are done one after the other, at most: their rows stay close to the core.
inline constexpr std::size_t kDepthwiseBlock = 64;

// The output pixels of one row for a block of channels, over copies of the input rows that have
// their padding and whose pixels have a multiple of 16 channels.
struct QDepthwiseRun {
  const std::int8_t* const* first = nullptr;  // [taps, rounded up to a multiple of kTapGroup]
  std::size_t step = 0;                       // bytes from pixel to pixel
  std::size_t pixels = 0;
  std::size_t channels = 0;  // of the block, at most kDepthwiseBlock
  std::byte* y = nullptr;    // the block's first channel of pixel 0
  const std::byte* prepared = nullptr;
};

// What a target has for it. `prepare` writes parameters and weights of the channels [begin, begin +
// channels) in the order of its vectors; `run` uses them.
struct QDepthwiseKernel {
  void (*prepare)(const QConv2d& conv, std::size_t begin, std::size_t channels,
                  std::byte* prepared) noexcept = nullptr;
  void (*run)(const QConv2d& conv, const QDepthwiseRun& run) noexcept = nullptr;
};

// The kernel for this machine; without functions if it has no vector kernels.
QDepthwiseKernel qdepthwise_kernel(const QConv2d& conv);

// Scratch of one worker for qdepthwise_vector, in bytes. The same on every machine.
std::uint64_t qdepthwise_scratch(const QConv2d& conv);

// A depthwise convolution over the vector kernel; false, with nothing done, if there is none or if
// rows are too long.
bool qdepthwise_vector(const QConv2d& conv, const RunContext& context);

}  // namespace sz::ops
