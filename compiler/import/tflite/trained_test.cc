// Trained TensorFlow Lite models against the vectors of TFLite's reference kernels.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "compiler/compile.h"
#include "compiler/testing/runner.h"
#include "tflite_generated.h"

namespace sz::compiler {
namespace {

namespace fs = std::filesystem;
using testing::NpyBytes;
using testing::read_npy_bytes;
using testing::run_package_bytes;

// Of f32 models, as stated beside the vectors.
constexpr double kRelative = 1e-3;
constexpr double kAbsolute = 1e-4;

class TrainedTflite : public ::testing::Test {
 protected:
  void find(const std::string& name) {
    if (testing::data_folder().empty())
      GTEST_SKIP() << "SMARTZONE_DATA names no folder with models";
    folder_ = fs::path(testing::data_folder()) / "models" / "tflite" / name;
    model_ = (folder_ / "model.tflite").string();
    if (!fs::exists(model_)) GTEST_SKIP() << "there is no model in " << folder_;
  }

  // Hands the output of every case, and what it must equal, to `check`. Reference and vector
  // kernels must give the same bits.
  template <typename Check>
  void compare(Check check) {
    CompileOptions options;
    const CompileResult result = compile_file(model_, options);
    options.reference_kernels = true;
    const CompileResult plain = compile_file(model_, options);
    std::cout << to_text(result.report);
    std::size_t cases = 0;
    for (;; ++cases) {
      const fs::path set = folder_ / ("case_" + std::to_string(cases));
      if (!fs::exists(set)) break;
      SCOPED_TRACE(set.string());
      const NpyBytes input = read_npy_bytes((set / "input_0.npy").string());
      const NpyBytes expected = read_npy_bytes((set / "output_0.npy").string());
      const auto outputs = run_package_bytes(result.package, {input.bytes});
      ASSERT_EQ(outputs.size(), 1u);
      ASSERT_EQ(outputs[0].size(), expected.bytes.size());
      check(outputs[0], expected);
      if (cases == 0) {
        EXPECT_EQ(run_package_bytes(plain.package, {input.bytes}), outputs) << "reference kernels";
      }
    }
    EXPECT_GE(cases, 2u);
  }

  fs::path folder_;
  std::string model_;
};

class TrainedFloatTflite : public TrainedTflite,
                           public ::testing::WithParamInterface<const char*> {};
class TrainedInt8Tflite : public TrainedTflite,
                          public ::testing::WithParamInterface<const char*> {};

TEST_P(TrainedFloatTflite, GivesTheReferencesValues) {
  find(GetParam());
  if (IsSkipped()) return;
  compare([](const std::vector<std::byte>& output, const NpyBytes& expected) {
    ASSERT_EQ(expected.type, "<f4");
    double worst = 0;
    for (std::size_t i = 0; i < output.size(); i += sizeof(float)) {
      float y = 0, reference = 0;
      std::memcpy(&y, output.data() + i, sizeof(y));
      std::memcpy(&reference, expected.bytes.data() + i, sizeof(reference));
      const double distance = std::abs(static_cast<double>(y) - static_cast<double>(reference));
      const double allowed = kAbsolute + kRelative * std::abs(static_cast<double>(reference));
      EXPECT_LE(distance, allowed) << "element " << i / sizeof(float);
      worst = std::max(worst, distance / allowed);
    }
    std::cout << "worst distance, of what is allowed: " << worst << '\n';
  });
}

TEST_P(TrainedInt8Tflite, GivesTheReferencesValuesExactly) {
  find(GetParam());
  if (IsSkipped()) return;
  compare([](const std::vector<std::byte>& output, const NpyBytes& expected) {
    ASSERT_EQ(expected.type, "|i1");
    EXPECT_EQ(output, expected.bytes);
  });
}

std::vector<std::byte> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(all));
  return {bytes.begin(), bytes.end()};
}

// Lets the model end with what its last operator reads.
void drop_last_operator(std::vector<std::byte>& model) {
  const auto* graph = sz::tflite::file::GetModel(model.data())->subgraphs()->Get(0);
  const auto* operators = graph->operators();
  const std::int32_t before = operators->Get(operators->size() - 1)->inputs()->Get(0);
  auto* outputs = const_cast<flatbuffers::Vector<std::int32_t>*>(graph->outputs());
  outputs->Mutate(0, before);
}

// The vectors have their softmax from floats, rounded; up to there every value is the same.
TEST_F(TrainedTflite, OfUint8GivesTheReferencesValues) {
  find("mobilenet_v2_1.0_224_uint8");
  if (IsSkipped()) return;
  compare([](const std::vector<std::byte>& output, const NpyBytes& expected) {
    ASSERT_EQ(expected.type, "|u1");
    for (std::size_t i = 0; i < output.size(); ++i) {
      EXPECT_LE(std::abs(static_cast<int>(output[i]) - static_cast<int>(expected.bytes[i])), 1);
    }
  });
  std::vector<std::byte> model = read_file(model_);
  drop_last_operator(model);
  const CompileResult result = compile_tflite(model, "logits.tflite", {});
  for (int i = 0; i < 3; ++i) {
    const fs::path set = folder_ / ("case_" + std::to_string(i));
    const NpyBytes input = read_npy_bytes((set / "input_0.npy").string());
    const NpyBytes logits = read_npy_bytes((set / "logits_before_softmax.npy").string());
    EXPECT_EQ(run_package_bytes(result.package, {input.bytes}).at(0), logits.bytes) << set;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, TrainedFloatTflite,
                         ::testing::Values("ad_autoencoder_fp32", "resnet8_cifar10_fp32",
                                           "vww_mobilenet_fp32"));
INSTANTIATE_TEST_SUITE_P(Models, TrainedInt8Tflite,
                         ::testing::Values("ad_autoencoder_int8", "kws_dscnn_int8",
                                           "resnet8_cifar10_int8", "vww_mobilenet_int8"));

}  // namespace
}  // namespace sz::compiler
