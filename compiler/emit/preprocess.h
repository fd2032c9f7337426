// The description of how a picture becomes the input tensor.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "compiler/graph/constant.h"

namespace sz::compiler {

// Parses and checks
//   {"version": 1, "color": "GRAY"|"RGB"|"BGR", "resize": null|{"shorter_side": N}|
//    {"height": H, "width": W}, "crop": null|{"height": H, "width": W},
//    "mean": [per channel], "scale": [per channel]}
// against the shape [N, C, H, W] of the network's input. value = (pixel - mean[c]) * scale[c].
// Throws CompileError naming the field.
nlohmann::json check_preprocess(const std::string& text, const Shape& input);

}  // namespace sz::compiler
