// FullyConnected: y[r,m] = clamp(bias[m] + sum over k of x[r,k] * w[m,k]).
//
// x [..., K], packed weights (ops/gemm/pack.h), y [..., M] with as many rows as x; f32, x and y of
// any pitch. y must not overlap x. Each sum is one chain of fused multiply-adds in the order of k,
// starting from the bias.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/attributes.h"
#include "ops/operator.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_fully_connected(const Step& step);

// Scratch of one worker, in bytes. The same on every machine.
std::uint64_t fully_connected_scratch(const Step& step);

// Multiply-adds, and the weights' bytes, which for a few rows are what it waits for.
std::uint64_t fully_connected_cost(const Step& step);

Status run_fully_connected(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Pointers are borrowed from the step.
struct FullyConnected {
  const float* x = nullptr;
  const float* weights = nullptr;
  float* y = nullptr;
  std::size_t x_pitch = 0, y_pitch = 0;
  std::size_t rows = 0, inputs = 0, outputs = 0;
  Clamp clamp;
};

void fully_connected_reference(const FullyConnected& layer);
void fully_connected_vector(const FullyConnected& layer, const RunContext& context);

}  // namespace sz::ops
