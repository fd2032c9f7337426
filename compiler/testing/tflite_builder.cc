#include "compiler/testing/tflite_builder.h"

#include <utility>

namespace sz::compiler::testing {

std::int32_t TfliteBuilder::tensor(const std::string& name, tfl::TensorType type,
                                   std::vector<std::int32_t> shape, Scaling scaling) {
  Tensor& tensor = tensors_.emplace_back();
  tensor.name = name;
  tensor.type = type;
  tensor.shape = std::move(shape);
  tensor.scaling = std::move(scaling);
  return static_cast<std::int32_t>(tensors_.size() - 1);
}

std::int32_t TfliteBuilder::input(const std::string& name, tfl::TensorType type,
                                  std::vector<std::int32_t> shape, Scaling scaling) {
  inputs_.push_back(tensor(name, type, std::move(shape), std::move(scaling)));
  return inputs_.back();
}

std::int32_t TfliteBuilder::output(const std::string& name, tfl::TensorType type,
                                   std::vector<std::int32_t> shape, Scaling scaling) {
  outputs_.push_back(tensor(name, type, std::move(shape), std::move(scaling)));
  return outputs_.back();
}

std::int32_t TfliteBuilder::constant(tfl::TensorType type, std::vector<std::int32_t> shape,
                                     std::span<const std::byte> values, Scaling scaling) {
  const std::int32_t id = tensor("constant", type, std::move(shape), std::move(scaling));
  buffers_.emplace_back(values.begin(), values.end());
  tensors_.back().buffer = static_cast<std::uint32_t>(buffers_.size() - 1);
  return id;
}

std::int32_t TfliteBuilder::floats(std::vector<std::int32_t> shape,
                                   const std::vector<float>& values) {
  return constant(tfl::TensorType::FLOAT32, std::move(shape), std::as_bytes(std::span(values)));
}

std::int32_t TfliteBuilder::bytes(tfl::TensorType type, std::vector<std::int32_t> shape,
                                  const std::vector<std::int8_t>& values, Scaling scaling) {
  return constant(type, std::move(shape), std::as_bytes(std::span(values)), std::move(scaling));
}

std::int32_t TfliteBuilder::integers(std::vector<std::int32_t> shape,
                                     const std::vector<std::int32_t>& values) {
  return constant(tfl::TensorType::INT32, std::move(shape), std::as_bytes(std::span(values)));
}

TfliteBuilder& TfliteBuilder::op(tfl::Operation code, std::vector<std::int32_t> inputs,
                                 std::vector<std::int32_t> outputs) {
  operators_.push_back({code, std::move(inputs), std::move(outputs), tfl::Options::NONE, 0});
  return *this;
}

flatbuffers::Offset<tfl::Tensor> TfliteBuilder::add_tensor(const Tensor& tensor) {
  flatbuffers::Offset<tfl::Quantization> quantization = 0;
  if (!tensor.scaling.scales.empty() || !tensor.scaling.zeros.empty() || tensor.details != 0) {
    quantization = tfl::CreateQuantizationDirect(builder_, &tensor.scaling.scales,
                                                 &tensor.scaling.zeros, tensor.details,
                                                 tensor.scaling.dimension);
  }
  const auto sparsity = tensor.sparse ? tfl::CreatePresent(builder_) : 0;
  return tfl::CreateTensorDirect(builder_, &tensor.shape, tensor.type, tensor.buffer,
                                 tensor.name.c_str(), quantization, tensor.variable, sparsity,
                                 tensor.signature.empty() ? nullptr : &tensor.signature);
}

flatbuffers::Offset<tfl::Operator> TfliteBuilder::add_operator(const Operator& op,
                                                               std::uint32_t code) {
  const std::vector<std::uint8_t> changes = {1};
  return tfl::CreateOperatorDirect(builder_, code, &op.inputs, &op.outputs, op.options_type,
                                   op.options, nullptr, op.changes_input ? &changes : nullptr);
}

std::vector<std::byte> TfliteBuilder::file() {
  std::vector<flatbuffers::Offset<tfl::Tensor>> tensors;
  for (const Tensor& tensor : tensors_) tensors.push_back(add_tensor(tensor));
  std::vector<flatbuffers::Offset<tfl::OperatorCode>> codes;
  std::vector<flatbuffers::Offset<tfl::Operator>> operators;
  for (const Operator& op : operators_) {
    const auto old = static_cast<std::int8_t>(std::min(static_cast<int>(op.code), 127));
    operators.push_back(add_operator(op, static_cast<std::uint32_t>(codes.size())));
    codes.push_back(tfl::CreateOperatorCodeDirect(builder_, old, "custom", 1, op.code));
  }
  std::vector<flatbuffers::Offset<tfl::Buffer>> buffers;
  for (const std::vector<std::byte>& buffer : buffers_) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(buffer.data());
    const auto values = builder_.CreateVector(data, buffer.size());
    buffers.push_back(tfl::CreateBuffer(builder_, values, buffer_offset));
  }
  const auto graph =
      tfl::CreateSubGraphDirect(builder_, &tensors, &inputs_, &outputs_, &operators, "main");
  const std::vector<flatbuffers::Offset<tfl::SubGraph>> graphs(subgraphs, graph);
  tfl::FinishModelBuffer(
      builder_, tfl::CreateModelDirect(builder_, version, &codes, &graphs, &buffers));
  const auto bytes = std::as_bytes(std::span(builder_.GetBufferPointer(), builder_.GetSize()));
  return {bytes.begin(), bytes.end()};
}

}  // namespace sz::compiler::testing
