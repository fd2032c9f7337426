// Operators that only move data: Copy, Transpose, Upsample. Bits are moved unchanged (NaN too).
//
// Copy: y = x, the same shape, f32, any pitches. Transpose: y.dims[i] = x.dims[perm[i]], f32, any
// pitches. Upsample: y[n,h,w,c] = x[n, h / factor_h, w / factor_w, c], quotients rounded down, f32,
// any pitches, factors of 1 to kMaxStride. y must not overlap x.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/attributes.h"
#include "ops/operator.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_copy(const Step& step);
Status check_transpose(const Step& step);
Status check_upsample(const Step& step);

Status run_copy(const Step& step, const RunContext& context) noexcept;
Status run_transpose(const Step& step, const RunContext& context) noexcept;
Status run_upsample(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Pointers are borrowed from the step.
struct Copy {
  const float* x = nullptr;
  float* y = nullptr;
  std::size_t x_pitch = 0, y_pitch = 0;
  std::size_t rows = 0, inner = 0;
};

// In the order of y's dimensions; rank 2 or more.
struct Transpose {
  const float* x = nullptr;
  float* y = nullptr;
  std::uint32_t rank = 0;
  std::size_t dims[kMaxRank] = {};
  std::size_t x_strides[kMaxRank] = {};
  std::size_t y_strides[kMaxRank] = {};
};

struct Upsample {
  const float* x = nullptr;
  float* y = nullptr;
  std::size_t x_pitch = 0, y_pitch = 0;
  std::size_t image_rows = 0;  // of x: N * H
  std::size_t width = 0, channels = 0;
  std::size_t factor_h = 1, factor_w = 1;
};

void copy_reference(const Copy& copy);
void copy_vector(const Copy& copy, const RunContext& context);
void transpose_reference(const Transpose& transpose);
void transpose_vector(const Transpose& transpose, const RunContext& context);
void upsample_reference(const Upsample& upsample);
void upsample_vector(const Upsample& upsample, const RunContext& context);

}  // namespace sz::ops
