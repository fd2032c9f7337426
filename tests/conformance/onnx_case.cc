#include "tests/conformance/onnx_case.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "compiler/error.h"
#include "compiler/import/onnx/tensor_import.h"
#include "onnx/onnx_pb.h"

namespace sz::conformance {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error(path.string() + ": cannot be read");
  return text.str();
}

// The tensors PREFIX_0.pb, PREFIX_1.pb ... of a test.
std::vector<compiler::ConstantPtr> read_tensors(const fs::path& folder, const std::string& prefix,
                                                std::string* unreadable) {
  std::vector<compiler::ConstantPtr> tensors;
  for (;;) {
    const std::string name = prefix + "_" + std::to_string(tensors.size()) + ".pb";
    if (!fs::exists(folder / name)) return tensors;
    onnx::TensorProto tensor;
    tensors.emplace_back();
    if (!tensor.ParseFromString(read_file(folder / name))) {
      *unreadable = name + " is no tensor (a sequence, an optional)";
      continue;
    }
    try {
      tensors.back() = compiler::import_tensor(tensor, name, std::uint64_t{1} << 30);
    } catch (const compiler::CompileError& error) {
      *unreadable = error.what();
    }
  }
}

}  // namespace

OnnxCase read_case(const fs::path& folder, const std::string& name) {
  OnnxCase result;
  result.name = name;
  result.model = read_file(folder / "model.onnx");
  onnx::ModelProto model;
  if (!model.ParseFromString(result.model)) {
    throw std::runtime_error(folder.string() + "/model.onnx: is damaged");
  }
  for (const auto& node : model.graph().node()) {
    const std::string& op = node.op_type();
    if (std::find(result.operators.begin(), result.operators.end(), op) == result.operators.end()) {
      result.operators.push_back(op);
    }
  }
  for (const auto& input : model.graph().input()) {
    bool initialised = false;
    for (const auto& tensor : model.graph().initializer()) {
      initialised = initialised || tensor.name() == input.name();
    }
    if (!initialised) result.input_names.push_back(input.name());
  }
  const fs::path data = folder / "test_data_set_0";
  result.inputs = read_tensors(data, "input", &result.unreadable);
  result.outputs = read_tensors(data, "output", &result.unreadable);
  if (result.outputs.empty()) throw std::runtime_error(folder.string() + ": has no outputs");
  if (result.inputs.size() > result.input_names.size()) {
    throw std::runtime_error(folder.string() + ": has more inputs than its model");
  }
  return result;
}

}  // namespace sz::conformance
