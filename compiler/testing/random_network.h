// Random networks, for properties that must hold for all of them.
#pragma once

#include <cstdint>

#include "compiler/testing/onnx_builder.h"

namespace sz::compiler::testing {

// A network of about `nodes` nodes of every supported operator on small images, with branches,
// concatenations, residual additions and several outputs. The same seed gives the same network.
OnnxBuilder random_network(std::uint32_t seed, int nodes);

}  // namespace sz::compiler::testing
