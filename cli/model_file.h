// What needs the compiler, which is not built for the device.
#pragma once

#include <string>

#include "cli/app.h"

namespace sz::cli {

// Prints the graph of a model file. Throws Error where this build has no compiler.
int inspect_model(const Globals& globals, const std::string& path);

}  // namespace sz::cli
