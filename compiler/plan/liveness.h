// For a given order of the steps: which results may take the memory of an input, from when to
// when each piece of memory is needed, and how much is live.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/plan/program.h"

namespace sz::compiler {

// Moments: 0 is when the inputs are copied in, step i of the order is moment i + 1, and
// order.size() + 1 is when the outputs are copied out.
struct Lifetime {
  std::uint32_t first = 0, last = 0;
  bool meets(const Lifetime& other) const { return first <= other.last && other.first <= last; }
};

// Storages that share memory, one after the other, because steps work in place.
struct Block {
  std::uint64_t bytes = 0;
  Lifetime life;
};

inline constexpr std::uint32_t kNoBlock = 0xffffffffu;

struct Liveness {
  std::vector<Block> blocks;
  std::vector<std::uint32_t> block_of;  // storage -> block; kNoBlock for constants and unused ones
  std::vector<bool> swapped;  // by step (program's numbering): takes input 1 as its first input
  std::uint64_t peak = 0;     // largest sum of the bytes of blocks that are live at one moment

  // The lower bound: the largest sum, over the moments, of the bytes of the tensors that are live
  // (written before or in that moment, read in it or later). A channel slice counts from when it
  // itself is written; what a step overwrites in place counts once.
  std::uint64_t live_bound = 0;
};

// `order` is a permutation of the steps that respects their dependencies.
Liveness analyse(const Program& program, const std::vector<std::uint32_t>& order);

}  // namespace sz::compiler
