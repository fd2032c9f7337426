// Trained Darknet networks against the vectors of an independent engine, and on labelled digits.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "compiler/compile.h"
#include "compiler/testing/runner.h"

namespace sz::compiler {
namespace {

namespace fs = std::filesystem;
using testing::NpyTensor;
using testing::read_npy;
using testing::relative_distance;
using testing::run_package;

// The reference engine divides by sqrt(variance + 1e-6) in batch normalisation (docs/compiler.md);
// with that rule the distance of Yolo-Fastest would be 3e-6 instead of 6e-5.
// |y - reference| / max |reference|, the maximum norm.
constexpr double kTolerance = 1e-4;

class TrainedDarknet : public ::testing::Test {
 protected:
  void find(const std::string& name) {
    if (testing::data_folder().empty())
      GTEST_SKIP() << "SMARTZONE_DATA names no folder with models";
    folder_ = fs::path(testing::data_folder()) / "models" / "darknet" / name;
    cfg_ = (folder_ / (name + ".cfg")).string();
    if (!fs::exists(cfg_)) GTEST_SKIP() << "there is no model in " << folder_;
  }

  // The outputs of every case, beside the names of the files that they must equal.
  void compare(const std::vector<std::string>& expected, std::size_t cases) {
    CompileOptions options;
    const CompileResult result = compile_file(cfg_, options);
    options.reference_kernels = true;
    const CompileResult plain = compile_file(cfg_, options);
    std::cout << to_text(result.report);
    for (std::size_t i = 0; i < cases; ++i) {
      const fs::path set = folder_ / ("case_" + std::to_string(i));
      const NpyTensor input = read_npy((set / "input.npy").string());
      const auto outputs = run_package(result.package, {input.values});
      ASSERT_EQ(outputs.size(), expected.size());
      for (std::size_t k = 0; k < expected.size(); ++k) {
        const double distance = relative_distance(outputs[k], reference(set / expected[k]));
        std::cout << set.filename() << ", output " << k << ": " << distance << '\n';
        EXPECT_LE(distance, kTolerance) << set << ' ' << k;
      }
      if (i == 0) {
        EXPECT_EQ(run_package(plain.package, {input.values}), outputs) << "reference kernels";
      }
    }
  }

  // The tensors in front of the heads are stored as H, W, C.
  static std::vector<float> reference(const fs::path& path) {
    const NpyTensor tensor = read_npy(path.string());
    if (tensor.shape.size() != 4) return tensor.values;
    const std::size_t pixels = tensor.shape[1] * tensor.shape[2];
    const std::size_t channels = tensor.shape[3];
    std::vector<float> turned(tensor.values.size());
    for (std::size_t p = 0; p < pixels; ++p) {
      for (std::size_t c = 0; c < channels; ++c) {
        turned[c * pixels + p] = tensor.values[p * channels + c];
      }
    }
    return turned;
  }

  fs::path folder_;
  std::string cfg_;
};

TEST_F(TrainedDarknet, LeNetGivesTheReferencesProbabilities) {
  find("mnist_lenet");
  if (!IsSkipped()) compare({"output.npy"}, 3);
}

TEST_F(TrainedDarknet, YoloFastestGivesTheReferencesHeads) {
  find("yolo-fastest-1.1");
  if (!IsSkipped()) compare({"pre_yolo_0.npy", "pre_yolo_1.npy"}, 2);
}

std::string read_idx(const fs::path& path, std::size_t header) {
  std::ifstream file(path, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  return all.size() < header ? "" : all.substr(header);
}

TEST_F(TrainedDarknet, LeNetKnowsTheLabelledDigits) {
  find("mnist_lenet");
  if (IsSkipped()) return;
  constexpr std::size_t kPixels = 28 * 28;
  const fs::path set = fs::path(testing::data_folder()) / "labelled" / "mnist";
  const std::string images = read_idx(set / "images-idx3-ubyte", 16);
  const std::string labels = read_idx(set / "labels-idx1-ubyte", 8);
  if (labels.empty()) GTEST_SKIP() << "there are no labelled digits in " << set;
  ASSERT_EQ(images.size(), labels.size() * kPixels);
  const CompileResult result = compile_file(cfg_, {});
  std::size_t right = 0;
  std::vector<float> input(3 * kPixels);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    for (std::size_t p = 0; p < input.size(); ++p) {
      const auto pixel = static_cast<unsigned char>(images[i * kPixels + p % kPixels]);
      input[p] = static_cast<float>(pixel) / 255.0f;
    }
    const auto scores = run_package(result.package, {input}).at(0);
    const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
    right += best == labels[i];
  }
  std::cout << right << " of " << labels.size() << '\n';
  // The independent engine has 0.9712 on these 5000.
  EXPECT_NEAR(static_cast<double>(right) / static_cast<double>(labels.size()), 0.9712, 0.0005);
}

}  // namespace
}  // namespace sz::compiler
