// Reads one onnx.NodeProto. Every attribute must be asked for: what nobody asked for is refused,
// because an attribute that is ignored makes a network that computes something else.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compiler/graph/graph.h"
#include "onnx/onnx_pb.h"

namespace sz::compiler {

class NodeReader {
 public:
  // `where` begins the messages: "file: node 'conv1' (Conv)". Throws on an attribute that occurs
  // twice or refers to a function's attribute.
  NodeReader(const onnx::NodeProto& node, std::int64_t opset, std::string where);

  std::int64_t opset() const { return opset_; }
  int input_count() const { return node_.input_size(); }
  const std::string& where() const { return where_; }

  // The attribute, or the default where the node does not have it. Throws if it has another type.
  bool has(const std::string& name) const { return attributes_.contains(name); }
  std::int64_t integer(const std::string& name, std::int64_t otherwise);
  bool flag(const std::string& name, bool otherwise);
  float real(const std::string& name, float otherwise);
  std::string text(const std::string& name, const std::string& otherwise);
  std::vector<std::int64_t> integers(const std::string& name);  // empty by default
  std::vector<float> reals(const std::string& name);            // empty by default
  std::vector<std::string> texts(const std::string& name);      // empty by default
  const onnx::TensorProto* tensor(const std::string& name);     // nullptr if absent
  const onnx::GraphProto* graph(const std::string& name);       // the same     // nullptr by default

  // Accepts an attribute that has no meaning for inference.
  void ignore(const std::string& name) { attributes_.erase(name); }

  // Throws unless the node has from `least` to `most` inputs, the first `least` not empty.
  void expect_inputs(int least, int most) const;

  // Throws if an attribute is left that nobody asked for.
  void finish() const;

  [[noreturn]] void refuse(const std::string& what) const;

 private:
  const onnx::AttributeProto* take(const std::string& name,
                                   onnx::AttributeProto::AttributeType type);

  const onnx::NodeProto& node_;
  const std::int64_t opset_;
  const std::string where_;
  std::map<std::string, const onnx::AttributeProto*> attributes_;
};

}  // namespace sz::compiler
