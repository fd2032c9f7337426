// Loads a plan into memory of exactly the size that it asks for and runs it, for tests and fuzz
// targets. Around every region lie guard pages of a known pattern; under AddressSanitizer they
// are poisoned, so that a read outside a region is found too. Host only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/memory.h"
#include "base/status.h"
#include "base/workers.h"
#include "engine/model.h"

namespace sz::engine::testing {

// Page-aligned memory between two guards.
class GuardedRegion {
 public:
  GuardedRegion(std::uint64_t bytes, std::uint8_t fill);
  ~GuardedRegion();
  GuardedRegion(const GuardedRegion&) = delete;
  GuardedRegion& operator=(const GuardedRegion&) = delete;

  MutableByteSpan bytes() { return {begin_ + kPageBytes, size_}; }
  void refill(std::uint8_t fill);

  // False if somebody wrote into a guard. The guards are readable again afterwards.
  bool guards_intact();

 private:
  std::byte* begin_;  // first byte of the guard in front
  std::size_t size_;  // of the region
};

class ModelRunner {
 public:
  // Prepares the plan in memory of its own. Afterwards see failure().
  explicit ModelRunner(ByteSpan plan);

  // What Model::prepare said.
  Failure failure() const { return failure_; }
  Model& model() { return model_; }

  // Gives the model regions of exactly the size that it needs, the arena and the scratch filled
  // with `fill`; weights shorter than the region are followed by zeroes.
  Failure attach(ByteSpan weights, std::uint32_t cores = 1, std::uint8_t fill = 0xaa);

  // Runs an entry point; the outputs are in outputs().
  Failure run(std::uint32_t entry, ByteSpan inputs, Workers& workers);
  Failure run(std::uint32_t entry, ByteSpan inputs);

  // The inputs' size, in bytes; the entry point must exist.
  std::size_t input_bytes(std::uint32_t entry) const;

  std::span<const std::byte> outputs() const { return outputs_; }
  std::span<const float> f32_outputs() const;

  // False if a guard of any region was overwritten.
  bool guards_intact();

 private:
  GuardedRegion control_;
  std::optional<GuardedRegion> weights_;
  std::optional<GuardedRegion> arena_;
  std::optional<GuardedRegion> scratch_;
  std::optional<GuardedRegion> state_;
  Model model_;
  Failure failure_;
  std::vector<std::byte> outputs_;
};

}  // namespace sz::engine::testing
