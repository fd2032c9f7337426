// llama2.c's files as they should be: every form, and the numbers in their places.
#include "compiler/import/llama2c/importer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "compiler/language/matrix.h"
#include "compiler/testing/llama2c_files.h"

namespace sz::compiler {
namespace {

using testing::Llama2cSizes;

LanguageModel import(const std::vector<std::byte>& checkpoint) {
  return import_llama2c(checkpoint, testing::llama2c_tokenizer(testing::small_pieces()),
                        "model.bin", "tokenizer.bin");
}

// Every number another: its place in the file.
std::vector<float> counted(const Llama2cSizes& sizes) {
  std::vector<float> numbers(testing::llama2c_numbers(sizes));
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  return numbers;
}

void expect_counted(const MatrixPtr& matrix, std::uint32_t outputs, std::uint32_t inputs,
                    std::size_t first) {
  ASSERT_TRUE(matrix);
  EXPECT_EQ(matrix->outputs, outputs) << matrix->name;
  EXPECT_EQ(matrix->inputs, inputs) << matrix->name;
  std::vector<float> expected(std::size_t{outputs} * inputs);
  std::iota(expected.begin(), expected.end(), static_cast<float>(first));
  EXPECT_EQ(numbers_of(*matrix), expected) << matrix->name;
}

TEST(Llama2cImport, TakesTheNumbersOfTheLegacyFormInTheirOrder) {
  Llama2cSizes sizes;
  sizes.tied = false;
  const LanguageModel model = import(testing::llama2c_legacy(sizes, counted(sizes)));
  EXPECT_EQ(model.format, "llama2.c legacy");
  EXPECT_EQ(model.context, 16u);
  EXPECT_EQ(model.head, 8u);
  EXPECT_EQ(model.kv_heads, 2u);
  EXPECT_EQ(model.vocabulary, 264u);
  ASSERT_EQ(model.layers.size(), 2u);
  // 264 x 32 of the embedding, 2 x 32 of norms, 2 x 32 x 32 of queries, ...
  expect_counted(model.embedding, 264, 32, 0);
  EXPECT_EQ(model.layers[1].attention_norm[0], 8448.0f + 32);
  expect_counted(model.layers[1].q, 32, 32, 8512 + 1024);
  expect_counted(model.layers[0].k, 16, 32, 10560);
  expect_counted(model.layers[1].v, 16, 32, 11584 + 512);
  expect_counted(model.layers[1].o, 32, 32, 12608 + 1024);
  EXPECT_EQ(model.layers[0].ffn_norm[31], 14656.0f + 31);
  expect_counted(model.layers[1].gate, 64, 32, 14720 + 2048);
  expect_counted(model.layers[1].down, 32, 64, 18816 + 2048);
  expect_counted(model.layers[0].up, 64, 32, 22912);
  EXPECT_EQ(model.final_norm[0], 27008.0f);
  expect_counted(model.head_matrix, 264, 32, 27040);
  EXPECT_EQ(model.layers[1].q->name, "layers.1.attention.wq");
  EXPECT_EQ(model.layers[1].q->stored_as, "F32");
}

TEST(Llama2cImport, TakesTheNumbersOfVersion1InTheirOrder) {
  Llama2cSizes sizes;
  const LanguageModel tied = import(testing::llama2c_version1(sizes, counted(sizes)));
  EXPECT_EQ(tied.format, "llama2.c version 1");
  EXPECT_EQ(tied.head_matrix, tied.embedding);
  sizes.tied = false;
  const LanguageModel model = import(testing::llama2c_version1(sizes, counted(sizes)));
  EXPECT_EQ(model.layers[1].attention_norm[0], 32.0f);
  EXPECT_EQ(model.layers[0].ffn_norm[0], 64.0f);
  EXPECT_EQ(model.final_norm[0], 128.0f);
  expect_counted(model.embedding, 264, 32, 160);
  expect_counted(model.layers[0].q, 32, 32, 8608);
  expect_counted(model.layers[1].down, 32, 64, 18848 + 2048);
  expect_counted(model.head_matrix, 264, 32, 27040);
}

// All matrices of a model, in the order of version 2's file.
std::vector<MatrixPtr> matrices_of(const LanguageModel& model) {
  std::vector<MatrixPtr> list = {model.embedding};
  for (const auto part :
       {&LanguageLayer::q, &LanguageLayer::k, &LanguageLayer::v, &LanguageLayer::o,
        &LanguageLayer::gate, &LanguageLayer::down, &LanguageLayer::up}) {
    for (const LanguageLayer& layer : model.layers) list.push_back(layer.*part);
  }
  if (model.head_matrix != model.embedding) list.push_back(model.head_matrix);
  return list;
}

// The largest error of a number, relative to it.
double largest_error(const LanguageModel& model, const std::vector<float>& expected) {
  double error = 0;
  std::size_t at = 0;
  for (const MatrixPtr& matrix : matrices_of(model)) {
    for (const float number : numbers_of(*matrix)) {
      const double right = expected.at(at++);
      if (right == 0) {
        EXPECT_EQ(number, 0.0f);
      } else {
        error = std::max(error, std::fabs(number - right) / std::fabs(right));
      }
    }
  }
  EXPECT_EQ(at, expected.size());
  return error;
}

TEST(Llama2cImport, KeepsWholeBlocksOfVersion2AndMakesFloatsOfOtherGroups) {
  for (const bool tied : {true, false}) {
    for (const std::int32_t group : {1, 2, 4, 16, 32, 64, 128}) {
      Llama2cSizes sizes;
      sizes.tied = tied;
      std::vector<float> values;
      const auto file = testing::llama2c_version2(sizes, group, 7, &values);
      const LanguageModel model = import(file);
      EXPECT_EQ(model.format, "llama2.c version 2 (q80)");
      EXPECT_EQ(model.layers[0].q->stored_as, "q80 (groups of " + std::to_string(group) + ")");
      EXPECT_EQ(model.layers[1].ffn_norm[3], 1.0f + 3.0f / 16);
      const bool blocks = group % 32 == 0;
      EXPECT_EQ(model.layers[0].q->format,
                blocks ? ops::BlockFormat::kQ8_0 : ops::BlockFormat::kF32);
      const double error = largest_error(model, values);
      if (blocks) {
        EXPECT_LE(error, 0x1p-11) << group;
        EXPECT_GT(error, 0) << group;  // the scales of the test are not all f16
      } else {
        EXPECT_EQ(error, 0) << group;
      }
    }
  }
}

TEST(Llama2cImport, MakesFloatsOfBlocksWhoseScaleIsTooSmallForF16) {
  std::vector<float> values;
  auto file = testing::llama2c_version2({}, 32, 7, &values);
  // The scales of the embedding stand behind its 264 x 32 codes, these behind 5 x 32 norms.
  const float tiny = 1e-6f;
  std::memcpy(file.data() + 256 + 5 * 32 * 4 + 264 * 32, &tiny, sizeof(tiny));
  const LanguageModel model = import(file);
  EXPECT_EQ(model.embedding->format, ops::BlockFormat::kF32);
  EXPECT_EQ(model.layers[0].q->format, ops::BlockFormat::kQ8_0);
}

TEST(Llama2cImport, TurnsPairsAsLlama2cDoes) {
  Llama2cSizes sizes;
  const LanguageModel model = import(testing::llama2c_version1(sizes, counted(sizes)));
  ASSERT_EQ(model.rotary_frequencies.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    const float expected = 1.0f / std::pow(10000.0f, static_cast<float>(2 * i) / 8.0f);
    EXPECT_NEAR(model.rotary_frequencies[i], expected, expected * 3e-7);
  }
  EXPECT_EQ(model.rotary_scale, 1.0f);
  EXPECT_EQ(model.epsilon, 1e-5f);
}

TEST(Llama2cTokenizer, HasBytesAndPieces) {
  Llama2cSizes sizes;
  const TokenizerData data = import(testing::llama2c_version1(sizes, counted(sizes))).tokenizer;
  EXPECT_EQ(data.kind, language::TokenizerKind::kSpm);
  EXPECT_TRUE(data.add_bos && data.add_space_prefix && !data.ignore_merges);
  ASSERT_EQ(data.tokens.size(), 264u);
  EXPECT_EQ(data.tokens[0].kind, language::TokenKind::kUnknown);
  EXPECT_EQ(data.tokens[1].kind, language::TokenKind::kControl);
  EXPECT_EQ(data.tokens[1].bytes, "<s>");
  EXPECT_EQ(data.tokens[2].bytes, "</s>");
  for (unsigned byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(data.tokens[3 + byte].bytes, std::string(1, static_cast<char>(byte)));
    EXPECT_EQ(data.tokens[3 + byte].kind, language::TokenKind::kByte);
  }
  EXPECT_EQ(data.tokens[261].bytes, " t");
  EXPECT_EQ(data.tokens[261].score, -2.0f);
  EXPECT_EQ(data.bos, 1u);
  EXPECT_EQ(data.eos, 2u);
  EXPECT_EQ(data.end_of_turn, 1u);
}

}  // namespace
}  // namespace sz::compiler
