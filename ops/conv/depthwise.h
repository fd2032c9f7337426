// The depthwise convolution: every channel has its own kernel_h x kernel_w weights.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/attributes.h"
#include "ops/conv/conv.h"

namespace sz::ops {

// Neighbouring output pixels of one row, or of one column:
//   y[p, c] = activation(bias[c] + sum over taps t of x[p, t, c] * w[t, c] + residual[p, c]).
struct DepthwiseRun {
  const float* const* first = nullptr;  // [taps] channel 0 of tap t of pixel 0
  const std::size_t* steps = nullptr;   // [taps] elements from pixel to pixel; 0 in the padding
  std::size_t taps = 0;
  // 1 or 2: a 3 x 3 window without dilation; its columns are neighbours, and this far from pixel
  // to pixel. 0: something else.
  std::size_t column_stride = 0;
  std::size_t pixels = 0;
  std::size_t channels = 0;
  const float* weights = nullptr;  // the depthwise packing of ops/gemm/pack.h
  float* y = nullptr;
  std::size_t y_pitch = 0;
  const float* residual = nullptr;  // or none
  std::size_t residual_pitch = 0;
  Activation activation;
};

using DepthwiseRunFn = void (*)(const DepthwiseRun& run) noexcept;

// The kernel for this machine; nullptr if it has no vector kernels.
DepthwiseRunFn depthwise_run_kernel();

// Scratch of one worker for depthwise_vector, in bytes.
std::uint64_t depthwise_scratch(const Conv2d& conv);

// A depthwise convolution over the vector kernel; false, with nothing done, if there is none.
bool depthwise_vector(const Conv2d& conv, const RunContext& context);

}  // namespace sz::ops
