#include "compiler/testing/light_model.h"

#include <map>
#include <string>

namespace sz::compiler::testing {
namespace {

using nlohmann::json;

std::uint64_t fnv1a(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace

std::vector<float> generate(const json& tensor) {
  std::uint64_t count = 1;
  for (const auto& dim : tensor.at("shape")) count *= dim.get<std::uint64_t>();
  const auto seed = fnv1a(tensor.at("seed_name").get<std::string>());
  const auto lo = tensor.at("lo").get<double>();
  const auto hi = tensor.at("hi").get<double>();
  std::vector<float> values(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t z = seed + (i + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    values[i] = static_cast<float>(lo + (hi - lo) * (static_cast<double>(z >> 40) / 16777216.0));
  }
  return values;
}

void fill_in(onnx::GraphProto& graph, const json& tensors) {
  std::map<std::string, const json*> by_name;
  for (const json& tensor : tensors) by_name[tensor.at("name").get<std::string>()] = &tensor;
  google::protobuf::RepeatedPtrField<onnx::NodeProto> kept;
  for (const onnx::NodeProto& node : graph.node()) {
    const auto found = by_name.find(node.output(0));
    if (found == by_name.end()) {
      *kept.Add() = node;
      continue;
    }
    auto& weight = *graph.add_initializer();
    weight.set_name(node.output(0));
    weight.set_data_type(onnx::TensorProto::FLOAT);
    for (const auto& dim : found->second->at("shape")) weight.add_dims(dim.get<std::int64_t>());
    const auto values = generate(*found->second);
    weight.set_raw_data(values.data(), values.size() * sizeof(float));
  }
  graph.mutable_node()->Swap(&kept);
}

}  // namespace sz::compiler::testing
