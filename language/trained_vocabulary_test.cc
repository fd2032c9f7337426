// The vocabularies of trained models, where SMARTZONE_DATA has them, against the tokens of the
// reference engines.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "language/testing/tables_builder.h"

namespace sz::language {
namespace {

namespace fs = std::filesystem;
using testing::TestTokenizer;

class TrainedVocabulary : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("SMARTZONE_DATA");
    if (data == nullptr || !fs::exists(fs::path(data) / "models" / "llm")) {
      GTEST_SKIP() << "SMARTZONE_DATA names no folder with language models";
    }
    folder_ = fs::path(data) / "models" / "llm";
  }

  nlohmann::json read(const fs::path& name) const {
    std::ifstream file(folder_ / name);
    return nlohmann::json::parse(file);
  }

  fs::path folder_;
};

TEST_F(TrainedVocabulary, Llama2CutsTextAsLlamaCppDoes) {
  const TestTokenizer tokenizer(
      testing::read_llama2c(folder_ / "tokenizer-llama2-32000" / "tokenizer.bin"));
  const auto cases = read(fs::path("tokenizer-llama2-32000") / "tokenize_cases.json");
  ASSERT_EQ(cases.size(), 31u);
  for (const auto& one : cases) {
    const auto text = one["text"].get<std::string>();
    const auto expected = one["ids"].get<std::vector<std::uint32_t>>();
    EXPECT_EQ(tokenizer.encode(text), expected) << text;
    EXPECT_EQ(tokenizer.decode(expected), text);
  }
}

TEST_F(TrainedVocabulary, StoriesPromptsBecomeTheTokensOfTheReferences) {
  const TestTokenizer tokenizer(testing::read_llama2c(folder_ / "stories260K" / "tok512.bin"));
  const auto reference = read(fs::path("stories260K") / "reference.json");
  std::size_t prompts = 0;
  for (const auto& engine : reference) {
    for (const auto& one : engine["greedy"]) {
      const auto tokens = tokenizer.encode(one["prompt"].get<std::string>(), {.bos = true});
      EXPECT_EQ(tokens, one["prompt_tokens"].get<std::vector<std::uint32_t>>()) << one["prompt"];
      ++prompts;
    }
  }
  EXPECT_EQ(prompts, 15u);
}

TEST_F(TrainedVocabulary, StoriesTokensBecomeTheTextOfTheReferences) {
  const TestTokenizer tokenizer(testing::read_llama2c(folder_ / "stories260K" / "tok512.bin"));
  const auto reference = read(fs::path("stories260K") / "reference.json");
  for (const auto& one : reference["stories260K.bin"]["greedy"]) {
    EXPECT_EQ(tokenizer.decode(one["tokens"].get<std::vector<std::uint32_t>>()),
              one["text"].get<std::string>());
  }
}

}  // namespace
}  // namespace sz::language
