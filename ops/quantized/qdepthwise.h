// The depthwise quantised convolution: every channel has its own kernel_h x kernel_w weights.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/quantized/qconv.h"

namespace sz::ops {

// Taps are taken in groups of up to so many: tables are filled up to a multiple.
inline constexpr std::size_t kTapGroup = 4;

// Neighbouring output pixels of one row. `first` and `steps` have as many entries as taps, rounded
// up to a multiple of kTapGroup; the weights of the surplus are 0.
struct QDepthwiseRun {
  const std::int8_t* const* first = nullptr;  // channel 0 of tap t of pixel 0
  const std::size_t* steps = nullptr;         // bytes from pixel to pixel; 0 in the padding
  std::size_t pixels = 0;
  std::byte* y = nullptr;  // channel 0 of pixel 0
  const std::byte* prepared = nullptr;
};

// What a target has for it. `prepare` writes parameters and weights of all channels in the order of
// its vectors; `run` uses them.
struct QDepthwiseKernel {
  void (*prepare)(const QConv2d& conv, std::byte* prepared) noexcept = nullptr;
  void (*run)(const QConv2d& conv, const QDepthwiseRun& run) noexcept = nullptr;
};

// The kernel for this machine; without functions if it has no vector kernels.
QDepthwiseKernel qdepthwise_kernel(const QConv2d& conv);

// Scratch of one worker for qdepthwise_vector, in bytes. The same on every machine.
std::uint64_t qdepthwise_scratch(const QConv2d& conv);

// A depthwise convolution over the vector kernel; false, with nothing done, if there is none.
bool qdepthwise_vector(const QConv2d& conv, const RunContext& context);

}  // namespace sz::ops
