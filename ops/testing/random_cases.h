// Random steps of every operator, for the property tests and the checksums (host only).
#pragma once

#include "ops/gemm/pack.h"
#include "ops/reduction/attributes.h"
#include "ops/testing/test_support.h"
#include "ops/winograd/pack.h"

namespace sz::ops::testing {

// Each draws shapes, pitches, attributes and values; about one in four cases has extreme values.
// The same seed gives the same case on every machine.

// A convolution as a model file has it, beside its packed step.
struct ConvCase {
  Case step;
  Conv2dAttributes attributes;
  ConvWeightShape shape;
  std::vector<float> weights;  // OIHW
  std::vector<float> bias;
  Tensor x{{1}};
};
enum class ConvKind { kDense, kGrouped, kDepthwise };
ConvCase random_conv(Random& random, ConvKind kind);

// With a residual, a leaky activation or both.
Case random_fused_conv(Random& random);

// A convolution by Winograd's method; shape, weights and bias as a model file has them.
struct WinogradCase {
  Case step;
  WinogradAttributes attributes;
  ConvWeightShape shape;
  std::vector<float> weights, bias;
};
WinogradCase random_winograd(Random& random);

struct FullyConnectedCase {
  Case step;
  std::vector<float> weights;  // [M, K]
  std::vector<float> bias;
};
FullyConnectedCase random_fully_connected(Random& random);

Case random_pool(Random& random);
Case random_global_average_pool(Random& random);
Case random_unary(Random& random);
Case random_leaky_relu(Random& random);
Case random_binary(Random& random);
Case random_activation(Random& random);  // the further kinds of Unary
Case random_operation(Random& random);   // the further kinds of Binary, on f32
Case random_softmax(Random& random);
Case random_log_softmax(Random& random);
Case random_reduce(Random& random);
Case random_copy(Random& random);
Case random_transpose(Random& random);
Case random_upsample(Random& random);

}  // namespace sz::ops::testing
