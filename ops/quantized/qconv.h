// QConv2d and QFullyConnected: y = rescaled(bias'[m] + sum over k of x[k] * (w[m,k] -
// weight_zero)), k over the window and the channels of m's group as in ops/conv/conv.h, or over a
// row of x; bias' is in the packed parameters (ops/quantized/pack.h), padding is worth x_zero. Sums
// are exact. x and y of any pitch; y must not overlap x. See ops/quantized/attributes.h.
//
// A fully connected layer runs as a convolution of 1 x 1 over an image of one line.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "ops/operator.h"
#include "ops/quantized/attributes.h"
#include "ops/quantized/pack.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_qconv2d(const Step& step);
Status check_qfully_connected(const Step& step);

// Scratch of one worker, in bytes. The same on every machine.
std::uint64_t qconv2d_scratch(const Step& step);
std::uint64_t qfully_connected_scratch(const Step& step);

// Multiply-adds (a quarter: they are done in fours), and the weights' bytes.
std::uint64_t qconv2d_cost(const Step& step);
std::uint64_t qfully_connected_cost(const Step& step);

Status run_qconv2d(const Step& step, const RunContext& context) noexcept;
Status run_qfully_connected(const Step& step, const RunContext& context) noexcept;

// The parameters of a blob.
struct QuantBlob {
  const std::byte* data = nullptr;
  QuantLayout layout;

  const std::int32_t* words(std::uint64_t part) const {
    return reinterpret_cast<const std::int32_t*>(data + part);
  }
  const std::int32_t* bias() const { return words(layout.bias); }
  const std::int32_t* sums() const { return words(layout.sums); }
  const std::int32_t* factors() const { return words(layout.factors); }
  const std::int32_t* shifts() const { return words(layout.shifts); }
  const std::int8_t* weights() const {
    return reinterpret_cast<const std::int8_t*>(data + layout.weights);
  }
  bool narrow() const { return (static_cast<std::uint32_t>(*words(0)) & kNarrowWeights) != 0; }
  bool right_shifts() const { return (static_cast<std::uint32_t>(*words(0)) & kRightShifts) != 0; }

  // Of the channel at `slot`. A shift is brought into range.
  QuantFactor factor(std::size_t slot, Rescaling mode) const;
  // With kFloat, in the place of the shift.
  float rest(std::size_t slot) const { return std::bit_cast<float>(shifts()[slot]); }
};

// A checked step, unpacked. Pointers are borrowed from the step.
struct QConv2d {
  const std::int8_t* x = nullptr;
  const std::int8_t* x_end = nullptr;  // past the last byte of x
  std::byte* y = nullptr;              // i8, or i32 with kNone
  QuantBlob blob;
  std::size_t x_pitch = 0, y_pitch = 0;  // elements from pixel to pixel
  std::size_t batch = 0;
  std::size_t in_h = 0, in_w = 0, in_c = 0;
  std::size_t out_h = 0, out_w = 0, out_c = 0;
  QConv2dAttributes attributes;

  bool depthwise() const { return blob.layout.depthwise; }
  std::size_t out_rows() const { return batch * out_h * out_w; }
  std::size_t group_in() const { return in_c / attributes.groups; }
  std::size_t group_out() const { return out_c / attributes.groups; }
  std::size_t y_bytes() const { return attributes.mode == Rescaling::kNone ? 4 : 1; }
};

void qconv2d_reference(const QConv2d& conv);

// Uses qconv2d_vector_scratch bytes of every worker's scratch.
void qconv2d_vector(const QConv2d& conv, const RunContext& context);
std::uint64_t qconv2d_vector_scratch(const QConv2d& conv);

}  // namespace sz::ops
