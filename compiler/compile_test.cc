#include "compiler/compile.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

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

  CompileResult compile(bool reference, bool bands = true) const {
    CompileOptions options;
    options.model_name = GetParam();
    options.reference_kernels = reference;
    options.bands = bands;
    return compile_file((folder_ / "model.onnx").string(), options);
  }

  // input_0.pb, input_1.pb ... of a set, or the outputs.
  static std::vector<std::vector<float>> read_all(const fs::path& set, const std::string& kind) {
    std::vector<std::vector<float>> tensors;
    while (true) {
      const fs::path file = set / (kind + "_" + std::to_string(tensors.size()) + ".pb");
      if (!fs::exists(file)) return tensors;
      tensors.push_back(read_tensor(file.string()));
    }
  }

  fs::path folder_;
};

TEST_P(CompiledModel, GivesTheResultsOfTheReferenceEngine) {
  const CompileResult result = compile(false);
  std::cout << to_text(result.report);
  int sets = 0;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (!entry.is_directory()) continue;
    const auto outputs = run_package(result.package, read_all(entry.path(), "input"));
    const auto expected = read_all(entry.path(), "output");
    ASSERT_EQ(outputs.size(), expected.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const double distance = relative_distance(outputs[i], expected[i]);
      std::cout << entry.path().filename() << ": " << distance << '\n';
      EXPECT_LE(distance, kTolerance) << entry.path() << ", output " << i;
    }
    ++sets;
  }
  EXPECT_GT(sets, 0);
}

TEST_P(CompiledModel, GivesTheSameBitsWithReferenceKernels) {
  const auto inputs = read_all(folder_ / "test_data_set_0", "input");
  const auto fast = run_package(compile(false).package, inputs);
  const auto plain = run_package(compile(true).package, inputs);
  EXPECT_EQ(fast, plain);
}

TEST_P(CompiledModel, NeedsLittleMoreThanTheLiveTensors) {
  const Report whole = compile(false, false).report;
  EXPECT_GE(whole.arena, whole.live_bound);
  EXPECT_LE(static_cast<double>(whole.arena), 1.05 * static_cast<double>(whole.live_bound));
  const Report report = compile(false).report;
  EXPECT_EQ(report.live_bound, whole.live_bound);
  EXPECT_LE(report.arena, whole.arena);
}

TEST(CompiledDigits, GivesTheProbabilitiesOfTheReferenceEngine) {
  const fs::path folder = fs::path(SMARTZONE_SOURCE_DIR) / "models" / "digits";
  const CompileResult result = compile_file((folder / "digits.onnx").string(), {});
  EXPECT_EQ(result.report.arena, result.report.live_bound);
  std::ifstream file(folder / "test_images.npy", std::ios::binary);
  const std::string images{std::istreambuf_iterator<char>(file), {}};
  constexpr std::size_t kHeader = 128;
  constexpr std::size_t kPixels = 400;
  const auto reference = nlohmann::json::parse(std::ifstream(folder / "reference.json"));
  for (const auto& sample : reference.at("samples")) {
    const std::size_t begin = kHeader + sample.at("test_index").get<std::size_t>() * kPixels;
    ASSERT_LE(begin + kPixels, images.size());
    std::vector<float> input(kPixels);
    for (std::size_t i = 0; i < kPixels; ++i) {
      const auto pixel = static_cast<unsigned char>(images[begin + i]);
      input[i] = (static_cast<float>(pixel) - 128.0f) * 0.0078125f;
    }
    const auto expected = sample.at("probabilities").get<std::vector<float>>();
    EXPECT_LE(relative_distance(run_package(result.package, {input}).at(0), expected), kTolerance)
        << sample.at("file");
  }
}

TEST(Compile, GivesTheSameBytesEveryTime) {
  const std::string path = SMARTZONE_SOURCE_DIR "/models/digits/digits.onnx";
  EXPECT_EQ(compile_file(path, {}).package, compile_file(path, {}).package);
}

TEST(Compile, NamesAFileThatCannotBeRead) {
  try {
    compile_file("/does/not/exist.onnx", {});
    FAIL();
  } catch (const CompileError& error) {
    EXPECT_EQ(std::string(error.what()).rfind("/does/not/exist.onnx: cannot be read", 0), 0u);
  }
}

std::string format_complaint(const std::string& path, std::string_view text) {
  try {
    model_format(path, std::as_bytes(std::span(text)));
  } catch (const CompileError& error) {
    return error.what();
  }
  return "";
}

TEST(ModelFormat, IsToldByTheEndingAndOtherwiseByTheBeginning) {
  const auto of = [](const std::string& path, std::string_view text) {
    return model_format(path, std::as_bytes(std::span(text)));
  };
  EXPECT_EQ(of("a/net.onnx", "[net]"), ModelFormat::kOnnx);
  EXPECT_EQ(of("net.cfg", ""), ModelFormat::kDarknet);
  EXPECT_EQ(of("net", "\x08\x07"), ModelFormat::kOnnx);
  EXPECT_EQ(of("net.txt", "# a\n\r\n  [net]\nheight=3"), ModelFormat::kDarknet);
  for (const std::string_view text : {"", "# only", "[conv]\n[net]", "hello", "\n\n\n"}) {
    EXPECT_NE(format_complaint("net", text).find("not clear what kind"), std::string::npos) << text;
  }
  EXPECT_NE(format_complaint("a.weights", "").find("name the .cfg"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Models, CompiledModel,
                         ::testing::Values("mnist_cnn", "squeezenet1.0", "resnet8_cifar10",
                                           "resnet20_cifar10", "mobilenet_v1_1.0_224",
                                           "mobilenet_v2_1.0_224", "vww_mobilenet_v1_0.25_96",
                                           "kws_dscnn", "ad_autoencoder", "silero_vad_16k",
                                           "cct_2_32_32_128"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           for (char& c : name) c = c == '.' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace sz::compiler
