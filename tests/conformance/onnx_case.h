// One of ONNX's backend tests: a model of a few nodes, inputs, and the outputs that they must give.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "compiler/graph/constant.h"

namespace sz::conformance {

struct OnnxCase {
  std::string name;                    // "node/test_add"
  std::string model;                   // the file's bytes
  std::vector<std::string> operators;  // of its nodes, in order, each once
  std::vector<std::string> input_names;
  std::vector<compiler::ConstantPtr> inputs, outputs;
  std::string unreadable;  // why a tensor of the test is not for us; empty otherwise
};

// Reads the folder of a test. Throws std::runtime_error if files are missing or damaged.
OnnxCase read_case(const std::filesystem::path& folder, const std::string& name);

}  // namespace sz::conformance
