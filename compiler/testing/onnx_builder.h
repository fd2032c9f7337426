// Makes ONNX models in memory, for tests. Nothing is checked: hostile models are the purpose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "onnx/onnx_pb.h"

namespace sz::compiler::testing {

class OnnxBuilder {
 public:
  explicit OnnxBuilder(std::int64_t opset = 13);

  OnnxBuilder& input(const std::string& name, const std::vector<std::int64_t>& dims);
  OnnxBuilder& output(const std::string& name);
  OnnxBuilder& output(const std::string& name, const std::vector<std::int64_t>& dims);
  OnnxBuilder& floats(const std::string& name, const std::vector<std::int64_t>& dims,
                      const std::vector<float>& values);
  OnnxBuilder& integers(const std::string& name, const std::vector<std::int64_t>& values);

  // Adds a node that is called like its first output.
  onnx::NodeProto& node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs);

  onnx::ModelProto& model() { return model_; }
  const onnx::ModelProto& model() const { return model_; }
  onnx::GraphProto& graph() { return *model_.mutable_graph(); }
  std::vector<std::byte> bytes() const;

 private:
  onnx::ModelProto model_;
};

// Attributes of a node.
void set(onnx::NodeProto& node, const std::string& name, std::int64_t value);
void set(onnx::NodeProto& node, const std::string& name, const std::vector<std::int64_t>& values);
void set(onnx::NodeProto& node, const std::string& name, float value);
void set(onnx::NodeProto& node, const std::string& name, const char* value);

// Numbers from -1 to 1 that depend on the seed only.
std::vector<float> random_floats(std::size_t count, std::uint32_t seed);

}  // namespace sz::compiler::testing
