// Compares what a package says of its inputs and outputs with its plan.
#pragma once

#include "include/smartzone/smartzone.hpp"

namespace sz::client {

// Throws Error if number, type or size of the inputs or outputs in the information section are not
// those of the plan's entry point 0. A plan that is none is left to the trusted application, whose
// answer is the one that counts.
void check_info_against_plan(const Package& package);

}  // namespace sz::client
