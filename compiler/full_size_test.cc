// Well-known networks at full size with generated weights: AlexNet, ResNet-50, ShuffleNet,
// SqueezeNet 1.1. The file holds the graph only; each weight is a ConstantOfShape node whose values
// a formula gives.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "compiler/compile.h"
#include "compiler/testing/light_model.h"
#include "compiler/testing/runner.h"
#include "onnx/onnx_pb.h"

namespace sz::compiler {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::fill_in;
using testing::generate;

// |y - reference| / max |reference|. Fifty layers of folded batch normalisation round differently
// from the reference engine's.
constexpr double kTolerance = 1e-4;

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
  testing::fill_in(*model.mutable_graph(), weights.at("tensors"));
  const std::string bytes = model.SerializeAsString();
  const CompileResult result = compile_onnx(std::as_bytes(std::span(bytes)), GetParam(), {});
  std::cout << to_text(result.report);
  EXPECT_LE(result.report.arena, result.report.live_bound);
  const auto output =
      testing::run_package(result.package, {testing::generate(weights.at("input"))}).at(0);
  const double distance = testing::relative_distance(output, read_npy(folder / "output.npy"));
  std::cout << "error " << distance << '\n';
  EXPECT_LE(distance, kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Networks, FullSize,
                         ::testing::Values("bvlc_alexnet", "resnet50", "shufflenet", "squeezenet"));

}  // namespace
}  // namespace sz::compiler
