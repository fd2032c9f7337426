// Compares what a package says of its inputs and outputs with its plan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "include/smartzone/smartzone.hpp"

namespace sz::client {

// Throws Error if number, type or size of the inputs or outputs in the information section are not
// those of the plan's entry point 0. A plan that is none is left to the trusted application, whose
// answer is the one that counts.
void check_info_against_plan(const Package& package);

// On how many cores, at most `most`, the plan computes faster than on fewer; 1 if the plan is none
// that passes the checker (the trusted application will say what is wrong).
std::uint32_t useful_cores(std::span<const std::byte> plan, std::uint32_t most);

}  // namespace sz::client
