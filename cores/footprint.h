// Memory that sharing work between cores takes, in bytes. The compiler's analysis and the TA call
// the same functions.
#pragma once

#include <cstdint>

#include "cores/job_board.h"

namespace sz::cores {

inline constexpr std::uint64_t kStackPage = 4096;

// Of one helper. The deepest path through an operator takes less than a quarter of it (no frame of
// a trusted room has more than 4096 bytes, see cmake/toolchains/ta.cmake; today's largest has 704).
inline constexpr std::uint64_t kHelperStackBytes = 4 * kStackPage;

constexpr std::uint64_t board_bytes(std::uint32_t workers) {
  return workers > 1 ? sizeof(JobBoard) : 0;
}

// One page that nobody may touch, then a stack for each helper (SECURE_CORES_CMD_START).
constexpr std::uint64_t stacks_bytes(std::uint32_t workers) {
  return workers > 1 ? kStackPage + (workers - 1) * kHelperStackBytes : 0;
}

}  // namespace sz::cores
