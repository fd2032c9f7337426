// ConvWinograd: a 3 x 3 convolution with stride 1, without dilation and groups, by Winograd's
// minimal filtering F(2 x 2, 3 x 3): 16 multiplications for four outputs instead of 36.
//
// The output is cut into tiles of 2 x 2. A tile reads the 4 x 4 inputs d around it (+0 in the
// padding and beyond it). For each channel, with B and A of the method:
//   V = B^T d B;   M[p] = sum over channels c of V[p, c] * U[p, c] for the 16 positions p;
//   y = activation(A^T M A + residual).
// U = G g G^T is computed by the compiler, in double, and rounded once (ops/winograd/pack.h).
//
// x [N,H,W,C], packed weights, optional residual [N,OH,OW,M], y [N,OH,OW,M]; f32, images of any
// pitch. y must not overlap x or the residual. The sequence of operations is fixed: see
// docs/numerics.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/attributes.h"
#include "ops/conv/images.h"
#include "ops/operator.h"
#include "ops/winograd/pack.h"

namespace sz::ops {

// Errors: kUnknownKernel, kBadAttribute, kShapeMismatch, kDtypeMismatch.
Status check_winograd(const Step& step);

// Scratch of one worker, in bytes. The same on every machine.
std::uint64_t winograd_scratch(const Step& step);

// Multiply-adds.
std::uint64_t winograd_cost(const Step& step);

Status run_winograd(const Step& step, const RunContext& context) noexcept;

// A checked step, unpacked. Pointers are borrowed from the step.
struct Winograd : ConvImages {
  WinogradAttributes attributes;

  Winograd() = default;
  explicit Winograd(const Step& step);

  std::size_t tiles_h() const { return (out_h + 1) / 2; }
  std::size_t tiles_w() const { return (out_w + 1) / 2; }
  std::size_t tiles() const { return batch * tiles_h() * tiles_w(); }
};

// Where a tile is.
struct WinogradTile {
  std::size_t n, oy, ox;  // its first output

  WinogradTile(const Winograd& conv, std::size_t tile)
      : n(tile / (conv.tiles_h() * conv.tiles_w())),
        oy(tile / conv.tiles_w() % conv.tiles_h() * 2),
        ox(tile % conv.tiles_w() * 2) {}

  // Channel 0 of input (row, column), both below 4; nullptr in the padding.
  const float* input(const Winograd& conv, std::size_t row, std::size_t column) const {
    const std::size_t iy = oy + row - conv.attributes.pad_top;  // wraps around above the image
    const std::size_t ix = ox + column - conv.attributes.pad_left;
    if (iy >= conv.in_h || ix >= conv.in_w) return nullptr;
    return conv.x + ((n * conv.in_h + iy) * conv.in_w + ix) * conv.x_pitch;
  }
  bool exists(const Winograd& conv, std::size_t row, std::size_t column) const {
    return oy + row < conv.out_h && ox + column < conv.out_w;
  }
  // The number of output (row, column) among all pixels of y.
  std::size_t pixel(const Winograd& conv, std::size_t row, std::size_t column) const {
    return (n * conv.out_h + oy + row) * conv.out_w + ox + column;
  }
};

void winograd_reference(const Winograd& conv);

// Scratch of one worker for winograd_vector, in bytes.
std::uint64_t winograd_vector_scratch(const Winograd& conv);
void winograd_vector(const Winograd& conv, const RunContext& context);

}  // namespace sz::ops
