// The options that say on how many cores, and in how many instances, a network runs.
#pragma once

#include <string>
#include <vector>

namespace sz::cli {

// "auto" (0) or a number of cores, 1 .. 8. Throws Error.
unsigned parse_cores(const std::string& text);

// Several of them, none twice. Throws Error.
std::vector<unsigned> parse_cores_list(const std::vector<std::string>& words);

// "auto" or the number.
std::string cores_text(unsigned asked);

}  // namespace sz::cli
