// The matrix product behind convolutions and fully connected layers: some rows of inputs, each
// scattered over segments, times some panels of packed weights.
#pragma once

#include <cstddef>

#include "ops/attributes.h"

namespace sz::ops {

// y[r, m] = activation(bias[m] + sum over k of x[r, k] * w[k, m] + residual[r, m]), k running over
// the segments in order. If `raw`: the sum alone, whatever its NaNs look like.
struct GemmBlock {
  const float* const* table = nullptr;  // segment s of row r begins at table[s * table_stride + r]
  std::size_t table_stride = 0;
  std::size_t segments = 0;
  std::size_t length = 0;  // elements of a segment
  std::size_t rows = 0;
  const float* panels = nullptr;  // the first panel (see ops/gemm/pack.h)
  std::size_t outputs = 0;        // channels from the first panel on; all of y that is written
  float* y = nullptr;
  std::size_t y_pitch = 0;
  const float* residual = nullptr;  // of the first row and channel; nullptr: none
  std::size_t residual_pitch = 0;
  Activation activation;
  bool raw = false;
};

using GemmBlockFn = void (*)(const GemmBlock& block) noexcept;

// The kernel for this machine; nullptr if it has no vector kernels.
GemmBlockFn gemm_block_kernel();

// Cuts the panels of one matrix into parts, so that there are about `chunks` (1 or more) pieces of
// work where there are fewer blocks of rows. Results do not depend on it.
struct PanelSplit {
  std::size_t panels = 0;
  std::size_t panels_per_part = 0;
  std::size_t parts = 0;

  PanelSplit(std::size_t outputs, std::size_t row_blocks, std::size_t chunks);
  std::size_t begin(std::size_t part) const { return part * panels_per_part; }
  std::size_t end(std::size_t part) const {
    const std::size_t next = (part + 1) * panels_per_part;
    return next < panels ? next : panels;
  }
};

}  // namespace sz::ops
