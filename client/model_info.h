// The information section of a package: JSON for the normal world. What the client reads of it:
//
//   {"format": 1, "name": "digits",
//    "inputs":  [{"name": "image", "dtype": "f32", "shape": [1, 1, 20, 20]}],
//    "outputs": [{"name": "probabilities", "dtype": "f32", "shape": [1, 10]}],
//    "labels": ["zero", ...],                    optional
//    "preprocess": null | {"version": 1, "color": "GRAY" | "RGB" | "BGR",
//                          "resize": null | {"shorter_side": N} | {"height": H, "width": W},
//                          "crop": null | {"height": H, "width": W},
//                          "mean": [one per channel], "scale": [one per channel]},
//    "language": null | {"context": N, "vocabulary": N, "batch": N, "cache": "f32",
//                        "formats": {"Q6_K -> q8_0": 3, ...}, "chat_template": null | "..."}}
//
// A language model has no inputs and no outputs; anything else has an output at least.
// Other members (the compiler's report) are left alone. The section is not trusted: the TA never
// sees it, and every value is checked here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "include/smartzone/smartzone.hpp"

namespace sz::client {

struct ModelInfo {
  std::string name;
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::vector<std::string> labels;
  std::optional<Preprocess> preprocess;
  std::optional<LanguageInfo> language;
};

// Parses the section. `where` is what errors name, usually the package's path. Throws Error with
// the member that is wrong.
ModelInfo parse_model_info(std::string_view json, const std::string& where);

// Parses a preprocessing file (the value of "preprocess" above). Throws Error.
Preprocess parse_preprocess(std::string_view json, const std::string& where);

}  // namespace sz::client
