// Where each block of memory lies in the arena.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/plan/liveness.h"

namespace sz::compiler {

struct Placement {
  std::vector<std::uint64_t> offsets;  // by block, multiples of package::kTensorAlignment
  std::uint64_t arena_bytes = 0;       // a multiple of the same
  std::string heuristic;               // which of the tried ones was best
};

// Blocks that are live at the same moment get disjoint places. Tries several orders in which the
// blocks take the lowest free (or the tightest) gap, and, if none reaches the bound, changes the
// best order at random for a while. Deterministic.
Placement place(std::span<const Block> blocks);

}  // namespace sz::compiler
