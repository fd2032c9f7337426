// A layer of the baseline, as it crosses into the TA: one record of 32-bit words for every kind.
#pragma once

#include <cstdint>

#include "ops/attributes.h"

namespace sz::original {

inline constexpr std::uint32_t kMaxInputs = 32;  // of a concatenation
inline constexpr std::uint32_t kMaxDims = 6;
inline constexpr std::uint32_t kMaxElements = 1u << 27;  // of one buffer: 512 MiB

enum class LayerKind : std::uint32_t {
  kConvolution = 1,
  kConnected = 2,
  kPool = 3,
  kGlobalAverage = 4,
  kClamp = 5,
  kBinary = 6,
  kSoftmax = 7,
  kReorder = 8,
  kConcat = 9,
};

// Images lie as N, C, H, W, dense.
struct Image {
  std::uint32_t batch = 1, channels = 1, height = 1, width = 1;
};

struct LayerRecord {
  std::uint32_t kind = 0;
  std::uint32_t input_count = 0;
  std::uint32_t inputs[kMaxInputs] = {};  // numbers of buffers
  std::uint32_t output_elements = 0;
  // Convolution: [outputs][inputs / groups * kernel_h * kernel_w], then the biases.
  // Connected: [outputs][inputs], then the biases. Binary: a constant operand.
  std::uint32_t weight_elements = 0;

  // Convolution, pools.
  Image in, out;
  ops::Window2d window;
  std::uint32_t groups = 1;
  std::uint32_t pool = 0;               // ops::PoolKind
  std::uint32_t count_include_pad = 0;  // average

  // Softmax: [outer][axis][inner], over axis. Connected: `outer` rows, `axis` inputs, `inner`
  // outputs. Concat: [outer] blocks of each input, one behind the other.
  std::uint32_t outer = 1, axis = 1, inner = 1;

  // Binary: y is dense with these dimensions, a and b have strides (0: broadcast); one of them may
  // be the weights. Reorder: y[i...] = x at strides[0].
  std::uint32_t rank = 0;
  std::uint32_t dims[kMaxDims] = {};
  std::uint32_t strides[2][kMaxDims] = {};
  std::uint32_t binary = 0;    // ops::BinaryKind
  std::uint32_t constant = 0;  // 0: none, 1: a, 2: b

  ops::Clamp clamp;  // convolution, connected, clamp, binary
};

}  // namespace sz::original
