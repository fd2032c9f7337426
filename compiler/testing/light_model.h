// ONNX files without weights: each weight is a ConstantOfShape node whose values a formula gives.
// A file beside the model lists them: name, seed_name, shape, lo, hi.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "onnx/onnx_pb.h"

namespace sz::compiler::testing {

// The values of one tensor of the list: element i is lo + (hi - lo) * u, u in [0, 1) from the
// splitmix64 generator seeded with a hash (FNV-1a) of seed_name.
std::vector<float> generate(const nlohmann::json& tensor);

// Puts the generated values in the place of the nodes that stand for them.
void fill_in(onnx::GraphProto& graph, const nlohmann::json& tensors);

}  // namespace sz::compiler::testing
