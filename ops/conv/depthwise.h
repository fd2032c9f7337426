// The depthwise kernel: every channel has its own kernel_h x kernel_w weights.
#pragma once

#include <cstddef>

#include "ops/attributes.h"

namespace sz::ops {

// y[r, c] = clamp(bias[c] + sum over taps t of x[r, t, c] * w[t, c]).
struct DepthwiseBlock {
  const float* const* table = nullptr;  // tap t of row r begins at table[t * table_stride + r]
  std::size_t table_stride = 0;
  std::size_t taps = 0;
  std::size_t rows = 0;
  std::size_t channels = 0;
  const float* weights = nullptr;  // the depthwise packing of ops/gemm/pack.h
  std::size_t weight_row = 0;      // elements of one of its rows
  float* y = nullptr;
  std::size_t y_pitch = 0;
  Clamp clamp;
};

using DepthwiseBlockFn = void (*)(const DepthwiseBlock& block) noexcept;

// The kernel for this machine; nullptr if it has no vector kernels.
DepthwiseBlockFn depthwise_block_kernel();

}  // namespace sz::ops
