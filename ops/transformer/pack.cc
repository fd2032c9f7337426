#include "ops/transformer/pack.h"

#include <algorithm>
#include <cmath>

#include "math/half.h"
#include "ops/transformer/panel.h"

namespace sz::ops {
namespace {

constexpr std::size_t kQuad = 4 * kPanelOutputs;  // bytes of four k of a panel

template <typename T>
void store_at(std::byte* to, T value) {
  copy_bytes(to, &value, sizeof(T));
}

// Writes one row of a plain matrix into its lane of a panel that is all zeroes.
void pack_row(BlockFormat format, const std::byte* row, std::size_t inputs, std::size_t lane,
              std::byte* panel) {
  if (format == BlockFormat::kF32 || format == BlockFormat::kF16) {
    const std::size_t size = format == BlockFormat::kF32 ? 4 : 2;
    std::byte* to = panel + (format == BlockFormat::kF32 ? kPanelOutputs * size : 0) + lane * size;
    for (std::size_t k = 0; k < inputs; ++k) {
      copy_bytes(to + k * kPanelOutputs * size, row + k * size, size);
    }
    return;
  }
  const std::size_t block_bytes = plain_row_bytes(format, kBlock);
  const std::size_t quads = (block_bytes - 2) / 4;
  for (std::size_t block = 0; block < blocks_of(inputs); ++block, row += block_bytes) {
    copy_bytes(panel + lane * 2, row, 2);
    std::byte* to = panel + kPanelOutputs * 2 + lane * 4;
    for (std::size_t q = 0; q < quads; ++q) copy_bytes(to + q * kQuad, row + 2 + q * 4, 4);
    panel += panel_bytes(format, kBlock);
  }
}

// Packs `plain` into every `step`-th panel of `packed`. Lanes without an output have zeroes; their
// nibbles say -8, of which a scale of 0 makes zeroes too.
void pack_panels(BlockFormat format, ByteSpan plain, std::size_t outputs, std::size_t inputs,
                 std::byte* packed, std::size_t step) {
  const std::size_t row_bytes = plain_row_bytes(format, inputs);
  const std::size_t bytes = panel_bytes(format, inputs);
  for (std::size_t panel = 0; panel < panels_of(outputs); ++panel, packed += step * bytes) {
    fill_bytes(packed, 0, bytes);
    const std::size_t first = panel * kPanelOutputs;
    for (std::size_t lane = 0; lane < kPanelOutputs && first + lane < outputs; ++lane) {
      pack_row(format, plain.data() + (first + lane) * row_bytes, inputs, lane, packed);
    }
  }
}

bool plain_fits(BlockFormat format, ByteSpan plain, std::uint32_t outputs, std::uint32_t inputs) {
  return is_block_format(format) && outputs > 0 && inputs > 0 && inputs <= kMostInputs &&
         plain.size() == outputs * plain_row_bytes(format, inputs);
}

int rounded(float value, int low, int high) {
  return std::clamp(static_cast<int>(std::lrint(value)), low, high);
}

// False if a scale is too large for an f16.
bool quantize_q8(std::span<const float> numbers, std::byte* to) {
  float largest = 0.0f;
  for (const float x : numbers) largest = std::max(largest, std::fabs(x));
  const std::uint16_t half = math::float_to_half(largest / 127.0f);
  const float scale = math::half_to_float(half);
  if (!std::isfinite(scale)) return false;
  store_at(to, half);
  for (std::size_t i = 0; i < kBlock; ++i) {
    const float x = i < numbers.size() && scale > 0.0f ? numbers[i] / scale : 0.0f;
    store_at(to + 2 + i, static_cast<std::int8_t>(rounded(x, -127, 127)));
  }
  return true;
}

struct Nibbles {
  std::uint16_t scale = 0;
  std::int8_t values[kBlock] = {};  // -8 .. 7
  double error = 0.0;               // sum of squares
};

Nibbles nibbles_with(std::span<const float> numbers, float wanted_scale) {
  Nibbles result;
  result.scale = math::float_to_half(wanted_scale);
  const float scale = math::half_to_float(result.scale);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const int value = scale != 0.0f ? rounded(numbers[i] / scale, -8, 7) : 0;
    result.values[i] = static_cast<std::int8_t>(value);
    const double difference = static_cast<double>(numbers[i]) - static_cast<double>(scale) * value;
    result.error += difference * difference;
  }
  return result;
}

// The scale that suits given nibbles best (least squares).
float scale_of(std::span<const float> numbers, const Nibbles& nibbles) {
  double products = 0.0, squares = 0.0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    products += static_cast<double>(numbers[i]) * nibbles.values[i];
    squares += static_cast<double>(nibbles.values[i]) * nibbles.values[i];
  }
  return squares > 0.0 ? static_cast<float>(products / squares) : 0.0f;
}

// Scales for which the number farthest from zero would become -5 to -10 (of either sign of the
// scale), each improved once by least squares.
bool quantize_q4(std::span<const float> numbers, std::byte* to) {
  float farthest = 0.0f;
  for (const float x : numbers) {
    if (std::fabs(x) > std::fabs(farthest)) farthest = x;
  }
  if (!std::isfinite(math::half_to_float(math::float_to_half(farthest / 5.0f)))) return false;
  Nibbles best = nibbles_with(numbers, farthest / -8.0f);
  const auto consider = [&](float scale) {
    const Nibbles other = nibbles_with(numbers, scale);
    if (other.error < best.error) best = other;
    return other;
  };
  constexpr int kSteps = 40;
  for (int step = 0; step <= kSteps; ++step) {
    const float reach = 5.0f + 5.0f * static_cast<float>(step) / kSteps;
    for (const float sign : {-1.0f, 1.0f}) {
      const Nibbles tried = consider(farthest / (sign * reach));
      consider(scale_of(numbers, tried));
    }
  }
  store_at(to, best.scale);
  for (std::size_t j = 0; j < kBlock / 2; ++j) {
    const int byte = (best.values[j] + 8) | (best.values[j + 16] + 8) << 4;
    store_at(to + 2 + j, static_cast<std::uint8_t>(byte));
  }
  return true;
}

}  // namespace

bool pack_matrix(BlockFormat format, ByteSpan plain, std::uint32_t outputs, std::uint32_t inputs,
                 MutableByteSpan packed) {
  if (!plain_fits(format, plain, outputs, inputs)) return false;
  if (packed.size() != packed_bytes(format, outputs, inputs)) return false;
  pack_panels(format, plain, outputs, inputs, packed.data(), 1);
  return true;
}

bool pack_gate_and_up(BlockFormat format, ByteSpan gate, ByteSpan up, std::uint32_t outputs,
                      std::uint32_t inputs, MutableByteSpan packed) {
  if (!plain_fits(format, gate, outputs, inputs) || !plain_fits(format, up, outputs, inputs)) {
    return false;
  }
  if (packed.size() != 2 * packed_bytes(format, outputs, inputs)) return false;
  pack_panels(format, gate, outputs, inputs, packed.data(), 2);
  pack_panels(format, up, outputs, inputs, packed.data() + panel_bytes(format, inputs), 2);
  return true;
}

bool quantize_row(BlockFormat format, std::span<const float> numbers, MutableByteSpan row) {
  if (!is_block_format(format) || row.size() != plain_row_bytes(format, numbers.size())) {
    return false;
  }
  if (!std::ranges::all_of(numbers, [](float x) { return std::isfinite(x); })) return false;
  if (format == BlockFormat::kF32) {
    copy_bytes(row.data(), numbers.data(), row.size());
    return true;
  }
  if (format == BlockFormat::kF16) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const std::uint16_t half = math::float_to_half(numbers[i]);
      if ((half & 0x7fffu) == 0x7c00u) return false;
      store_at(row.data() + 2 * i, half);
    }
    return true;
  }
  const std::size_t block_bytes = plain_row_bytes(format, kBlock);
  for (std::size_t i = 0; i < numbers.size(); i += kBlock) {
    const auto block = numbers.subspan(i, std::min<std::size_t>(kBlock, numbers.size() - i));
    std::byte* to = row.data() + i / kBlock * block_bytes;
    if (!(format == BlockFormat::kQ8_0 ? quantize_q8(block, to) : quantize_q4(block, to))) {
      return false;
    }
  }
  return true;
}

bool dequantize_row(BlockFormat format, ByteSpan row, std::span<float> numbers) {
  if (!is_block_format(format) || row.size() != plain_row_bytes(format, numbers.size())) {
    return false;
  }
  const std::size_t block_bytes = plain_row_bytes(format, kBlock);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (format == BlockFormat::kF32) {
      numbers[i] = load_at<float>(row.data() + 4 * i);
    } else if (format == BlockFormat::kF16) {
      numbers[i] = math::half_to_float(load_at<std::uint16_t>(row.data() + 2 * i));
    } else {
      const std::byte* block = row.data() + i / kBlock * block_bytes;
      const float scale = math::half_to_float(load_at<std::uint16_t>(block));
      const std::size_t j = i % kBlock;
      if (format == BlockFormat::kQ8_0) {
        numbers[i] = scale * static_cast<float>(load_at<std::int8_t>(block + 2 + j));
      } else {
        const auto byte = load_at<std::uint8_t>(block + 2 + j % 16);
        numbers[i] = scale * static_cast<float>((j < 16 ? byte & 15 : byte >> 4) - 8);
      }
    }
  }
  return true;
}

}  // namespace sz::ops
