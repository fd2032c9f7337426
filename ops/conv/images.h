// Operands of a convolution over f32 images, however it is computed: x [N,H,W,C], packed weights,
// optional residual [N,OH,OW,M], y [N,OH,OW,M], images of any pitch.
#pragma once

#include <cstddef>

#include "ops/check.h"
#include "ops/operator.h"

namespace sz::ops {

struct ConvImages {
  const float* x = nullptr;
  const float* weights = nullptr;
  const float* residual = nullptr;  // or none
  float* y = nullptr;
  std::size_t x_pitch = 0, residual_pitch = 0, y_pitch = 0;  // elements from pixel to pixel
  std::size_t batch = 0;
  std::size_t in_h = 0, in_w = 0, in_c = 0;
  std::size_t out_h = 0, out_w = 0, out_c = 0;

  ConvImages() = default;

  // Of a checked step, from which the pointers are borrowed.
  explicit ConvImages(const Step& step) {
    const TensorView& from = *step.inputs[0];
    const TensorView& to = *step.outputs[0];
    x = from.f32();
    weights = step.inputs[1]->f32();
    if (step.inputs.size() > 2) {
      residual = step.inputs[2]->f32();
      residual_pitch = step.inputs[2]->pitch;
    }
    y = to.mutable_f32();
    x_pitch = from.pitch;
    y_pitch = to.pitch;
    batch = from.dims[0];
    in_h = from.dims[1];
    in_w = from.dims[2];
    in_c = from.dims[3];
    out_h = to.dims[1];
    out_w = to.dims[2];
    out_c = to.dims[3];
  }
};

// Whether the operands have the ranks of images and of packed weights, and the output and the
// residual the size that the window gives.
inline bool conv_images_fit(const Step& step, const WindowAxis& rows, const WindowAxis& columns) {
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  if (x.rank != 4 || y.rank != 4 || step.inputs[1]->rank != 1) return false;
  if (x.dims[0] != y.dims[0] || !rows.fits(x.dims[1]) || !columns.fits(x.dims[2]) ||
      y.dims[1] != rows.floor_size(x.dims[1]) || y.dims[2] != columns.floor_size(x.dims[2])) {
    return false;
  }
  return step.inputs.size() <= 2 || same_shape(*step.inputs[2], y);
}

}  // namespace sz::ops
