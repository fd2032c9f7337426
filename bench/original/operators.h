// The baseline's operators: plain loops over dense floats, as one writes them first. Nothing here
// has been made fast on purpose, nothing slow; README.md says what was chosen and why.
#pragma once

#include <cstddef>

#include "bench/original/layer.h"

namespace sz::original {

// c[m][n] += a[m][k] * b[k][n]
void gemm(std::size_t m, std::size_t n, std::size_t k, const float* a, const float* b, float* c);

// c[m][n] += a[m][k] * b[n][k]
void gemm_transposed(std::size_t m, std::size_t n, std::size_t k, const float* a, const float* b,
                     float* c);

// Row (c, ky, kx) of `columns` holds that tap of every output pixel of one group of one image.
void im2col(const LayerRecord& layer, const float* image, float* columns);

// Elements of the workspace that a convolution wants; 0 where the image is the matrix already.
std::size_t workspace_elements(const LayerRecord& layer);

void convolution(const LayerRecord& layer, const float* x, const float* weights, float* workspace,
                 float* y);
void connected(const LayerRecord& layer, const float* x, const float* weights, float* y);
void pool(const LayerRecord& layer, const float* x, float* y);
void global_average(const LayerRecord& layer, const float* x, float* y);
void clamp(const LayerRecord& layer, const float* x, float* y);
void binary(const LayerRecord& layer, const float* a, const float* b, float* y);
void softmax(const LayerRecord& layer, const float* x, float* y);
void reorder(const LayerRecord& layer, const float* x, float* y);

// One input of a concatenation: `block` elements for each of `outer`, `wide` apart in y.
void concat_part(std::size_t outer, std::size_t block, std::size_t wide, const float* x, float* y);

}  // namespace sz::original
