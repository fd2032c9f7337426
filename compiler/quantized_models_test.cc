// Trained networks with QuantizeLinear and DequantizeLinear give the reference engine's results,
// but for single steps of their quantisation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "compiler/compile.h"
#include "compiler/testing/runner.h"

namespace sz::compiler {
namespace {

namespace fs = std::filesystem;

class QuantisedModel : public ::testing::TestWithParam<const char*> {};

TEST_P(QuantisedModel, GivesTheResultsOfTheReferenceEngine) {
  const fs::path folder = fs::path(testing::data_folder()) / "models" / "onnx" / GetParam();
  if (testing::data_folder().empty() || !fs::exists(folder)) {
    GTEST_SKIP() << "SMARTZONE_DATA names no folder with " << GetParam();
  }
  const auto about = nlohmann::json::parse(std::ifstream(folder / "data.json"));
  const double tolerance = about.at("atol").get<double>();
  const CompileResult result = compile_file((folder / "model.onnx").string(), {});
  int cases = 0;
  for (; fs::exists(folder / ("test_data_set_" + std::to_string(cases))); ++cases) {
    const fs::path set = folder / ("test_data_set_" + std::to_string(cases));
    const auto input = testing::read_tensor((set / "input_0.pb").string());
    const auto wanted = testing::read_tensor((set / "output_0.pb").string());
    const auto output = testing::run_package(result.package, {input}).at(0);
    ASSERT_EQ(output.size(), wanted.size());
    double most = 0;
    for (std::size_t i = 0; i < output.size(); ++i) {
      most = std::max(most, std::abs(static_cast<double>(output[i] - wanted[i])));
    }
    EXPECT_LE(most, tolerance) << "case " << cases;
    EXPECT_EQ(std::max_element(output.begin(), output.end()) - output.begin(),
              std::max_element(wanted.begin(), wanted.end()) - wanted.begin());
    std::cout << GetParam() << ", case " << cases << ": largest difference " << most << '\n';
  }
  EXPECT_GE(cases, 2);
}

INSTANTIATE_TEST_SUITE_P(Networks, QuantisedModel,
                         ::testing::Values("kws_dscnn_qdq", "resnet8_cifar10_qdq",
                                           "mobilenet_v2_1.0_224_qdq"));

}  // namespace
}  // namespace sz::compiler
