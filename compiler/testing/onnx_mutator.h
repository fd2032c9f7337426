// Changes ONNX models a little, for the fuzz target: most of what comes out can still be parsed, so
// that the later stages see something too.
#pragma once

#include <cstdint>
#include <random>

#include "onnx/onnx_pb.h"

namespace sz::compiler::testing {

// Makes one random change: an operator, an operand, an attribute, a shape, a type, the order of
// nodes, the opset.
void mutate(onnx::ModelProto& model, std::mt19937& random);

}  // namespace sz::compiler::testing
