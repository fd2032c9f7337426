#include "compiler/testing/onnx_builder.h"

#include <random>
#include <span>

namespace sz::compiler::testing {
namespace {

void fill(onnx::ValueInfoProto& info, const std::string& name,
          const std::vector<std::int64_t>& dims) {
  info.set_name(name);
  auto* type = info.mutable_type()->mutable_tensor_type();
  type->set_elem_type(onnx::TensorProto::FLOAT);
  type->mutable_shape();
  for (const std::int64_t dim : dims) {
    auto* entry = type->mutable_shape()->add_dim();
    if (dim == -1) {
      entry->set_dim_param("N");
    } else {
      entry->set_dim_value(dim);
    }
  }
}

onnx::AttributeProto& add(onnx::NodeProto& node, const std::string& name,
                          onnx::AttributeProto::AttributeType type) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

}  // namespace

OnnxBuilder::OnnxBuilder(std::int64_t opset) {
  model_.set_ir_version(8);
  auto* import = model_.add_opset_import();
  import->set_domain("");
  import->set_version(opset);
  model_.mutable_graph()->set_name("test");
}

OnnxBuilder& OnnxBuilder::input(const std::string& name, const std::vector<std::int64_t>& dims) {
  fill(*graph().add_input(), name, dims);
  return *this;
}

OnnxBuilder& OnnxBuilder::output(const std::string& name) {
  auto* info = graph().add_output();
  info->set_name(name);
  info->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  return *this;
}

OnnxBuilder& OnnxBuilder::output(const std::string& name, const std::vector<std::int64_t>& dims) {
  fill(*graph().add_output(), name, dims);
  return *this;
}

OnnxBuilder& OnnxBuilder::floats(const std::string& name, const std::vector<std::int64_t>& dims,
                                 const std::vector<float>& values) {
  auto* tensor = graph().add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  for (const std::int64_t dim : dims) tensor->add_dims(dim);
  const auto bytes = std::as_bytes(std::span(values));
  tensor->set_raw_data(bytes.data(), bytes.size());
  return *this;
}

OnnxBuilder& OnnxBuilder::integers(const std::string& name,
                                   const std::vector<std::int64_t>& values) {
  auto* tensor = graph().add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::INT64);
  tensor->add_dims(static_cast<std::int64_t>(values.size()));
  for (const std::int64_t value : values) tensor->add_int64_data(value);
  return *this;
}

onnx::NodeProto& OnnxBuilder::node(const std::string& op, const std::vector<std::string>& inputs,
                                   const std::vector<std::string>& outputs) {
  auto& node = *graph().add_node();
  node.set_op_type(op);
  if (!outputs.empty()) node.set_name(outputs[0]);
  for (const std::string& name : inputs) node.add_input(name);
  for (const std::string& name : outputs) node.add_output(name);
  return node;
}

std::vector<std::byte> OnnxBuilder::bytes() const {
  const std::string text = model_.SerializeAsString();
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void set(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
  add(node, name, onnx::AttributeProto::INT).set_i(value);
}

void set(onnx::NodeProto& node, const std::string& name, const std::vector<std::int64_t>& values) {
  auto& attribute = add(node, name, onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
}

void set(onnx::NodeProto& node, const std::string& name, float value) {
  add(node, name, onnx::AttributeProto::FLOAT).set_f(value);
}

void set(onnx::NodeProto& node, const std::string& name, const char* value) {
  add(node, name, onnx::AttributeProto::STRING).set_s(value);
}

std::vector<float> random_floats(std::size_t count, std::uint32_t seed) {
  std::minstd_rand random(seed + 1);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random() % 2001) / 1000.0f - 1.0f;
  return values;
}

}  // namespace sz::compiler::testing
