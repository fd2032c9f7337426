// Random quantised convolutions and fully connected layers (host only), beside the parameters that
// they were packed from.
#pragma once

#include "ops/quantized/pack.h"
#include "ops/quantized/testing/byte_cases.h"

namespace sz::ops::testing {

enum class QConvKind { kDense, kGrouped, kDepthwise, kFewChannels, kPointwise };

struct QConvCase {
  ByteCase step;
  QConv2dAttributes attributes;  // of a fully connected layer: what its convolution would have
  ConvWeightShape shape;
  std::vector<std::int8_t> weights;  // OIHW
  std::vector<std::int32_t> bias, multipliers, shifts;
  std::vector<float> scales, rests;

  QuantParameters parameters() const;
};

QConvCase random_qconv(Random& random, QConvKind kind);
QConvCase random_qfully_connected(Random& random);

}  // namespace sz::ops::testing
