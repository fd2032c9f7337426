// Conv2d: y[n,oy,ox,m] = activation(bias[m] + sum over (ky, kx, c) of x[n,iy,ix,c] * w[m,ky,kx,c]
//                                   + residual[n,oy,ox,m]),
// iy = oy * stride_h - pad_top + ky * dilation_h, ix likewise; c runs over the group of m.
//
// x [N,H,W,C], packed weights (ops/gemm/pack.h), optional residual [N,OH,OW,M], y [N,OH,OW,M]; f32,
// images of any pitch. y must not overlap x or the residual. Each sum is one chain of fused
// multiply-adds in the order (ky, kx, c), starting from the bias; a tap in the padding adds +0 * w,
// as any other; the residual is added last. See docs/numerics.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/attributes.h"
#include "ops/conv/images.h"
#include "ops/gemm/pack.h"
#include "ops/operator.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_conv2d(const Step& step);

// Scratch of one worker, in bytes. The same on every machine.
std::uint64_t conv2d_scratch(const Step& step);

// Multiply-adds.
std::uint64_t conv2d_cost(const Step& step);

Status run_conv2d(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Pointers are borrowed from the step.
struct Conv2d : ConvImages {
  Conv2dAttributes attributes;

  Conv2d() = default;
  explicit Conv2d(const Step& step);

  bool depthwise() const { return weight_shape().depthwise(); }
  ConvWeightShape weight_shape() const {
    return {static_cast<std::uint32_t>(in_c), static_cast<std::uint32_t>(out_c), attributes.groups,
            attributes.window.kernel_h, attributes.window.kernel_w};
  }
  std::size_t out_rows() const { return batch * out_h * out_w; }
  std::size_t group_in() const { return in_c / attributes.groups; }
  std::size_t group_out() const { return out_c / attributes.groups; }
};

// Where the taps of an output lie along one axis: tap k is at begin + k * dilation, and is padding
// if that is outside [0, size).
inline std::ptrdiff_t tap_position(std::size_t out, std::size_t stride, std::size_t pad,
                                   std::size_t tap, std::size_t dilation) {
  return static_cast<std::ptrdiff_t>(out * stride + tap * dilation) -
         static_cast<std::ptrdiff_t>(pad);
}

void conv2d_reference(const Conv2d& conv);

// Uses conv2d_scratch bytes of every worker's scratch.
void conv2d_vector(const Conv2d& conv, const RunContext& context);

}  // namespace sz::ops
