// llama2.c's q80 with groups that are whole blocks: the importer keeps their bytes and rounds only
// the scales, which must not make a trained model's texts less likely.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "compiler/host/language_runner.h"
#include "compiler/import/llama2c/importer.h"
#include "compiler/language/compile_language.h"
#include "compiler/testing/runner.h"

namespace sz::compiler {
namespace {

std::string folder() { return testing::data_folder() + "/models/llm/stories260K/"; }

std::vector<std::byte> read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

template <typename T>
void append(std::vector<std::byte>* out, const T& value) {
  const std::size_t at = out->size();
  out->resize(at + sizeof(T));
  std::memcpy(out->data() + at, &value, sizeof(T));
}

// The numbers of one tensor as bytes, then their scales: 127 is the largest number of a group.
void append_groups(std::vector<std::byte>* out, std::span<const float> numbers, std::size_t group) {
  std::vector<float> scales;
  for (std::size_t i = 0; i < numbers.size(); i += group) {
    float largest = 0;
    for (const float number : numbers.subspan(i, group)) {
      largest = std::max(largest, std::fabs(number));
    }
    scales.push_back(largest / 127.0f);
    for (const float number : numbers.subspan(i, group)) {
      append(out, static_cast<std::int8_t>(std::lround(number / scales.back())));
    }
  }
  for (const float scale : scales) append(out, scale);
}

// stories260K of version 1 as version 2: both have their tensors in the same order.
std::vector<std::byte> grouped(std::int32_t group) {
  constexpr std::size_t kHeader = 256, kWidth = 64, kHidden = 172, kLayers = 5, kTokens = 512;
  constexpr std::size_t kNorms = (2 * kLayers + 1) * kWidth * sizeof(float);
  const std::vector<std::byte> plain = read_all(folder() + "stories260K_v1.bin");
  std::vector<std::byte> out(plain.begin(), plain.begin() + kHeader + kNorms);
  const std::uint32_t version = 2;
  std::memcpy(out.data() + 4, &version, sizeof(version));
  std::memcpy(out.data() + 37, &group, sizeof(group));
  std::vector<float> numbers((plain.size() - kHeader - kNorms) / sizeof(float));
  std::memcpy(numbers.data(), plain.data() + kHeader + kNorms, numbers.size() * sizeof(float));
  std::vector<std::size_t> sizes = {kTokens * kWidth};
  for (const std::size_t outputs :
       {kWidth, kWidth / 2, kWidth / 2, kWidth, kHidden, kHidden, kHidden}) {
    for (std::size_t layer = 0; layer < kLayers; ++layer) sizes.push_back(outputs * kWidth);
  }
  std::span<const float> rest(numbers);
  for (const std::size_t size : sizes) {
    append_groups(&out, rest.first(size), static_cast<std::size_t>(group));
    rest = rest.subspan(size);
  }
  EXPECT_TRUE(rest.empty());
  return out;
}

TEST(GroupSizes, KeepTextsAsLikely) {
  if (testing::data_folder().empty()) GTEST_SKIP() << "SMARTZONE_DATA is not set";
  std::ifstream file(folder() + "reference.json");
  const auto said = nlohmann::json::parse(file).at("stories260K.bin").at("nll");
  for (const std::int32_t group : {32, 64}) {
    const LanguageModel model = import_llama2c(grouped(group), read_all(folder() + "tok512.bin"),
                                               "grouped.bin", "tok512.bin");
    EXPECT_EQ(model.layers[0].q->format, ops::BlockFormat::kQ8_0);
    EXPECT_EQ(model.layers[0].down->format, ops::BlockFormat::kF32);  // rows of 172 numbers
    LanguageRunner runner(compile_language(model, {}, {}).package);
    for (const auto& one : said) {
      const auto bytes = read_all(folder() + "text/" + one.at("text").get<std::string>());
      const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      runner.reset();
      const double nll = mean_nll(runner, runner.tokens_of(text));
      std::cout << "groups of " << group << ": " << nll << ", f32 " << one.at("mean_nll") << '\n';
      EXPECT_NEAR(nll, one.at("mean_nll").get<double>(), 0.02);
    }
  }
}

}  // namespace
}  // namespace sz::compiler
