// The order of the steps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/plan/program.h"

namespace sz::compiler {

struct Schedule {
  std::vector<std::uint32_t> order;  // the program's steps, in order of execution
  std::string heuristic;             // which of the tried ones was best
};

// Tries the order of the file, depth first from the outputs, and greedy orders (smallest growth
// first), and takes the one that needs the least memory at once. Deterministic.
Schedule schedule(const Program& program);

}  // namespace sz::compiler
