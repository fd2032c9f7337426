// Compares what a package says of itself with its plan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "include/smartzone/smartzone.hpp"

namespace sz::client {

// Throws Error if number, type or size of the inputs or outputs in the information section are not
// those of the plan's entry point 0, or, of a language model, context, vocabulary or batch. A plan that is none is left to the trusted application, whose
// answer is the one that counts.
void check_info_against_plan(const Package& package);

// Bytes that one prompt of a language model may have; 0 if the package is none.
std::uint32_t most_text_bytes(const Package& package);

// On how many cores, at most `most`, the plan computes faster than on fewer; 1 if the plan is none
// that passes the checker (the trusted application will say what is wrong).
std::uint32_t useful_cores(std::span<const std::byte> plan, std::uint32_t most);

}  // namespace sz::client
