// What the checks of several operators share.
#pragma once

#include <cstdint>

#include "base/checked.h"
#include "base/status.h"
#include "ops/attributes.h"
#include "ops/operator.h"
#include "tensor/tensor.h"

namespace sz::ops {

// Limits of a window. They keep all window arithmetic far below 64 bits.
inline constexpr std::uint32_t kMaxKernel = 1024;
inline constexpr std::uint32_t kMaxStride = 65536;
inline constexpr std::uint32_t kMaxDilation = 65536;
inline constexpr std::uint32_t kMaxPadding = 65536;

// No tensor of a plan is larger: regions end at 1 GiB. The operators' own index arithmetic relies
// on it, so it is proved here again.
inline constexpr std::uint64_t kMaxTensorBytes = std::uint64_t{1} << 32;

// Dimensions 1 or more, pitch no less than the row, size below kMaxTensorBytes.
inline bool well_formed(const TensorView& view) {
  if (view.rank > kMaxRank || dtype_bytes(view.dtype) == 0) return false;
  std::uint64_t rows = 1;
  for (std::uint32_t i = 0; i < view.rank; ++i) {
    if (view.dims[i] == 0) return false;
    if (i + 1u < view.rank && !checked_mul(rows, view.dims[i], &rows)) return false;
  }
  std::uint64_t elements = 0;
  return view.pitch >= view.inner() && checked_mul(rows, view.pitch, &elements) &&
         elements <= kMaxTensorBytes / dtype_bytes(view.dtype);
}

// What every operator demands: a kernel that exists, operands present, well formed and f32.
inline Status check_operands(const Step& step) {
  if (step.kernel != Kernel::kReference && step.kernel != Kernel::kVector) {
    return Status::kUnknownKernel;
  }
  for (const auto operands : {step.inputs, step.outputs}) {
    for (const TensorView* view : operands) {
      if (view == nullptr) return Status::kShapeMismatch;
      if (view->dtype != DType::kF32) return Status::kDtypeMismatch;
      if (!well_formed(*view)) return Status::kShapeMismatch;
    }
  }
  return Status::kOk;
}

// The same of operators that take other types too, and look at the types themselves.
inline Status check_typed_operands(const Step& step) {
  if (step.kernel != Kernel::kReference && step.kernel != Kernel::kVector) {
    return Status::kUnknownKernel;
  }
  for (const auto operands : {step.inputs, step.outputs}) {
    for (const TensorView* view : operands) {
      if (view == nullptr || !well_formed(*view)) return Status::kShapeMismatch;
    }
  }
  return Status::kOk;
}

// Bounds are numbers and in order.
inline bool valid_clamp(const Clamp& clamp) { return clamp.low <= clamp.high; }

// Its slope is a finite number.
inline bool valid_activation(const Activation& activation) {
  return valid_clamp(activation.clamp) && activation.slope - activation.slope == 0.0f;
}

inline bool same_shape(const TensorView& a, const TensorView& b) {
  if (a.rank != b.rank) return false;
  for (std::uint32_t i = 0; i < a.rank; ++i) {
    if (a.dims[i] != b.dims[i]) return false;
  }
  return true;
}

// One axis of a window.
struct WindowAxis {
  std::uint64_t kernel, stride, dilation, pad_begin, pad_end;

  // Distance from the first tap to the last, plus 1.
  std::uint64_t extent() const { return (kernel - 1) * dilation + 1; }
  bool valid() const {
    return kernel >= 1 && kernel <= kMaxKernel && stride >= 1 && stride <= kMaxStride &&
           dilation >= 1 && dilation <= kMaxDilation && pad_begin <= kMaxPadding &&
           pad_end <= kMaxPadding;
  }
  // No window lies in the padding alone. A pool needs that; a convolution does not: SqueezeNet 1.0
  // pads its last one, of 1 x 1, by 1.
  bool windows_touch_input() const { return pad_begin < extent() && pad_end < extent(); }
  bool fits(std::uint64_t size) const { return size + pad_begin + pad_end >= extent(); }
  std::uint64_t floor_size(std::uint64_t size) const {
    return (size + pad_begin + pad_end - extent()) / stride + 1;
  }
  std::uint64_t ceil_size(std::uint64_t size) const {
    return (size + pad_begin + pad_end - extent() + stride - 1) / stride + 1;
  }
};

inline WindowAxis vertical(const Window2d& w) {
  return {w.kernel_h, w.stride_h, w.dilation_h, w.pad_top, w.pad_bottom};
}
inline WindowAxis horizontal(const Window2d& w) {
  return {w.kernel_w, w.stride_w, w.dilation_w, w.pad_left, w.pad_right};
}

// True if output 0 is the same memory as input 0 while running.
inline bool runs_in_place(const Step& step) {
  return step.inputs[0]->data == step.outputs[0]->data;
}

}  // namespace sz::ops
