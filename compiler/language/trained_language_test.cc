// Trained language models against what the reference engines made of them.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "compiler/compile.h"
#include "compiler/import/llama2c/importer.h"
#include "compiler/language/compile_language.h"
#include "compiler/testing/light_model.h"
#include "compiler/host/language_runner.h"
#include "compiler/testing/runner.h"

namespace sz::compiler {
namespace {

using Json = nlohmann::json;
using Tokens = std::vector<std::uint32_t>;

std::string folder() { return testing::data_folder() + "/models/llm/stories260K/"; }

Json reference() {
  std::ifstream file(folder() + "reference.json");
  return Json::parse(file);
}

std::vector<std::byte> compiled(const std::string& file, const LanguageOptions& options = {}) {
  CompileOptions all;
  all.language = options;
  if (file.ends_with(".bin")) all.language.tokenizer_path = folder() + "tok512.bin";
  return compile_file(folder() + file, all).package;
}

struct Form {
  const char* file;
  const char* reference;  // whose values
  bool exact;             // f32: greedy tokens and logits are those of the reference
};
void PrintTo(const Form& form, std::ostream* out) { *out << form.file; }

class TrainedForms : public ::testing::TestWithParam<Form> {
 protected:
  void SetUp() override {
    if (testing::data_folder().empty()) GTEST_SKIP() << "SMARTZONE_DATA is not set";
  }
};

// Of quantised forms the greedy text may part ways, and logits are others.
class ExactForms : public TrainedForms {};

TEST_P(ExactForms, GiveTheGreedyTokens) {
  LanguageRunner runner(compiled(GetParam().file));
  const Json said = reference().at(GetParam().reference).at("greedy");
  for (const Json& one : said) {
    SCOPED_TRACE(one.at("prompt").get<std::string>());
    const auto wanted = one.at("tokens").get<Tokens>();
    const auto prompt = one.at("prompt_tokens").get<Tokens>();
    runner.reset();
    Tokens tokens = prompt;
    std::vector<float> logits = runner.feed(prompt);
    while (tokens.size() < wanted.size()) {
      tokens.push_back(best(logits));
      logits = runner.feed(std::span(tokens).last(1));
    }
    EXPECT_EQ(tokens, wanted);
  }
}

// The norm: the largest absolute difference, relative to the largest absolute logit of the position.
TEST_P(ExactForms, GiveTheLogits) {
  const Json said = reference().at("stories260K.bin").at("logits");
  const auto wanted = testing::read_npy(folder() + said.at("file").get<std::string>());
  const auto tokens = said.at("token_ids").get<Tokens>();
  LanguageRunner runner(compiled(GetParam().file));
  double worst = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::vector<float> logits = runner.feed(std::span(tokens).subspan(i, 1));
    double largest = 0, difference = 0;
    for (std::size_t t = 0; t < logits.size(); ++t) {
      const double value = wanted.values[i * logits.size() + t];
      largest = std::max(largest, std::abs(value));
      difference = std::max(difference, std::abs(value - logits[t]));
    }
    worst = std::max(worst, difference / largest);
  }
  std::cout << "largest difference " << worst << '\n';
  EXPECT_LE(worst, 1e-4);
}

double nll_of(const std::vector<std::byte>& package, const std::string& text_file) {
  std::ifstream file(folder() + "text/" + text_file, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  LanguageRunner runner(package);
  return mean_nll(runner, runner.tokens_of(text));
}

TEST_P(TrainedForms, FindsTheTextsAsLikelyAsTheReferenceDoes) {
  const std::vector<std::byte> package = compiled(GetParam().file);
  const Json said = reference().at(GetParam().reference).at("nll");
  for (const Json& one : said) {
    const double wanted = one.at("mean_nll").get<double>();
    EXPECT_NEAR(nll_of(package, one.at("text").get<std::string>()), wanted,
                GetParam().exact ? 1e-5 : 0.02);
  }
}

TEST_P(TrainedForms, TokenizesPromptsAsTheReferenceDoes) {
  LanguageRunner runner(compiled(GetParam().file));
  const Json said = reference().at(GetParam().reference).at("greedy");
  for (const Json& one : said) {
    EXPECT_EQ(runner.tokens_of(one.at("prompt").get<std::string>()),
              one.at("prompt_tokens").get<Tokens>());
  }
}

std::string name_of(const ::testing::TestParamInfo<Form>& info) {
  std::string name = info.param.file;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

constexpr Form kExact[] = {{"stories260K.bin", "stories260K.bin", true},
                           {"stories260K_v1.bin", "stories260K.bin", true},
                           {"stories260K-f32.gguf", "stories260K-f32.gguf", true}};
constexpr Form kQuantized[] = {{"stories260K_q80_gs4.bin", "stories260K_q80_gs4.bin", false},
                               {"stories260K-f16.gguf", "stories260K-f16.gguf", false},
                               {"stories260K-q4_K_M.gguf", "stories260K-q4_K_M.gguf", false}};
INSTANTIATE_TEST_SUITE_P(Exact, ExactForms, ::testing::ValuesIn(kExact), name_of);
INSTANTIATE_TEST_SUITE_P(Exact, TrainedForms, ::testing::ValuesIn(kExact), name_of);
INSTANTIATE_TEST_SUITE_P(Quantized, TrainedForms, ::testing::ValuesIn(kQuantized), name_of);

// --- the exact shape and size of stories15M, with made-up weights -----------------------------

std::vector<std::byte> read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

template <typename T>
void append(std::vector<std::byte>& to, const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// The llama2.c file that a weights.json describes.
std::vector<std::byte> filled(const Json& said) {
  const Json& header = said.at("header");
  std::vector<std::int32_t> words;
  for (const char* key :
       {"dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "seq_len"}) {
    words.push_back(header.at(key).get<std::int32_t>());
  }
  std::vector<std::byte> file;
  append(file, words);
  for (const Json& tensor : said.at("tensors_in_file_order")) {
    if (tensor.contains("seed_name")) {
      append(file, testing::generate(tensor));
    } else {  // tables that nobody reads
      file.resize(file.size() + 4 * tensor.at("shape").at(0).get<std::size_t>());
    }
  }
  return file;
}

TEST(FullSizeLanguageModel, GivesTheReferencesTokensAndLogits) {
  if (testing::data_folder().empty()) GTEST_SKIP() << "SMARTZONE_DATA is not set";
  const std::string data = testing::data_folder() + "/models/";
  const std::string place = data + "synthetic-weights/synth-llama-15m/";
  std::ifstream description(place + "weights.json");
  const Json said = Json::parse(description);
  const LanguageModel model =
      import_llama2c(filled(said), read_all(data + "llm/tokenizer-llama2-32000/tokenizer.bin"),
                     "synth-llama-15m.bin", "tokenizer.bin");
  LanguageRunner runner(compile_language(model, {}, {}).package);
  const auto prompt = said.at("prompt_tokens").get<Tokens>();
  EXPECT_EQ(runner.tokens_of(said.at("prompt").get<std::string>()), prompt);
  std::vector<float> logits = runner.feed(prompt);
  const auto wanted = testing::read_npy(place + said.at("logits_last_prompt_position").get<std::string>());
  ASSERT_EQ(logits.size(), wanted.values.size());
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(wanted.values[i])));
    difference = std::max(difference, std::abs(static_cast<double>(wanted.values[i]) - logits[i]));
  }
  std::cout << "largest difference " << difference / largest << '\n';
  EXPECT_LE(difference, 1e-4 * largest);
  Tokens tokens;
  for (std::size_t i = 0; i < said.at("greedy_tokens_after_prompt").size(); ++i) {
    tokens.push_back(best(logits));
    logits = runner.feed(std::span(tokens).last(1));
  }
  EXPECT_EQ(tokens, said.at("greedy_tokens_after_prompt").get<Tokens>());
}

// Perplexity after our own quantisation, over all texts, against f32.
double perplexity(const LanguageOptions& options) {
  double sum = 0, tokens = 0;
  const std::vector<std::byte> package = compiled("stories260K.bin", options);
  const Json said = reference().at("stories260K.bin").at("nll");
  for (const Json& one : said) {
    const double count = one.at("tokens").get<double>() - 1;
    sum += count * nll_of(package, one.at("text").get<std::string>());
    tokens += count;
  }
  return std::exp(sum / tokens);
}

TEST(QuantizedLanguageModel, IsHardlyMorePerplexed) {
  if (testing::data_folder().empty()) GTEST_SKIP() << "SMARTZONE_DATA is not set";
  const double real = perplexity({});
  const double q8 = perplexity({.quantize = ops::BlockFormat::kQ8_0}) / real;
  const double q4 = perplexity({.quantize = ops::BlockFormat::kQ4_0}) / real;
  RecordProperty("q8_0", std::to_string(q8));
  RecordProperty("q4_0", std::to_string(q4));
  std::cout << "perplexity over f32: q8_0 " << q8 << ", q4_0 " << q4 << '\n';
  EXPECT_NEAR(q8, 1, 0.005);
  EXPECT_NEAR(q4, 1, 0.08);
}

TEST(LanguageCaches, OfFewerBitsChangeLittle) {
  if (testing::data_folder().empty()) GTEST_SKIP() << "SMARTZONE_DATA is not set";
  const double real = perplexity({});
  const double half = perplexity({.cache = ops::BlockFormat::kF16}) / real;
  const double byte = perplexity({.cache = ops::BlockFormat::kQ8_0}) / real;
  std::cout << "perplexity over f32: caches of f16 " << half << ", q8_0 " << byte << '\n';
  EXPECT_NEAR(half, 1, 1e-3);
  EXPECT_NEAR(byte, 1, 0.01);
}

}  // namespace
}  // namespace sz::compiler
