#include "ops/gemm/pack.h"

#include <cstddef>

#include "base/checked.h"

namespace sz::ops {
namespace {

// Panels of one group. `at(m, k)` is the weight of output m and input k of this group.
template <typename At>
void pack_group(At at, const float* bias, std::uint64_t outputs, std::uint64_t inputs,
                float* packed) {
  for (std::uint64_t panel = 0; panel * kPanelWidth < outputs; ++panel) {
    const std::uint32_t width = panel_width(panel, outputs);
    for (std::uint32_t i = 0; i < width; ++i) {
      const std::uint64_t m = panel * kPanelWidth + i;
      packed[i] = m < outputs && bias != nullptr ? bias[m] : 0.0f;
    }
    packed += width;
    for (std::uint64_t k = 0; k < inputs; ++k, packed += width) {
      for (std::uint32_t i = 0; i < width; ++i) {
        const std::uint64_t m = panel * kPanelWidth + i;
        packed[i] = m < outputs ? at(m, k) : 0.0f;
      }
    }
  }
}

void pack_depthwise(std::span<const float> weights, std::span<const float> bias,
                    const ConvWeightShape& shape, float* packed) {
  const std::uint64_t row = depthwise_row(shape.inputs);
  const std::uint64_t taps = std::uint64_t{shape.kernel_h} * shape.kernel_w;
  for (std::uint64_t c = 0; c < row; ++c) {
    const bool real = c < shape.inputs;
    packed[c] = real && !bias.empty() ? bias[c] : 0.0f;
    for (std::uint64_t t = 0; t < taps; ++t) {
      packed[(1 + t) * row + c] = real ? weights[c * taps + t] : 0.0f;
    }
  }
}

}  // namespace

std::optional<std::uint64_t> packed_elements(std::uint64_t outputs, std::uint64_t inputs) {
  std::uint64_t columns = 0;
  std::uint64_t rows = 0;
  std::uint64_t elements = 0;
  if (!checked_align(outputs, 4, &columns) || !checked_add(inputs, 1, &rows) ||
      !checked_mul(columns, rows, &elements) || !checked_add(elements, kPackPadding, &elements)) {
    return std::nullopt;
  }
  return elements;
}

std::optional<std::uint64_t> packed_conv2d_elements(const ConvWeightShape& shape) {
  if (shape.inputs == 0 || shape.outputs == 0 || shape.groups == 0 || shape.kernel_h == 0 ||
      shape.kernel_w == 0 || shape.inputs % shape.groups != 0 ||
      shape.outputs % shape.groups != 0) {
    return std::nullopt;
  }
  const std::uint64_t taps = std::uint64_t{shape.kernel_h} * shape.kernel_w;
  std::uint64_t elements = 0;
  if (shape.depthwise()) {
    std::uint64_t rows = 0;
    if (!checked_add(taps, 1, &rows) ||
        !checked_mul(depthwise_row(shape.inputs), rows, &elements)) {
      return std::nullopt;
    }
    return elements;
  }
  std::uint64_t inputs = 0;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  if (!checked_mul(taps, shape.inputs / shape.groups, &inputs) || !checked_add(inputs, 1, &rows) ||
      !checked_align(shape.outputs / shape.groups, 4, &columns) ||
      !checked_mul(columns, shape.groups, &columns) || !checked_mul(columns, rows, &elements) ||
      !checked_add(elements, kPackPadding, &elements)) {
    return std::nullopt;
  }
  return elements;
}

bool pack_fully_connected(std::span<const float> weights, std::span<const float> bias,
                          std::uint32_t outputs, std::uint32_t inputs, std::span<float> packed) {
  const std::optional<std::uint64_t> elements = packed_elements(outputs, inputs);
  if (!elements || packed.size() != *elements ||
      weights.size() != std::uint64_t{outputs} * inputs ||
      (!bias.empty() && bias.size() != outputs)) {
    return false;
  }
  const auto at = [&](std::uint64_t m, std::uint64_t k) { return weights[m * inputs + k]; };
  pack_group(at, bias.empty() ? nullptr : bias.data(), outputs, inputs, packed.data());
  for (float& value : packed.last(kPackPadding)) value = 0.0f;
  return true;
}

bool pack_conv2d(std::span<const float> weights, std::span<const float> bias,
                 const ConvWeightShape& shape, std::span<float> packed) {
  const std::optional<std::uint64_t> elements = packed_conv2d_elements(shape);
  if (!elements || packed.size() != *elements) return false;
  const std::uint64_t taps = std::uint64_t{shape.kernel_h} * shape.kernel_w;
  const std::uint64_t channels = shape.inputs / shape.groups;  // of one group
  const std::uint64_t outputs = shape.outputs / shape.groups;  // of one group
  // No overflow: not more than *elements.
  if (weights.size() != taps * channels * shape.outputs ||
      (!bias.empty() && bias.size() != shape.outputs)) {
    return false;
  }
  if (shape.depthwise()) {
    pack_depthwise(weights, bias, shape, packed.data());
    return true;
  }
  const std::uint64_t inputs = taps * channels;
  for (std::uint64_t g = 0; g < shape.groups; ++g) {
    const auto at = [&](std::uint64_t m, std::uint64_t k) {
      const std::uint64_t tap = k / channels;
      const std::uint64_t c = k % channels;
      return weights[((g * outputs + m) * channels + c) * taps + tap];
    };
    pack_group(at, bias.empty() ? nullptr : bias.data() + g * outputs, outputs, inputs,
               packed.data() + g * group_elements(outputs, inputs));
  }
  for (float& value : packed.last(kPackPadding)) value = 0.0f;
  return true;
}

}  // namespace sz::ops
