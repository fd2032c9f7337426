// The trained models of the data folder, in all their forms: the same numbers, as exactly as each
// form has them.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "compiler/import/gguf/importer.h"
#include "compiler/import/llama2c/importer.h"
#include "compiler/import/llama2c/tokenizer_reader.h"
#include "compiler/language/matrix.h"
#include "compiler/language/tokenizer_blob.h"
#include "compiler/testing/language_data.h"
#include "language/tokenizer.h"

namespace sz::compiler {
namespace {

namespace fs = std::filesystem;

std::vector<std::byte> read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_FALSE(text.empty()) << path;
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// All numbers of all matrices, then all of the vectors.
std::vector<float> all_numbers(const LanguageModel& model) {
  std::vector<float> all = numbers_of(*model.embedding);
  const auto add = [&](const std::vector<float>& numbers) {
    all.insert(all.end(), numbers.begin(), numbers.end());
  };
  for (const LanguageLayer& layer : model.layers) {
    for (const MatrixPtr& matrix :
         {layer.q, layer.k, layer.v, layer.o, layer.gate, layer.up, layer.down}) {
      add(numbers_of(*matrix));
    }
    add(layer.attention_norm);
    add(layer.ffn_norm);
  }
  add(model.final_norm);
  return all;
}

// |a - b| / |b|, in the Euclidean norm.
double distance(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    difference += std::pow(double{a[i]} - b[i], 2);
    size += std::pow(double{b[i]}, 2);
  }
  return std::sqrt(difference / size);
}

class TrainedLanguageModels : public ::testing::Test {
 protected:
  void SetUp() override {
    if (testing::language_data_folder().empty()) {
      GTEST_SKIP() << "SMARTZONE_DATA names no folder with models";
    }
    folder_ = fs::path(testing::language_data_folder()) / "models" / "llm";
    if (!fs::exists(folder_)) GTEST_SKIP() << "there are no models in " << folder_;
  }
  LanguageModel load(const std::string& name) const {
    const fs::path stories = folder_ / "stories260K";
    const std::string path = (stories / name).string();
    if (name.ends_with(".gguf")) return import_gguf(read(path), {.source = name});
    return import_llama2c(read(path), read(stories / "tok512.bin"), name, "tok512.bin");
  }
  fs::path folder_;
};

void expect_same_sizes(const LanguageModel& model) {
  EXPECT_EQ(model.context, 512u);
  EXPECT_EQ(model.width, 64u);
  EXPECT_EQ(model.hidden, 172u);
  EXPECT_EQ(model.heads, 8u);
  EXPECT_EQ(model.kv_heads, 4u);
  EXPECT_EQ(model.head, 8u);
  EXPECT_EQ(model.vocabulary, 512u);
  EXPECT_EQ(model.layers.size(), 5u);
  EXPECT_EQ(model.epsilon, 1e-5f);
  EXPECT_EQ(model.head_matrix, model.embedding);
}

TEST_F(TrainedLanguageModels, AreTheSameInEveryForm) {
  const LanguageModel legacy = load("stories260K.bin");
  const std::vector<float> numbers = all_numbers(legacy);
  // The largest distance that the form's own quantisation explains. Those of equal numbers also
  // show that the queries and keys of these GGUF files stand in the same order as llama2.c's.
  const std::pair<const char*, double> forms[] = {
      {"stories260K.bin", 0.0},          {"stories260K_v1.bin", 0.0},
      {"stories260K-f32.gguf", 0.0},     {"stories260K-f16.gguf", 2e-4},
      {"stories260K_q80_gs4.bin", 4e-3}, {"stories260K-q4_K_M.gguf", 4e-2}};
  for (const auto& [name, most] : forms) {
    const LanguageModel model = load(name);
    expect_same_sizes(model);
    const double error = distance(all_numbers(model), numbers);
    std::cout << name << " (" << model.format << "): " << error << ", down as "
              << model.layers[0].down->stored_as << ", gate as " << model.layers[0].gate->stored_as
              << '\n';
    if (most == 0.0) {
      EXPECT_EQ(error, 0.0) << name;
    } else {
      EXPECT_LE(error, most) << name;
      EXPECT_GT(error, 0.0) << name;
    }
    EXPECT_EQ(model.rotary_frequencies, legacy.rotary_frequencies);
  }
}

void expect_same_tokens(const TokenizerData& a, const TokenizerData& b) {
  ASSERT_EQ(a.tokens.size(), b.tokens.size());
  for (std::size_t t = 0; t < a.tokens.size(); ++t) {
    EXPECT_EQ(a.tokens[t].bytes, b.tokens[t].bytes) << t;
    EXPECT_EQ(a.tokens[t].kind, b.tokens[t].kind) << t;
  }
  EXPECT_EQ(a.bos, b.bos);
  EXPECT_EQ(a.eos, b.eos);
  EXPECT_EQ(a.unknown, b.unknown);
  EXPECT_EQ(a.add_bos, b.add_bos);
  EXPECT_EQ(a.add_space_prefix, b.add_space_prefix);
}

TEST_F(TrainedLanguageModels, HaveTheSameTokensInBothForms) {
  const TokenizerData binary = load("stories260K.bin").tokenizer;
  const TokenizerData gguf = load("stories260K-f32.gguf").tokenizer;
  expect_same_tokens(binary, gguf);
  for (std::size_t t = 0; t < 512; ++t) EXPECT_EQ(binary.tokens[t].score, gguf.tokens[t].score);
  EXPECT_FALSE(tokenizer_blob(binary, "tok512.bin").empty());
}

TEST_F(TrainedLanguageModels, HaveAVocabularyOf32000Tokens) {
  const fs::path path = folder_ / "tokenizer-llama2-32000" / "vocab-llama-spm.gguf";
  const TokenizerData data = import_gguf_tokenizer(read(path), "vocab-llama-spm.gguf");
  ASSERT_EQ(data.tokens.size(), 32000u);
  EXPECT_EQ(data.tokens[15043].bytes, " Hello");
  EXPECT_EQ(data.tokens[29871].bytes, " ");
  EXPECT_EQ(data.tokens[13].kind, language::TokenKind::kByte);
  EXPECT_EQ(data.tokens[13].bytes, "\n");
  EXPECT_GT(tokenizer_blob(data, "vocabulary").size(), 32000u * 13);
  EXPECT_THROW(import_gguf(read(path), {.source = "vocab-llama-spm.gguf"}), std::exception);
}

// The tokens of a text, by the tokenizer of the device.
std::vector<std::uint32_t> tokens_of(const TokenizerData& data, const std::string& text) {
  const std::vector<std::byte> blob = tokenizer_blob(data, "vocabulary");
  language::Tokenizer tokenizer;
  const Failure opened = language::Tokenizer::open(blob, &tokenizer);
  EXPECT_EQ(opened.status, Status::kOk) << opened.detail;
  std::vector<std::uint64_t> work(language::Tokenizer::work_bytes(text.size()) / 8 + 1);
  std::vector<std::uint32_t> tokens(text.size() + 2);
  std::uint32_t count = 0;
  const Failure failure = tokenizer.encode(std::as_bytes(std::span(text)), {},
                                           std::as_writable_bytes(std::span(work)), tokens, &count);
  EXPECT_EQ(failure.status, Status::kOk) << text;
  tokens.resize(count);
  return tokens;
}

TEST_F(TrainedLanguageModels, CutTextAsTheReferenceDoesFromBothForms) {
  const fs::path place = folder_ / "tokenizer-llama2-32000";
  std::ifstream file(place / "tokenize_cases.json");
  const auto cases = nlohmann::json::parse(file);
  ASSERT_GE(cases.size(), 30u);
  const TokenizerData gguf = import_gguf_tokenizer(read(place / "vocab-llama-spm.gguf"), "gguf");
  const TokenizerData binary =
      read_llama2c_tokenizer(read(place / "tokenizer.bin"), 32000, "tokenizer.bin");
  expect_same_tokens(binary, gguf);
  for (const auto& one : cases) {
    const auto text = one.at("text").get<std::string>();
    const auto ids = one.at("ids").get<std::vector<std::uint32_t>>();
    EXPECT_EQ(tokens_of(gguf, text), ids) << text;
    EXPECT_EQ(tokens_of(binary, text), ids) << text;
  }
}

}  // namespace
}  // namespace sz::compiler
