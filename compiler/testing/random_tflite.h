// Random TensorFlow Lite models, for properties that must hold for all of them.
#pragma once

#include <cstdint>

#include "compiler/testing/tflite_builder.h"

namespace sz::compiler::testing {

// A model of about `nodes` operators on small images, of FLOAT32, INT8 or UINT8 values, with
// branches and one or two outputs. The same seed gives the same model.
TfliteBuilder random_tflite(std::uint32_t seed, int nodes);

}  // namespace sz::compiler::testing
