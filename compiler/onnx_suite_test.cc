// The tests of single operators that ONNX publishes: each is either refused with a CompileError or
// gives the published result. Nothing in between.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "compiler/compile.h"
#include "compiler/import/onnx/importer.h"
#include "compiler/testing/runner.h"
#include "onnx/onnx_pb.h"

namespace sz::compiler {
namespace {

namespace fs = std::filesystem;

// |y - published| / max |published| in the maximum norm.
constexpr double kTolerance = 1e-5;

struct OnnxCase {
  onnx::ModelProto model;
  std::vector<onnx::TensorProto> inputs, outputs;
};

bool read(const fs::path& path, google::protobuf::Message& message) {
  std::ifstream file(path, std::ios::binary);
  return file && message.ParseFromIstream(&file);
}

// Opset 6 as 7: what changed in between has other attributes, and those are refused.
void raise_opset(onnx::ModelProto& model) {
  auto& opset = *model.mutable_opset_import(0);
  if (opset.version() == 6) opset.set_version(kMinOpset);
}

OnnxCase read_case(const fs::path& folder) {
  OnnxCase test;
  EXPECT_TRUE(read(folder / "model.onnx", test.model)) << folder;
  raise_opset(test.model);
  const fs::path data = folder / "test_data_set_0";
  for (onnx::TensorProto tensor;
       read(data / ("input_" + std::to_string(test.inputs.size()) + ".pb"), tensor);) {
    test.inputs.push_back(tensor);
  }
  for (onnx::TensorProto tensor;
       read(data / ("output_" + std::to_string(test.outputs.size()) + ".pb"), tensor);) {
    test.outputs.push_back(tensor);
  }
  return test;
}

// Makes every input but the first a constant of the model: weights are inputs in these tests.
onnx::ModelProto with_constants(const OnnxCase& test) {
  onnx::ModelProto model = test.model;
  for (int i = 1; i < model.graph().input_size(); ++i) {
    if (static_cast<std::size_t>(i) >= test.inputs.size()) break;
    onnx::TensorProto* constant = model.mutable_graph()->add_initializer();
    *constant = test.inputs[static_cast<std::size_t>(i)];
    constant->set_name(model.graph().input(i).name());
  }
  return model;
}

std::vector<float> floats(const onnx::TensorProto& tensor) {
  if (!tensor.has_raw_data()) return {tensor.float_data().begin(), tensor.float_data().end()};
  std::vector<float> values(tensor.raw_data().size() / sizeof(float));
  std::memcpy(values.data(), tensor.raw_data().data(), values.size() * sizeof(float));
  return values;
}

enum class Outcome { kRight, kRefused, kWrong };

Outcome try_model(const OnnxCase& test, const onnx::ModelProto& model, std::size_t inputs,
                  std::string* message) {
  const std::string bytes = model.SerializeAsString();
  CompileResult result;
  try {
    result = compile_onnx(std::as_bytes(std::span(bytes)), "test", {});
  } catch (const InternalError& error) {
    *message = error.what();
    return Outcome::kWrong;
  } catch (const CompileError& error) {
    *message = error.what();
    return Outcome::kRefused;
  }
  std::vector<std::vector<float>> values;
  for (std::size_t i = 0; i < inputs; ++i) values.push_back(floats(test.inputs.at(i)));
  const auto outputs = testing::run_package(result.package, values);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const double distance = testing::relative_distance(outputs[i], floats(test.outputs.at(i)));
    if (distance <= kTolerance) continue;
    *message = "output " + std::to_string(i) + " is off by " + std::to_string(distance);
    return Outcome::kWrong;
  }
  return Outcome::kRight;
}

TEST(OnnxSuite, EveryTestIsRightOrRefused) {
  if (testing::data_folder().empty()) GTEST_SKIP() << "SMARTZONE_DATA names no folder with tests";
  const fs::path root = fs::path(testing::data_folder()) / "onnx-node-tests";
  if (!fs::exists(root)) GTEST_SKIP() << "there are no operator tests in " << root;
  std::map<std::string, int> right;
  int passed = 0;
  int refused = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().filename() != "model.onnx") continue;
    const OnnxCase test = read_case(entry.path().parent_path());
    std::string message;
    Outcome outcome = try_model(test, test.model, test.inputs.size(), &message);
    if (outcome == Outcome::kRefused && test.inputs.size() > 1) {
      outcome = try_model(test, with_constants(test), 1, &message);
    }
    const std::string name = entry.path().parent_path().filename().string();
    EXPECT_NE(outcome, Outcome::kWrong) << name << ": " << message;
    if (outcome == Outcome::kRefused && std::getenv("VERBOSE"))
      std::cout << name << ": " << message << '\n';
    passed += outcome == Outcome::kRight;
    refused += outcome == Outcome::kRefused;
    if (outcome == Outcome::kRight) {
      for (const auto& node : test.model.graph().node()) ++right[node.op_type()];
    }
  }
  std::cout << passed << " right, " << refused << " refused; right with:";
  for (const auto& [op, count] : right) std::cout << ' ' << op << '(' << count << ')';
  std::cout << '\n';
  EXPECT_GE(passed, 109);
}

}  // namespace
}  // namespace sz::compiler
