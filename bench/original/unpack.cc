#include "bench/original/unpack.h"

#include <stdexcept>

namespace sz::original {
namespace {

// One group of panels to rows of `inputs` weights, at `rows`, and to biases. `place(k)` is where
// input k of the package stands in a plain row.
template <typename Place>
void unpack_group(const float* packed, std::uint64_t outputs, std::uint64_t inputs, Place place,
                  float* rows, float* biases) {
  for (std::uint64_t m = 0; m < outputs; ++m) {
    const std::uint64_t panel = m / ops::kPanelWidth;
    const std::uint64_t width = ops::panel_width(panel, outputs);
    const float* column = packed + ops::panel_offset(panel, inputs) + m % ops::kPanelWidth;
    biases[m] = column[0];
    for (std::uint64_t k = 0; k < inputs; ++k) {
      rows[m * inputs + place(k)] = column[(k + 1) * width];
    }
  }
}

}  // namespace

std::vector<float> unpack_connected(std::span<const float> packed, std::uint32_t outputs,
                                    std::uint32_t inputs) {
  const auto wanted = ops::packed_elements(outputs, inputs);
  if (!wanted || packed.size() != *wanted) {
    throw std::invalid_argument("the weights of a fully connected layer have another size");
  }
  std::vector<float> plain((std::uint64_t{inputs} + 1) * outputs);
  const auto same = [](std::uint64_t k) { return k; };
  unpack_group(packed.data(), outputs, inputs, same, plain.data(),
               plain.data() + std::uint64_t{outputs} * inputs);
  return plain;
}

std::vector<float> unpack_conv2d(std::span<const float> packed, const ops::ConvWeightShape& shape) {
  const auto wanted = ops::packed_conv2d_elements(shape);
  if (!wanted || packed.size() != *wanted) {
    throw std::invalid_argument("the weights of a convolution have another size");
  }
  const std::uint64_t taps = std::uint64_t{shape.kernel_h} * shape.kernel_w;
  const std::uint64_t channels = shape.inputs / shape.groups;
  const std::uint64_t outputs = shape.outputs / shape.groups;
  const std::uint64_t inputs = taps * channels;
  std::vector<float> plain((inputs + 1) * shape.outputs);
  float* biases = plain.data() + inputs * shape.outputs;
  if (shape.depthwise()) {
    const std::uint64_t row = ops::depthwise_row(shape.inputs);
    for (std::uint64_t c = 0; c < shape.inputs; ++c) {
      biases[c] = packed[c];
      for (std::uint64_t t = 0; t < taps; ++t) plain[c * taps + t] = packed[(1 + t) * row + c];
    }
    return plain;
  }
  // The package counts (tap, channel), the plain rows count (channel, tap).
  const auto place = [&](std::uint64_t k) { return k % channels * taps + k / channels; };
  for (std::uint64_t g = 0; g < shape.groups; ++g) {
    unpack_group(packed.data() + g * ops::group_elements(outputs, inputs), outputs, inputs, place,
                 plain.data() + g * outputs * inputs, biases + g * outputs);
  }
  return plain;
}

std::vector<float> unpack_winograd(std::span<const float> packed, std::uint32_t outputs,
                                   std::uint32_t inputs) {
  const auto wanted = ops::packed_winograd_elements(outputs, inputs);
  if (!wanted || packed.size() != *wanted) {
    throw std::invalid_argument("the weights of a convolution have another size");
  }
  const std::uint64_t matrix = ops::group_elements(outputs, inputs);
  const std::uint64_t count = std::uint64_t{outputs} * inputs;
  std::vector<float> u(count * ops::kWinogradPositions), plain(count * 9 + outputs),
      unused(outputs);
  const auto same = [](std::uint64_t k) { return k; };
  for (std::uint32_t p = 0; p < ops::kWinogradPositions; ++p) {
    float* biases = p == ops::kWinogradBiasPosition ? plain.data() + count * 9 : unused.data();
    unpack_group(packed.data() + p * matrix, outputs, inputs, same, u.data() + p * count, biases);
  }
  // Row 0 of g is row 0 of G g, row 1 the difference of rows 1 and 2, row 2 is row 3; columns
  // alike.
  static constexpr double kInverse[3][4] = {{1, 0, 0, 0}, {0, 1, -1, 0}, {0, 0, 0, 1}};
  for (std::uint64_t i = 0; i < count; ++i) {
    for (std::uint32_t t = 0; t < 9; ++t) {
      double sum = 0;
      for (std::uint32_t p = 0; p < ops::kWinogradPositions; ++p) {
        sum +=
            kInverse[t / 3][p / 4] * kInverse[t % 3][p % 4] * static_cast<double>(u[p * count + i]);
      }
      plain[i * 9 + t] = static_cast<float>(sum);
    }
  }
  return plain;
}

}  // namespace sz::original
