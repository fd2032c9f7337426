#include "compiler/compile.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "compiler/testing/runner.h"

namespace sz::compiler {
namespace {

namespace fs = std::filesystem;
using testing::data_folder;
using testing::read_tensor;
using testing::relative_distance;
using testing::run_package;

// Against the vectors of an independent engine: |y - reference| / max |reference|, the maximum
// norm, may be 1e-4 at most.
constexpr double kTolerance = 1e-4;

class CompiledModel : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (data_folder().empty()) GTEST_SKIP() << "SMARTZONE_DATA names no folder with models";
    folder_ = fs::path(data_folder()) / "models" / "onnx" / GetParam();
    if (!fs::exists(folder_ / "model.onnx")) GTEST_SKIP() << "there is no model in " << folder_;
  }

  CompileResult compile(bool reference) const {
    CompileOptions options;
    options.model_name = GetParam();
    options.reference_kernels = reference;
    return compile_onnx((folder_ / "model.onnx").string(), options);
  }

  fs::path folder_;
};

TEST_P(CompiledModel, GivesTheResultsOfTheReferenceEngine) {
  const CompileResult result = compile(false);
  std::cout << to_text(result.report);
  int sets = 0;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (!entry.is_directory()) continue;
    const auto outputs =
        run_package(result.package, {read_tensor((entry.path() / "input_0.pb").string())});
    const auto expected = read_tensor((entry.path() / "output_0.pb").string());
    const double distance = relative_distance(outputs.at(0), expected);
    std::cout << entry.path().filename() << ": " << distance << '\n';
    EXPECT_LE(distance, kTolerance) << entry.path();
    ++sets;
  }
  EXPECT_GT(sets, 0);
}

TEST_P(CompiledModel, GivesTheSameBitsWithReferenceKernels) {
  const auto input = read_tensor((folder_ / "test_data_set_0" / "input_0.pb").string());
  const auto fast = run_package(compile(false).package, {input});
  const auto plain = run_package(compile(true).package, {input});
  EXPECT_EQ(fast, plain);
}

TEST_P(CompiledModel, NeedsLittleMoreThanTheLiveTensors) {
  const Report report = compile(false).report;
  EXPECT_GE(report.arena, report.live_bound);
  EXPECT_LE(static_cast<double>(report.arena), 1.05 * static_cast<double>(report.live_bound));
}

INSTANTIATE_TEST_SUITE_P(Models, CompiledModel,
                         ::testing::Values("mnist_cnn", "squeezenet1.0", "resnet8_cifar10",
                                           "resnet20_cifar10", "mobilenet_v1_1.0_224",
                                           "mobilenet_v2_1.0_224", "vww_mobilenet_v1_0.25_96",
                                           "kws_dscnn", "ad_autoencoder"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           for (char& c : name) c = c == '.' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace sz::compiler
