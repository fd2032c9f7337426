// Random steps of every quantised operator (host only). The same seed gives the same case on every
// machine.
#pragma once

#include "ops/quantized/testing/byte_support.h"

namespace sz::ops::testing {

ByteCase random_quantize(Random& random);
ByteCase random_dequantize(Random& random);
ByteCase random_requantize(Random& random);
ByteCase random_lookup(Random& random);
ByteCase random_qbinary(Random& random);
ByteCase random_qpool(Random& random);
ByteCase random_byte_max_pool(Random& random);
ByteCase random_qglobal_average_pool(Random& random);
ByteCase random_qsoftmax(Random& random);
ByteCase random_dynamic_quantize(Random& random);
ByteCase random_qmatmul(Random& random);

// One axis of a window that leaves room for an output.
struct ByteAxis {
  std::uint32_t kernel, stride, dilation, before, after;
  std::uint32_t extent() const { return (kernel - 1) * dilation + 1; }
  std::uint32_t out(std::uint32_t size, bool up = false) const {
    return (size + before + after - extent() + (up ? stride - 1 : 0)) / stride + 1;
  }
};
ByteAxis random_byte_axis(Random& random, std::uint32_t size);
Window2d window_of(const ByteAxis& rows, const ByteAxis& columns);

Rescaling random_mode(Random& random);  // kFixedPoint or kFloat

}  // namespace sz::ops::testing
