// Which of the device's operators a convolution becomes.
#pragma once

#include "compiler/graph/graph.h"

namespace sz::compiler {

// Whether ConvWinograd is worth its larger weights (16 / 9 of the plain ones).
bool prefers_winograd(const Graph& graph, const Node& node);

}  // namespace sz::compiler
