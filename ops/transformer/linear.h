// Linear (ops/transformer/transformer.h): rows times a packed matrix.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/operator.h"
#include "ops/transformer/transformer.h"

namespace sz::ops {

Status check_linear(const Step& step);
std::uint64_t linear_scratch(const Step& step);
std::uint64_t linear_cost(const Step& step);
Status run_linear(const Step& step, const RunContext& context) noexcept;

struct LinearJob {
  LinearAttributes attributes;
  std::size_t rows = 0;  // in use
  const std::byte* x = nullptr;
  std::size_t x_pitch = 0;  // bytes
  const std::byte* weights = nullptr;
  const float* residual = nullptr;  // kResidual only
  float* y = nullptr;

  bool quantized() const {
    return attributes.format == BlockFormat::kQ8_0 || attributes.format == BlockFormat::kQ4_0;
  }
  // Panels of weights that make one panel of results.
  std::size_t each() const { return attributes.epilogue == LinearEpilogue::kSwiglu ? 2 : 1; }
};

// How the vector kernels go about it: rows by tiles of at most so many, so many panels of weights
// for a tile before its results are finished.
inline constexpr std::size_t kLinearRows = 32;
inline constexpr std::size_t kLinearPanels = 12;
inline constexpr std::size_t kLinearPitch = kLinearPanels * kPanelOutputs;

// What a worker needs, in this order, each aligned to 64 bytes: the sums of a tile
// [kLinearRows][kLinearPitch], the addresses of its rows (f32 only).
struct LinearScratch {
  std::size_t sums_bytes = 0, table_bytes = 0;

  LinearScratch(const LinearAttributes& attributes, std::size_t rows);
  std::size_t bytes() const { return sums_bytes + table_bytes; }
};

void linear_reference(const LinearJob& job);
void linear_vector(const LinearJob& job, const RunContext& context);

}  // namespace sz::ops
