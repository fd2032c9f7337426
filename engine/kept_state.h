// What of a language model's state region counts once so many tokens have been computed: for saving
// a conversation without the empty part of its caches.
#pragma once

#include <cstdint>

#include "base/memory.h"
#include "engine/model.h"

namespace sz::engine {

// Of each head of each cache, the groups of positions that hold a token, in the order of the plan's
// tensors; in a plan that keeps anything but caches (ops/transformer/blocks.h), the whole region.
// All other bytes may be zero without changing any result. Borrows the model, which must be
// attached.
class KeptState {
 public:
  // `positions` at most the context. Time grows with tensors and steps.
  KeptState(const Model& model, std::uint32_t positions);

  std::uint64_t bytes() const { return bytes_; }

  // Copies the kept bytes [offset, offset + size) from the region, or into it. They must exist.
  void read(std::uint64_t offset, MutableByteSpan to) const;
  void write(std::uint64_t offset, ByteSpan from) const;

 private:
  std::uint64_t row_bytes(const package::TensorRecord& cache) const;
  template <typename Copy>
  void walk(std::uint64_t offset, std::uint64_t count, Copy copy) const;

  const package::PlanView& plan_;
  MutableByteSpan state_;
  std::uint64_t groups_ = 0;      // that hold a token
  std::uint64_t all_groups_ = 1;  // of a cache
  bool caches_only_ = false;
  std::uint64_t bytes_ = 0;
};

}  // namespace sz::engine
