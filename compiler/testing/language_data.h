// Where the trained language models are, for tests that need no compiler.
#pragma once

#include <string>

namespace sz::compiler::testing {

// The environment's SMARTZONE_DATA, else that of the build; empty if there is none.
std::string language_data_folder();

}  // namespace sz::compiler::testing
