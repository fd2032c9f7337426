// MatMul: y[.., m, n] = clamp(sum over k of a[.., m, k] * (alpha * b[.., k, n])), both operands
// computed at run time.
//
// a, b, y: f32, of one rank from 2 to 6, any pitch. The attributes say which dimension in memory is
// which of the product's, so that a transposed operand is read where it lies. The leading
// dimensions (the batch) are those of y; a and b may have 1 in their place. n is the innermost
// dimension of y in memory. y must not overlap a or b. Each sum is one chain of fused
// multiply-adds in the order of k, starting from +0, of a and of alpha * b rounded.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/attributes.h"
#include "ops/operator.h"

namespace sz::ops {

// Dimension i of the product's view of an operand is dimension order[i] in memory; those of the
// matrix come last. Entries from the rank on are 0.
struct MatMulAttributes {
  std::uint32_t a_order[kMaxRank] = {0, 0, 0, 0, 0, 0};
  std::uint32_t b_order[kMaxRank] = {0, 0, 0, 0, 0, 0};
  std::uint32_t y_order[kMaxRank] = {0, 0, 0, 0, 0, 0};
  float alpha = 1.0f;  // finite
  Clamp clamp;
};

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_matmul(const Step& step);

// Scratch of one worker: packed panels of b, and some rows of a where they are not dense.
std::uint64_t matmul_scratch(const Step& step);

// Multiply-adds, and the packing of b.
std::uint64_t matmul_cost(const Step& step);

Status run_matmul(const Step& step, const RunContext& context) noexcept;

inline constexpr std::uint32_t kMostBatchDims = kMaxRank - 2;

// A checked step, unpacked. Strides are in elements. Pointers are borrowed from the step.
struct MatMul {
  const float* a = nullptr;
  const float* b = nullptr;
  float* y = nullptr;
  std::uint32_t batch_rank = 0;
  std::size_t batch[kMostBatchDims] = {};
  std::size_t a_batch[kMostBatchDims] = {}, b_batch[kMostBatchDims] = {};  // 0: broadcast
  std::size_t y_batch[kMostBatchDims] = {};
  std::size_t rows = 0, inner = 0, columns = 0;  // M, K, N
  std::size_t a_row = 0, a_inner = 0;
  std::size_t b_inner = 0, b_column = 0;
  std::size_t y_row = 0;
  float alpha = 1.0f;
  Clamp clamp;

  std::size_t batches() const {
    std::size_t n = 1;
    for (std::uint32_t i = 0; i < batch_rank; ++i) n *= batch[i];
    return n;
  }
};

// Where the matrices of one batch begin, in elements.
struct MatMulOffsets {
  std::size_t a = 0, b = 0, y = 0;
};
inline MatMulOffsets offsets_of_batch(const MatMul& product, std::size_t index) {
  MatMulOffsets at;
  for (std::uint32_t i = product.batch_rank; i-- > 0;) {
    const std::size_t place = index % product.batch[i];
    index /= product.batch[i];
    at.a += place * product.a_batch[i];
    at.b += place * product.b_batch[i];
    at.y += place * product.y_batch[i];
  }
  return at;
}

// How much of b a worker packs at once, and of a: the parts of its scratch.
struct MatMulTiling {
  std::size_t panels = 1;  // of 16 columns of b
  std::size_t rows = 48;   // of a, whose addresses lie on the worker's stack
  bool packs_rows = false;
  std::size_t panel_elements = 0;  // of the packed panels, a multiple of 16

  explicit MatMulTiling(std::size_t inner, bool dense_rows);
};

void matmul_reference(const MatMul& product);
void matmul_vector(const MatMul& product, const RunContext& context);

}  // namespace sz::ops
