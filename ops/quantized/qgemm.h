// The product of bytes behind quantised convolutions and fully connected layers, as
// ops/gemm/gemm.h is for floats.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/gemm/gemm.h"
#include "ops/isa.h"
#include "ops/quantized/attributes.h"

namespace sz::ops {

// y[r, m] = rescaled(bias[m] - weight_zero * row_sums[r] + sum over k of x[r, k] * w[m, k]), k
// running over the segments in order. Everything of a channel begins at the first panel's first.
struct QGemmBlock {
  const std::int8_t* const* table = nullptr;  // segment s of row r begins at table[s * stride + r]
  std::size_t table_stride = 0;
  std::size_t segments = 0;
  std::size_t quads = 0;  // of a segment
  std::size_t rows = 0;
  const std::int8_t* panels = nullptr;
  const std::int32_t* bias = nullptr;
  const std::int32_t* sums = nullptr;     // of the weights of a channel
  const std::int32_t* factors = nullptr;  // multipliers, or f32 scales
  const std::int32_t* shifts = nullptr;
  bool narrow = false;        // no weight is -128
  bool right_shifts = false;  // every shift is below 0
  std::int32_t weight_zero = 0;
  const std::int32_t* row_sums = nullptr;  // if weight_zero is not 0
  std::size_t outputs = 0;                 // all of y that is written
  std::byte* y = nullptr;                  // i8, or i32 with kNone
  std::size_t y_pitch = 0;                 // elements
  Rescaling mode = Rescaling::kFixedPoint;
  QuantOutput y_output;
};

using QGemmBlockFn = void (*)(const QGemmBlock& block) noexcept;

// The kernel for this machine; nullptr if it has no vector kernels.
QGemmBlockFn qgemm_block_kernel();

}  // namespace sz::ops

// For kernels whose AVX-512 version is compiled for AVX-512 VNNI as well: machines without that run
// the AVX2 version.
#if defined(__x86_64__)
#define SZ_PRODUCT_SELECT(function) \
  (dot_product() ? &N_AVX3::function : vector_isa() == Isa::kNone ? nullptr : &N_AVX2::function)
#else
#define SZ_PRODUCT_SELECT(function) SZ_VECTOR_SELECT(function)
#endif
