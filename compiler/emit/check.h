// The compiler's last check: the plan passes what the TA will do with it.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "engine/model.h"

namespace sz::compiler {

// Parses and checks the plan with the engine's own code and returns the memory that it needs on
// one core. Throws InternalError if it does not pass: then the compiler is wrong.
engine::MemoryNeed check_emitted(std::span<const std::byte> plan, const std::string& source);

}  // namespace sz::compiler
