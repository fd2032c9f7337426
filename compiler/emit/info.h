// The description in a package: JSON that the client reads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/report/report.h"
#include "package/package_file.h"

namespace sz::compiler {

// What the description says beside the graph and the report.
struct InfoInputs {
  std::string model_name;
  package::Sha256Digest source_sha256{};  // of the model file; of .cfg and .weights as one
  std::optional<std::string> preprocess_json;
  std::vector<std::string> labels;
};

// Hexadecimal digits.
std::string hex(const package::Sha256Digest& digest);

// The JSON text (docs/compiler.md has the schema). Throws CompileError if preprocessing or labels
// do not fit the network.
std::string make_info(const Graph& graph, const Report& report, const InfoInputs& inputs);

}  // namespace sz::compiler
