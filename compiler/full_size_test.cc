// Well-known networks at full size with generated weights: AlexNet, ResNet-50, ShuffleNet, SqueezeNet 1.1.
// The file holds the graph only; each weight is a ConstantOfShape node whose values a formula
// gives.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "compiler/compile.h"
#include "compiler/testing/runner.h"
#include "onnx/onnx_pb.h"

namespace sz::compiler {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// |y - reference| / max |reference|. Fifty layers of folded batch normalisation round differently
// from the reference engine's.
constexpr double kTolerance = 1e-4;

std::uint64_t fnv1a(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

// Element i is lo + (hi - lo) * u, u from the splitmix64 generator seeded with the tensor's name.
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

// Puts the generated values in the place of the nodes that stand for them.
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

std::vector<float> read_npy(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  constexpr std::size_t kHeader = 128;  // NumPy's format 1.0 with a short header
  std::vector<float> values((text.size() - kHeader) / sizeof(float));
  std::memcpy(values.data(), text.data() + kHeader, values.size() * sizeof(float));
  return values;
}

class FullSize : public ::testing::TestWithParam<const char*> {};

TEST_P(FullSize, GivesTheResultsOfTheReferenceEngine) {
  const fs::path folder =
      fs::path(testing::data_folder()) / "models" / "synthetic-weights" / GetParam();
  if (testing::data_folder().empty() || !fs::exists(folder)) {
    GTEST_SKIP() << "SMARTZONE_DATA names no folder with " << GetParam();
  }
  const json weights = json::parse(std::ifstream(folder / "weights.json"));
  onnx::ModelProto model;
  std::ifstream file(folder / weights.at("light_file").get<std::string>(), std::ios::binary);
  ASSERT_TRUE(model.ParseFromIstream(&file));
  fill_in(*model.mutable_graph(), weights.at("tensors"));
  const std::string bytes = model.SerializeAsString();
  const CompileResult result = compile_onnx(std::as_bytes(std::span(bytes)), GetParam(), {});
  std::cout << to_text(result.report);
  EXPECT_LE(result.report.arena, result.report.live_bound);
  const auto output = testing::run_package(result.package, {generate(weights.at("input"))}).at(0);
  const double distance = testing::relative_distance(output, read_npy(folder / "output.npy"));
  std::cout << "error " << distance << '\n';
  EXPECT_LE(distance, kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Networks, FullSize,
                         ::testing::Values("bvlc_alexnet", "resnet50", "shufflenet", "squeezenet"));

}  // namespace
}  // namespace sz::compiler
