#include "ops/gemm/pack.h"
#include "ops/rules.h"
#include "ops/winograd/winograd.h"

namespace sz::ops {
namespace {

// to = B^T from; element i is at step * i.
void times_b(const float* from, float* to, std::size_t step) {
  to[0] = from[0] - from[2 * step];
  to[step] = from[step] + from[2 * step];
  to[2 * step] = from[2 * step] - from[step];
  to[3 * step] = from[step] - from[3 * step];
}

// to[0], to[to_step] = A^T from.
void times_a(const float* from, std::size_t step, float* to, std::size_t to_step) {
  to[0] = (from[0] + from[step]) + from[2 * step];
  to[to_step] = (from[step] - from[2 * step]) - from[3 * step];
}

// V = B^T d B of one channel.
void transform_input(const Winograd& conv, const WinogradTile& tile, std::size_t c, float* v) {
  float d[16], columns[16];
  for (std::size_t p = 0; p < 16; ++p) {
    const float* input = tile.input(conv, p / 4, p % 4);
    d[p] = input == nullptr ? 0.0f : input[c];
  }
  for (std::size_t j = 0; j < 4; ++j) times_b(d + j, columns + j, 4);
  for (std::size_t i = 0; i < 4; ++i) times_b(columns + 4 * i, v + 4 * i, 1);
}

// y = A^T M A: the four outputs of channel m, before residual and activation.
void compute_tile(const Winograd& conv, const WinogradTile& tile, std::size_t m, float* y) {
  const std::size_t panel = m / kPanelWidth;
  const std::size_t width = panel_width(panel, conv.out_c);
  const std::size_t matrix = group_elements(conv.out_c, conv.in_c);
  const float* weights = conv.weights + panel_offset(panel, conv.in_c) + m % kPanelWidth;
  float sums[16], v[16], columns[8];
  for (std::size_t p = 0; p < 16; ++p) sums[p] = weights[p * matrix];
  for (std::size_t c = 0; c < conv.in_c; ++c) {
    transform_input(conv, tile, c, v);
    for (std::size_t p = 0; p < 16; ++p) {
      sums[p] = fused_multiply_add(v[p], weights[p * matrix + (c + 1) * width], sums[p]);
    }
  }
  for (std::size_t j = 0; j < 4; ++j) times_a(sums + j, 4, columns + j, 4);
  for (std::size_t i = 0; i < 2; ++i) times_a(columns + 4 * i, 1, y + 2 * i, 1);
}

}  // namespace

void winograd_reference(const Winograd& conv) {
  for (std::size_t t = 0; t < conv.tiles(); ++t) {
    const WinogradTile tile(conv, t);
    for (std::size_t m = 0; m < conv.out_c; ++m) {
      float y[4];
      compute_tile(conv, tile, m, y);
      for (std::size_t i = 0; i < 4; ++i) {
        if (!tile.exists(conv, i / 2, i % 2)) continue;
        const std::size_t pixel = tile.pixel(conv, i / 2, i % 2);
        float value = y[i];
        if (conv.residual != nullptr)
          value = value + conv.residual[pixel * conv.residual_pitch + m];
        conv.y[pixel * conv.y_pitch + m] = finish(value, conv.attributes.activation);
      }
    }
  }
}

}  // namespace sz::ops
