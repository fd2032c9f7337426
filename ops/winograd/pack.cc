#include "ops/winograd/pack.h"

#include <cstddef>

#include "base/checked.h"
#include "ops/gemm/pack.h"

namespace sz::ops {
namespace {

// Row `row` of G times (a, b, c).
double row_of_g(std::uint32_t row, double a, double b, double c) {
  switch (row) {
    case 0:
      return a;
    case 1:
      return 0.5 * (a + b + c);
    case 2:
      return 0.5 * (a - b + c);
    default:
      return c;
  }
}

// G g G^T at `position`, g 3 x 3.
double transformed(const float* g, std::uint32_t position) {
  double columns[3];
  for (std::size_t j = 0; j < 3; ++j) {
    columns[j] = row_of_g(position / 4, g[j], g[3 + j], g[6 + j]);
  }
  return row_of_g(position % 4, columns[0], columns[1], columns[2]);
}

}  // namespace

std::optional<std::uint64_t> packed_winograd_elements(std::uint64_t outputs, std::uint64_t inputs) {
  std::uint64_t columns = 0;
  std::uint64_t rows = 0;
  std::uint64_t elements = 0;
  if (outputs == 0 || inputs == 0 || !checked_align(outputs, 4, &columns) ||
      !checked_add(inputs, 1, &rows) || !checked_mul(columns, rows, &elements) ||
      !checked_mul(elements, kWinogradPositions, &elements) ||
      !checked_add(elements, kPackPadding, &elements)) {
    return std::nullopt;
  }
  return elements;
}

bool pack_winograd(std::span<const float> weights, std::span<const float> bias,
                   std::uint32_t outputs, std::uint32_t inputs, std::span<float> packed) {
  const auto elements = packed_winograd_elements(outputs, inputs);
  if (!elements || packed.size() != *elements ||
      weights.size() != std::uint64_t{outputs} * inputs * 9 ||
      (!bias.empty() && bias.size() != outputs)) {
    return false;
  }
  for (float& value : packed) value = 0.0f;
  for (std::uint32_t position = 0; position < kWinogradPositions; ++position) {
    float* matrix = packed.data() + position * group_elements(outputs, inputs);
    for (std::uint64_t m = 0; m < outputs; ++m) {
      const std::uint64_t panel = m / kPanelWidth;
      const std::uint32_t width = panel_width(panel, outputs);
      float* column = matrix + panel_offset(panel, inputs) + m % kPanelWidth;
      if (position == kWinogradBiasPosition && !bias.empty()) *column = bias[m];
      for (std::uint64_t c = 0; c < inputs; ++c) {
        column[(c + 1) * width] =
            static_cast<float>(transformed(&weights[(m * inputs + c) * 9], position));
      }
    }
  }
  return true;
}

}  // namespace sz::ops
