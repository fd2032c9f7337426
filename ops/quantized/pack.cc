#include "ops/quantized/pack.h"

#include <bit>

#include "base/checked.h"
#include "base/memory.h"

namespace sz::ops {
namespace {

constexpr std::uint64_t kAlign = 64;

bool in_int8(std::int32_t value) { return value >= -128 && value <= 127; }

bool finite_and_not_negative(float value) { return value >= 0.0f && value - value == 0.0f; }

// The parts of a blob in the way that the packing fills them.
struct Writer {
  const QuantParameters& parameters;
  const ConvWeightShape& shape;
  const QuantLayout& layout;
  std::byte* blob;

  std::uint64_t inputs_of_output() const {
    return std::uint64_t{shape.inputs} / shape.groups * shape.kernel_h * shape.kernel_w;
  }
  std::int8_t weight(std::uint64_t m, std::uint64_t c, std::uint64_t tap) const {
    const std::uint64_t channels = shape.inputs / shape.groups;
    const std::uint64_t taps = std::uint64_t{shape.kernel_h} * shape.kernel_w;
    return parameters.weights[(m * channels + c) * taps + tap];
  }
  void put(std::uint64_t part, std::uint64_t slot, std::uint32_t word) const {
    copy_bytes(blob + part + slot * sizeof(word), &word, sizeof(word));
  }

  // Bias, sum and factor of output m, which stands at `slot`. False if a value is out of range.
  bool put_channel(std::uint64_t m, std::uint64_t slot) const {
    const std::uint64_t inputs = inputs_of_output();
    std::int64_t sum = 0;
    for (std::uint64_t k = 0; k < inputs; ++k) sum += parameters.weights[m * inputs + k];
    const auto shifted = sum - static_cast<std::int64_t>(inputs) * parameters.weight_zero;
    const std::int64_t bias = (parameters.bias.empty() ? 0 : std::int64_t{parameters.bias[m]}) -
                              parameters.x_zero * shifted;
    if (bias != static_cast<std::int32_t>(bias)) return false;
    put(layout.bias, slot, static_cast<std::uint32_t>(bias));
    put(layout.sums, slot, static_cast<std::uint32_t>(sum));
    if (parameters.mode == Rescaling::kFloat) {
      const float scale = parameters.scales[parameters.scales.size() == 1 ? 0 : m];
      const float rest = parameters.rests.empty() ? 0.0f : parameters.rests[m];
      put(layout.factors, slot, std::bit_cast<std::uint32_t>(scale));
      put(layout.shifts, slot, std::bit_cast<std::uint32_t>(rest));
      return finite_and_not_negative(scale) && rest - rest == 0.0f;
    }
    if (parameters.mode != Rescaling::kFixedPoint) return true;
    const std::int32_t multiplier =
        parameters.multipliers[parameters.multipliers.size() == 1 ? 0 : m];
    const std::int32_t shift = parameters.shifts[parameters.shifts.size() == 1 ? 0 : m];
    put(layout.factors, slot, static_cast<std::uint32_t>(multiplier));
    put(layout.shifts, slot, static_cast<std::uint32_t>(shift));
    return multiplier >= 0 && shift >= -31 && shift <= 30;
  }

  void put_depthwise() const {
    const std::uint64_t taps = std::uint64_t{shape.kernel_h} * shape.kernel_w;
    for (std::uint64_t t = 0; t < taps; ++t) {
      for (std::uint64_t c = 0; c < shape.inputs; ++c) {
        blob[layout.weights + t * layout.channels + c] = static_cast<std::byte>(weight(c, 0, t));
      }
    }
  }

  // Input `i` of segment `s` of output m.
  std::int8_t segment_weight(std::uint64_t m, std::uint64_t s, std::uint64_t i) const {
    const std::uint64_t channels = shape.inputs / shape.groups;
    const std::uint64_t k = s * layout.length + i;
    return weight(m, k % channels, k / channels);
  }

  void put_panel(std::uint64_t group, std::uint64_t panel) const {
    const std::uint64_t outputs = shape.outputs / shape.groups;
    constexpr std::uint64_t kQuadBytes = 4 * kPanelWidth;
    std::byte* to = blob + layout.panel(group, panel);
    for (std::uint64_t s = 0; s < layout.segments; ++s) {
      for (std::uint64_t q = 0; q < layout.quads; ++q, to += kQuadBytes) {
        for (std::uint64_t at = 0; at < kQuadBytes; ++at) {
          const std::uint64_t channel = panel * kPanelWidth + at / 4;
          const std::uint64_t i = q * 4 + at % 4;
          if (channel >= outputs || i >= layout.length) continue;
          to[at] = static_cast<std::byte>(segment_weight(group * outputs + channel, s, i));
        }
      }
    }
  }

  std::uint32_t flags() const {
    std::uint32_t result = kNarrowWeights | kRightShifts;
    for (const std::int8_t value : parameters.weights) {
      if (value == -128) result &= ~kNarrowWeights;
    }
    for (const std::int32_t shift : parameters.shifts) {
      if (shift >= 0) result &= ~kRightShifts;
    }
    return result;
  }

  bool put_all() const {
    fill_bytes(blob, 0, layout.bytes);
    put(0, 0, flags());
    const std::uint64_t outputs = shape.outputs / shape.groups;
    for (std::uint64_t m = 0; m < shape.outputs; ++m) {
      const std::uint64_t slot =
          layout.depthwise ? m : m / outputs * layout.group_channels + m % outputs;
      if (!put_channel(m, slot)) return false;
    }
    if (layout.depthwise) {
      put_depthwise();
      return true;
    }
    for (std::uint64_t group = 0; group < shape.groups; ++group) {
      for (std::uint64_t panel = 0; panel * kPanelWidth < outputs; ++panel) put_panel(group, panel);
    }
    return true;
  }
};

bool one_or_each(std::uint64_t size, std::uint64_t outputs) { return size == 1 || size == outputs; }

bool consistent(const QuantParameters& p, const ConvWeightShape& shape) {
  const std::uint64_t inputs =
      std::uint64_t{shape.inputs} / shape.groups * shape.kernel_h * shape.kernel_w;
  if (p.weights.size() != inputs * shape.outputs ||
      (!p.bias.empty() && p.bias.size() != shape.outputs) || !in_int8(p.x_zero) ||
      !in_int8(p.weight_zero)) {
    return false;
  }
  switch (p.mode) {
    case Rescaling::kFixedPoint:
      return one_or_each(p.multipliers.size(), shape.outputs) &&
             one_or_each(p.shifts.size(), shape.outputs);
    case Rescaling::kFloat:
      return one_or_each(p.scales.size(), shape.outputs) &&
             (p.rests.empty() || p.rests.size() == shape.outputs);
    case Rescaling::kNone:
      return true;
  }
  return false;
}

// Cuts the inputs of one output into segments. False if there are too many.
bool cut_inputs(const ConvWeightShape& shape, QuantLayout* layout) {
  const std::uint64_t channels = shape.inputs / shape.groups;
  std::uint64_t inputs = std::uint64_t{shape.kernel_h} * shape.kernel_w;  // 32-bit factors
  layout->segments = inputs;
  if (!checked_mul(inputs, channels, &inputs) || inputs > kMaxQuantInputs) return false;
  layout->length = channels;
  layout->gathered = channels % 4 != 0 && channels <= kGatherChannels && shape.groups == 1;
  if (layout->gathered) {
    layout->segments = 1;
    layout->length = inputs;
  }
  layout->quads = (layout->length + 3) / 4;
  return true;
}

}  // namespace

std::optional<QuantLayout> quant_layout(const ConvWeightShape& shape) {
  if (shape.inputs == 0 || shape.outputs == 0 || shape.groups == 0 || shape.kernel_h == 0 ||
      shape.kernel_w == 0 || shape.inputs % shape.groups != 0 ||
      shape.outputs % shape.groups != 0) {
    return std::nullopt;
  }
  QuantLayout layout;
  layout.depthwise = shape.depthwise();
  if (!cut_inputs(shape, &layout)) return std::nullopt;
  layout.group_channels = align_up(shape.outputs / shape.groups, kPanelWidth);
  layout.channels =
      layout.depthwise ? depthwise_row(shape.inputs) : layout.group_channels * shape.groups;
  // channels < 2^37 and quads_of_output < 2^18: nothing below overflows.
  const std::uint64_t part = align_up(layout.channels * 4, kAlign);
  layout.bias = kAlign;
  layout.sums = layout.bias + part;
  layout.factors = layout.sums + part;
  layout.shifts = layout.factors + part;
  layout.weights = layout.shifts + part;
  const std::uint64_t row = layout.depthwise ? layout.segments : 4 * layout.quads_of_output();
  layout.bytes = align_up(layout.weights + layout.channels * row, kAlign) + kQuantPadding;
  if (layout.bytes > 0xffffffffu) return std::nullopt;
  return layout;
}

std::optional<std::uint64_t> packed_qconv2d_bytes(const ConvWeightShape& shape) {
  const std::optional<QuantLayout> layout = quant_layout(shape);
  if (!layout) return std::nullopt;
  return layout->bytes;
}

std::optional<std::uint64_t> packed_qfully_connected_bytes(std::uint64_t outputs,
                                                           std::uint64_t inputs) {
  if (outputs > 0xffffffffu || inputs > kMaxQuantInputs) return std::nullopt;
  return packed_qconv2d_bytes(fully_connected_shape(static_cast<std::uint32_t>(outputs),
                                                    static_cast<std::uint32_t>(inputs)));
}

bool pack_qconv2d(const QuantParameters& parameters, const ConvWeightShape& shape,
                  std::span<std::byte> packed) {
  const std::optional<QuantLayout> layout = quant_layout(shape);
  if (!layout || packed.size() != layout->bytes || !consistent(parameters, shape)) return false;
  return Writer{parameters, shape, *layout, packed.data()}.put_all();
}

bool pack_qfully_connected(const QuantParameters& parameters, std::uint32_t outputs,
                           std::uint32_t inputs, std::span<std::byte> packed) {
  return pack_qconv2d(parameters, fully_connected_shape(outputs, inputs), packed);
}

}  // namespace sz::ops
