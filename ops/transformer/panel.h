// Single numbers of a packed matrix (ops/transformer/blocks.h), for everything that need not be
// fast.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/memory.h"
#include "math/half.h"
#include "ops/transformer/blocks.h"

namespace sz::ops {

template <typename T>
T load_at(const std::byte* from) {
  T value;
  copy_bytes(&value, from, sizeof(T));
  return value;
}

// One output of a panel: `lane` in [0, 16).
struct PanelColumn {
  BlockFormat format;
  const std::byte* panel;
  std::size_t lane;

  // Weight k of format f32 or f16.
  float number(std::size_t k) const {
    if (format == BlockFormat::kF32) {
      return load_at<float>(panel + ((k + 1) * kPanelOutputs + lane) * 4);
    }
    return math::half_to_float(load_at<std::uint16_t>(panel + (k * kPanelOutputs + lane) * 2));
  }

  // Scale of a block and byte (or nibble) k, signed, of format q8_0 or q4_0.
  float scale(std::size_t block) const {
    return math::half_to_float(load_at<std::uint16_t>(block_at(block) + lane * 2));
  }
  std::int32_t quantized(std::size_t k) const {
    const std::byte* values = block_at(k / kBlock) + kPanelOutputs * 2;
    const std::size_t in_block = k % kBlock;
    if (format == BlockFormat::kQ8_0) {
      const std::size_t at = in_block / 4 * (4 * kPanelOutputs) + lane * 4 + in_block % 4;
      return load_at<std::int8_t>(values + at);
    }
    const std::size_t low = in_block % 16;
    const std::size_t at = low / 4 * (4 * kPanelOutputs) + lane * 4 + low % 4;
    const auto byte = load_at<std::uint8_t>(values + at);
    return (in_block < 16 ? byte & 15 : byte >> 4) - 8;
  }

 private:
  const std::byte* block_at(std::size_t block) const {
    return panel + block * panel_bytes(format, kBlock);
  }
};

}  // namespace sz::ops
