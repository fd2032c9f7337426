// The operators of language models. All work on the rows in use only: the first
// n = min(rows of the operand, RunContext::rows) rows; row i is the token at place
// RunContext::position + i of the context. Layouts: ops/transformer/blocks.h. f32 operands are
// dense. Outputs must not overlap inputs. Results are the same bits for every kernel, number of
// workers and n (a row does not depend on the others): docs/numerics.md.
#pragma once

#include <cstdint>

#include "ops/transformer/blocks.h"

namespace sz::ops {

// Embedding: tokens [R] i32, matrix (U8, packed: vocabulary x width) -> y [R, width] f32.
// y[r] = row tokens[r] of the matrix. run: kIndexOutOfRange.
struct EmbeddingAttributes {
  BlockFormat format = BlockFormat::kF32;
  std::uint32_t vocabulary = 0;
  std::uint32_t width = 0;
};

// RmsNorm: x [R, width] f32, weight [width] f32 -> y, f32 [R', width] or quantised U8
// [R', quantized_row_bytes(width)]. y = x / sqrt(mean(x^2) + epsilon) * weight, summed as Normalize
// does. If `last`: R' = 1, and y is that of the last row in use; else R' = R.
struct RmsNormAttributes {
  float epsilon = 1e-5f;  // finite, >= 0
  std::uint32_t width = 0;
  std::uint32_t last = 0;  // 0 or 1
};

// QuantizeRows: x [R, width] f32 -> y U8 [R, quantized_row_bytes(width)].
struct QuantizeRowsAttributes {
  std::uint32_t width = 0;
};

enum class LinearEpilogue : std::uint32_t {
  kNone = 0,
  kResidual = 1,  // y = W x + residual
  kSwiglu = 2,    // y = silu(g) * u, silu(g) = g / (1 + exp(-g)); panels of W alternate: 16 outputs of g, 16 of u
};

// Linear: x, weights (U8, packed [N, K]; with kSwiglu 2 * 16 * panels_of(N) outputs), residual
// [R, N] f32 (with kResidual only) -> y [R, N] f32. x is f32 [R, K] for formats f32 and f16, and
// quantised U8 [R, quantized_row_bytes(K)] for q8_0 and q4_0.
// f32, f16: one chain of fma from +0 in the order of k. q8_0, q4_0: for each block in order,
// s = fma(float(sum of products, exact in i32), weight scale * row scale, s), from +0.
// The residual is added at the end, rounded once.
struct LinearAttributes {
  BlockFormat format = BlockFormat::kF32;
  std::uint32_t inputs = 0;   // K
  std::uint32_t outputs = 0;  // N
  LinearEpilogue epilogue = LinearEpilogue::kNone;
};

// Rotary: qkv [R, (heads + 2 kv_heads) * head] f32 (queries, keys, values of a row one behind the
// other), frequencies [rotated / 2] f32 -> q [R, heads * head] f32, key cache U8
// [kv_heads, bytes of a head], value cache likewise. For i < rotated / 2 the pair (2 i, 2 i + 1) of
// every query and key head is turned by position * frequencies[i] radians (cos and sin are scaled by
// `scale`). run: kContextFull if position + n > context; then nothing is written.
struct CacheAttributes {
  BlockFormat format = BlockFormat::kF32;  // of the cache
  std::uint32_t context = 0;               // positions that the cache holds
  std::uint32_t heads = 0;                 // a multiple of kv_heads
  std::uint32_t kv_heads = 0;
  std::uint32_t head = 0;                  // D
};
struct RotaryAttributes {
  CacheAttributes cache;
  std::uint32_t rotated = 0;  // even, at most head
  float scale = 1.0f;
};

// Attention: q [R, heads * head] f32, key cache, value cache -> y [R, heads * head] f32. Row i sees
// the positions 0 .. position + i; y = softmax(scale * q k) v, exact, in one pass over the cache: blocks of
// positions in rising order, with the running maximum and sum. run: kContextFull.
struct AttentionAttributes {
  CacheAttributes cache;
  float scale = 1.0f;  // finite
};

}  // namespace sz::ops
