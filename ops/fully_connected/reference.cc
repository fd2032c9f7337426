#include "ops/fully_connected/fully_connected.h"
#include "ops/gemm/pack.h"
#include "ops/rules.h"

namespace sz::ops {

void fully_connected_reference(const FullyConnected& layer) {
  for (std::size_t r = 0; r < layer.rows; ++r) {
    for (std::size_t m = 0; m < layer.outputs; ++m) {
      const std::size_t panel = m / kPanelWidth;
      const std::size_t width = panel_width(panel, layer.outputs);
      const float* column = layer.weights + panel_offset(panel, layer.inputs) + m % kPanelWidth;
      float sum = column[0];
      for (std::size_t k = 0; k < layer.inputs; ++k) {
        sum = fused_multiply_add(layer.x[r * layer.x_pitch + k], column[(k + 1) * width], sum);
      }
      layer.y[r * layer.y_pitch + m] = finish(sum, layer.clamp);
    }
  }
}

}  // namespace sz::ops
