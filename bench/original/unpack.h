// The weights of a package as plain matrices again. The inverse of ops/gemm/pack.h, for the
// baseline's client.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/gemm/pack.h"
#include "ops/winograd/pack.h"

namespace sz::original {

// [outputs][inputs], then the biases. Throws std::invalid_argument if the blob has another size.
std::vector<float> unpack_connected(std::span<const float> packed, std::uint32_t outputs,
                                    std::uint32_t inputs);

// [outputs][inputs / groups][kernel_h][kernel_w], then the biases. Throws std::invalid_argument.
std::vector<float> unpack_conv2d(std::span<const float> packed, const ops::ConvWeightShape& shape);

// The same of ConvWinograd, up to rounding: g from U = G g G^T (ops/winograd/pack.h).
std::vector<float> unpack_winograd(std::span<const float> packed, std::uint32_t outputs,
                                   std::uint32_t inputs);

}  // namespace sz::original
