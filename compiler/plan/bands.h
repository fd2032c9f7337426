// Chains of convolutions, pools and the like are computed in bands of rows, so that what lies
// between them is never there as a whole.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/plan/program.h"

namespace sz::compiler {

// One chain that was cut.
struct BandedChain {
  std::string first, last;  // names of its first and last step
  std::uint32_t steps = 0, bands = 0;
};

struct Banded {
  Program program;
  std::vector<BandedChain> chains;
};

struct BandOptions {
  std::uint64_t small_peak = 128 << 10;  // bytes: below it, fewer steps are worth more
  std::uint32_t least_rows = 4;          // of a band of the chain's result
};

// Cuts chains where that lowers the peak of live memory; nothing is computed twice: the rows that
// the windows of two bands share are copied from one to the next. Results are the same bits. The
// steps stand in the order that was assumed. Deterministic.
Banded compute_in_bands(const Program& program, const BandOptions& options = {});

}  // namespace sz::compiler
