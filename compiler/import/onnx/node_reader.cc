#include "compiler/import/onnx/node_reader.h"

#include <utility>

namespace sz::compiler {

using onnx::AttributeProto;

NodeReader::NodeReader(const onnx::NodeProto& node, std::int64_t opset, std::string where)
    : node_(node), opset_(opset), where_(std::move(where)) {
  for (const AttributeProto& attribute : node.attribute()) {
    if (!attribute.ref_attr_name().empty()) {
      refuse("attribute '" + attribute.name() + "' refers to a function, which is not supported");
    }
    if (!attributes_.emplace(attribute.name(), &attribute).second) {
      refuse("attribute '" + attribute.name() + "' occurs twice");
    }
  }
}

void NodeReader::refuse(const std::string& what) const { throw CompileError(where_ + ": " + what); }

const AttributeProto* NodeReader::take(const std::string& name,
                                       AttributeProto::AttributeType type) {
  const auto found = attributes_.find(name);
  if (found == attributes_.end()) return nullptr;
  const AttributeProto* attribute = found->second;
  if (attribute->type() != type) refuse("attribute '" + name + "' has the wrong type");
  attributes_.erase(found);
  return attribute;
}

std::int64_t NodeReader::integer(const std::string& name, std::int64_t otherwise) {
  const auto* attribute = take(name, AttributeProto::INT);
  return attribute ? attribute->i() : otherwise;
}

bool NodeReader::flag(const std::string& name, bool otherwise) {
  const std::int64_t value = integer(name, otherwise ? 1 : 0);
  if (value != 0 && value != 1) {
    refuse("attribute '" + name + "' is " + std::to_string(value) + "; it must be 0 or 1");
  }
  return value == 1;
}

float NodeReader::real(const std::string& name, float otherwise) {
  const auto* attribute = take(name, AttributeProto::FLOAT);
  return attribute ? attribute->f() : otherwise;
}

std::string NodeReader::text(const std::string& name, const std::string& otherwise) {
  const auto* attribute = take(name, AttributeProto::STRING);
  return attribute ? attribute->s() : otherwise;
}

std::vector<std::int64_t> NodeReader::integers(const std::string& name) {
  const auto* attribute = take(name, AttributeProto::INTS);
  if (!attribute) return {};
  return {attribute->ints().begin(), attribute->ints().end()};
}

std::vector<float> NodeReader::reals(const std::string& name) {
  const auto* attribute = take(name, AttributeProto::FLOATS);
  if (!attribute) return {};
  return {attribute->floats().begin(), attribute->floats().end()};
}

std::vector<std::string> NodeReader::texts(const std::string& name) {
  const auto* attribute = take(name, AttributeProto::STRINGS);
  if (!attribute) return {};
  return {attribute->strings().begin(), attribute->strings().end()};
}

const onnx::TensorProto* NodeReader::tensor(const std::string& name) {
  const auto* attribute = take(name, AttributeProto::TENSOR);
  return attribute ? &attribute->t() : nullptr;
}

const onnx::GraphProto* NodeReader::graph(const std::string& name) {
  const auto* attribute = take(name, AttributeProto::GRAPH);
  return attribute ? &attribute->g() : nullptr;
}

void NodeReader::expect_inputs(int least, int most) const {
  const int count = node_.input_size();
  if (count < least || count > most) {
    refuse("has " + std::to_string(count) + " inputs; it takes " + std::to_string(least) +
           (least == most ? "" : " to " + std::to_string(most)));
  }
  for (int i = 0; i < least; ++i) {
    if (node_.input(i).empty()) refuse("input " + std::to_string(i) + " is missing");
  }
}

void NodeReader::finish() const {
  if (attributes_.empty()) return;
  refuse("attribute '" + attributes_.begin()->first + "' is not implemented");
}

}  // namespace sz::compiler
