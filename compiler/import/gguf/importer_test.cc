// GGUF files as they should be: every type of tensor, tokenizers, rotary embeddings.
#include "compiler/import/gguf/importer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numbers>

#include "compiler/import/gguf/byte_alphabet.h"
#include "compiler/language/matrix.h"
#include "compiler/testing/gguf_builder.h"

namespace sz::compiler {
namespace {

using gguf::TensorType;
using ops::BlockFormat;
using testing::GgufFile;
using testing::GgufValue;
using testing::small_gguf;

LanguageModel import(const GgufFile& file) {
  return import_gguf(file.bytes(), {.source = "model.gguf"});
}

std::vector<float> floats_in(const std::vector<std::byte>& data) {
  std::vector<float> numbers(data.size() / sizeof(float));
  std::memcpy(numbers.data(), data.data(), data.size());
  return numbers;
}

TEST(GgufImport, TakesWhatTheKeysAndTensorsSay) {
  const GgufFile file = small_gguf(3);
  const LanguageModel model = import(file);
  EXPECT_EQ(model.format, "GGUF v3");
  EXPECT_EQ(model.name, "small");
  EXPECT_EQ(model.context, 16u);
  EXPECT_EQ(model.width, 32u);
  EXPECT_EQ(model.hidden, 64u);
  EXPECT_EQ(model.heads, 4u);
  EXPECT_EQ(model.kv_heads, 2u);
  EXPECT_EQ(model.head, 8u);
  EXPECT_EQ(model.vocabulary, 264u);
  EXPECT_EQ(model.epsilon, 1e-5f);
  EXPECT_EQ(model.head_matrix, model.embedding);
  ASSERT_EQ(model.layers.size(), 2u);
  const auto numbers = [&](const char* name) {
    GgufFile copy = file;
    return floats_in(copy.tensor(name).data);
  };
  const LanguageLayer& layer = model.layers[1];
  EXPECT_EQ(layer.attention_norm, numbers("blk.1.attn_norm.weight"));
  EXPECT_EQ(layer.ffn_norm, numbers("blk.1.ffn_norm.weight"));
  EXPECT_EQ(numbers_of(*layer.q), numbers("blk.1.attn_q.weight"));
  EXPECT_EQ(numbers_of(*layer.k), numbers("blk.1.attn_k.weight"));
  EXPECT_EQ(numbers_of(*layer.v), numbers("blk.1.attn_v.weight"));
  EXPECT_EQ(numbers_of(*layer.o), numbers("blk.1.attn_output.weight"));
  EXPECT_EQ(numbers_of(*layer.gate), numbers("blk.1.ffn_gate.weight"));
  EXPECT_EQ(numbers_of(*layer.up), numbers("blk.1.ffn_up.weight"));
  EXPECT_EQ(numbers_of(*layer.down), numbers("blk.1.ffn_down.weight"));
  EXPECT_EQ(layer.down->inputs, 64u);
  EXPECT_EQ(layer.down->outputs, 32u);
  EXPECT_EQ(layer.k->outputs, 16u);
  EXPECT_EQ(layer.k->name, "blk.1.attn_k.weight");
  EXPECT_EQ(model.final_norm, numbers("output_norm.weight"));
}

TEST(GgufImport, ReadsVersion2AnyAlignmentAndAHeadOfItsOwn) {
  GgufFile file = small_gguf(3);
  file.version = 2;
  for (const std::uint32_t alignment : {1u, 4u, 64u, 4096u}) {
    file.alignment = alignment;
    file.set("general.alignment", GgufValue::whole(alignment));
    EXPECT_EQ(import(file).format, "GGUF v2");
  }
  file.tensors.push_back(file.tensor("token_embd.weight"));
  file.tensors.back().name = "output.weight";
  testing::set_random_blocks(&file.tensors.back(), TensorType::kQ8_0, 1);
  const LanguageModel model = import(file);
  EXPECT_NE(model.head_matrix, model.embedding);
  EXPECT_EQ(model.head_matrix->format, BlockFormat::kQ8_0);
}

TEST(GgufImport, ReadsOtherTypesOfWholeNumbersAndNoVocabularySize) {
  GgufFile file = small_gguf(3);
  file.set("llama.context_length", GgufValue::long_whole(131072));
  file.set("llama.block_count", GgufValue::signed_whole(2));
  file.remove("llama.vocab_size");
  file.remove("llama.rope.dimension_count");
  file.set("llama.expert_count", GgufValue::whole(0));
  const LanguageModel model = import(file);
  EXPECT_EQ(model.context, 131072u);
  EXPECT_EQ(model.vocabulary, 264u);
  EXPECT_EQ(model.rotary_frequencies.size(), 4u);
}

TEST(GgufImport, TakesHeadsThatAreNotAPartOfTheWidth) {
  GgufFile file = small_gguf(3);
  file.set("llama.attention.key_length", GgufValue::whole(16));
  file.set("llama.attention.value_length", GgufValue::whole(16));
  const auto reshape = [&](const char* name, std::vector<std::uint64_t> shape) {
    for (int layer = 0; layer < 2; ++layer) {
      testing::GgufTensor& tensor = file.tensor("blk." + std::to_string(layer) + '.' + name);
      tensor.shape = shape;
      testing::set_random_blocks(&tensor, TensorType::kF32, 5);
    }
  };
  reshape("attn_q.weight", {32, 64});
  reshape("attn_k.weight", {32, 32});
  reshape("attn_v.weight", {32, 32});
  reshape("attn_output.weight", {64, 32});
  const LanguageModel model = import(file);
  EXPECT_EQ(model.head, 16u);
  EXPECT_EQ(model.layers[0].o->inputs, 64u);
  EXPECT_EQ(model.rotary_frequencies.size(), 4u);  // half of each head is turned
}

struct TypeCase {
  TensorType type;
  const char* name;
  BlockFormat format;
};
constexpr TypeCase kTypes[] = {{TensorType::kF32, "F32", BlockFormat::kF32},
                               {TensorType::kF16, "F16", BlockFormat::kF16},
                               {TensorType::kBF16, "BF16", BlockFormat::kF32},
                               {TensorType::kQ8_0, "Q8_0", BlockFormat::kQ8_0},
                               {TensorType::kQ4_0, "Q4_0", BlockFormat::kQ4_0},
                               {TensorType::kQ4_1, "Q4_1", BlockFormat::kF32},
                               {TensorType::kQ5_0, "Q5_0", BlockFormat::kF32},
                               {TensorType::kQ5_1, "Q5_1", BlockFormat::kF32},
                               {TensorType::kQ4_K, "Q4_K", BlockFormat::kF32},
                               {TensorType::kQ5_K, "Q5_K", BlockFormat::kF32},
                               {TensorType::kQ6_K, "Q6_K", BlockFormat::kF32}};

TEST(GgufTypes, AreReadAsTheyWerePacked) {
  for (const TypeCase& type : kTypes) {
    for (std::uint32_t seed = 0; seed < 8; ++seed) {
      GgufFile file = small_gguf(3);
      // Rows of 256 numbers, for the K types.
      file.set("llama.feed_forward_length", GgufValue::whole(256));
      testing::GgufTensor* down = nullptr;
      for (const char* prefix : {"blk.0.", "blk.1."}) {
        for (const char* name : {"ffn_gate.weight", "ffn_up.weight"}) {
          testing::GgufTensor& tensor = file.tensor(std::string(prefix) + name);
          tensor.shape = {32, 256};
          testing::set_random_blocks(&tensor, TensorType::kF32, seed);
        }
        down = &file.tensor(std::string(prefix) + "ffn_down.weight");
        down->shape = {256, 32};
        testing::set_random_blocks(down, TensorType::kF32, seed);
      }
      const std::vector<float> expected = testing::set_random_blocks(down, type.type, seed);
      const LanguageModel model = import(file);
      const LanguageMatrix& matrix = *model.layers[1].down;
      EXPECT_EQ(matrix.stored_as, type.name);
      EXPECT_EQ(matrix.format, type.format);
      EXPECT_EQ(numbers_of(matrix), expected) << type.name;
      if (type.format != BlockFormat::kF32) {
        EXPECT_EQ(matrix.data, down->data);
      }
    }
  }
}

TEST(GgufTypes, ServeNormsToo) {
  GgufFile file = small_gguf(3);
  testing::GgufTensor& norm = file.tensor("output_norm.weight");
  const auto expected = testing::set_random_blocks(&norm, TensorType::kBF16, 1);
  EXPECT_EQ(import(file).final_norm, expected);
}

TEST(GgufRotary, HasBaseLinearScalingAndFactors) {
  GgufFile file = small_gguf(3);
  file.set("llama.rope.freq_base", GgufValue::real(500000.0f));
  const auto plain = import(file).rotary_frequencies;
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(plain[i], std::pow(500000.0, -i / 4.0), 1e-7);
  file.set("llama.rope.scaling.type", GgufValue::text("linear"));
  file.set("llama.rope.scaling.factor", GgufValue::real(4.0f));
  const auto linear = import(file).rotary_frequencies;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(linear[i], plain[i] / 4);
  file.set("llama.rope.scaling.type", GgufValue::text("none"));
  EXPECT_EQ(import(file).rotary_frequencies, plain);
  testing::GgufTensor factors{"rope_freqs.weight", 0, {4}, {}};
  for (const float factor : {1.0f, 2.0f, 4.0f, 8.0f}) {
    const auto bytes = std::as_bytes(std::span(&factor, 1));
    factors.data.insert(factors.data.end(), bytes.begin(), bytes.end());
  }
  file.tensors.push_back(factors);
  const auto divided = import(file).rotary_frequencies;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(divided[i], plain[i] / static_cast<float>(1 << i));
}

// The rule of the paper (Peng et al., 2023): the wave lengths of the pairs against the original
// context decide.
TEST(GgufRotary, HasYarn) {
  GgufFile file = small_gguf(3);
  file.set("llama.rope.scaling.type", GgufValue::text("yarn"));
  file.set("llama.rope.scaling.factor", GgufValue::real(8.0f));
  file.set("llama.rope.scaling.original_context_length", GgufValue::whole(4096));
  const LanguageModel model = import(file);
  EXPECT_NEAR(model.rotary_scale, 0.1 * std::log(8.0) + 1.0, 1e-6);
  // Pairs turn 4096 / (2 pi 10000^(i / 4)) times: 652, 65.2, 6.5, 0.65. Those of 32 turns and of 1
  // are 1.31 and 2.81, in whole pairs 1 and 3.
  const double own[] = {1.0, 0.1, 0.01, 0.001};
  const double stretched[] = {0.0, 0.0, 0.5, 1.0};
  for (int i = 0; i < 4; ++i) {
    const double expected = own[i] * (1 - stretched[i]) + own[i] / 8 * stretched[i];
    EXPECT_NEAR(model.rotary_frequencies[i], expected, expected * 1e-6) << i;
  }
}

TEST(GgufTokenizer, OfSentencePieceHasSpacesAndBytes) {
  GgufFile file = small_gguf(3);
  const TokenizerData data = import(file).tokenizer;
  EXPECT_EQ(data.kind, language::TokenizerKind::kSpm);
  EXPECT_EQ(data.pre, language::PreTokenizer::kNone);
  EXPECT_TRUE(data.add_bos && data.add_space_prefix && !data.ignore_merges);
  EXPECT_EQ(data.tokens[3 + 0xe9].bytes, "\xe9");
  EXPECT_EQ(data.tokens[3].bytes, std::string(1, '\0'));
  EXPECT_EQ(data.tokens[3].kind, language::TokenKind::kByte);
  EXPECT_EQ(data.tokens[259].bytes, " ");
  EXPECT_EQ(data.tokens[263].bytes, " the");
  EXPECT_EQ(data.tokens[263].score, -4.0f);
  EXPECT_EQ(data.bos, 1u);  // what llama.cpp takes
  EXPECT_EQ(data.eos, 2u);
  EXPECT_EQ(data.unknown, 0u);
  EXPECT_EQ(data.end_of_turn, language::kNoToken);
  file.set("tokenizer.ggml.add_bos_token", GgufValue::flag(false));
  file.set("tokenizer.ggml.add_space_prefix", GgufValue::flag(false));
  file.set("tokenizer.ggml.eos_token_id", GgufValue::whole(5));
  file.set("tokenizer.ggml.eot_token_id", GgufValue::whole(6));
  file.set("tokenizer.chat_template", GgufValue::text("{{ messages }}"));
  const LanguageModel model = import(file);
  EXPECT_FALSE(model.tokenizer.add_bos || model.tokenizer.add_space_prefix);
  EXPECT_EQ(model.tokenizer.eos, 5u);
  EXPECT_EQ(model.tokenizer.end_of_turn, 6u);
  EXPECT_EQ(model.chat_template, "{{ messages }}");
}

TEST(GgufTokenizer, OfGpt2HasBytesAndMerges) {
  GgufFile file = small_gguf(3);
  testing::set_bpe(&file, "llama-bpe");
  const TokenizerData data = import(file).tokenizer;
  EXPECT_EQ(data.kind, language::TokenizerKind::kBpe);
  EXPECT_EQ(data.pre, language::PreTokenizer::kLlama3);
  EXPECT_TRUE(data.add_bos && data.ignore_merges && !data.add_space_prefix);
  for (unsigned byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(data.tokens[byte].bytes, std::string(1, static_cast<char>(byte)));
  }
  EXPECT_EQ(data.tokens[258].bytes, " the");
  EXPECT_EQ(data.tokens[259].bytes, "<|eot_id|>");
  EXPECT_EQ(data.tokens[259].kind, language::TokenKind::kControl);
  EXPECT_EQ(data.end_of_turn, 259u);  // found by its name
  ASSERT_EQ(data.merges.size(), 3u);
  EXPECT_EQ(data.merges[0].left, 32u);
  EXPECT_EQ(data.merges[0].right, static_cast<std::uint32_t>('t'));
  EXPECT_EQ(data.merges[2].left, 256u);
  EXPECT_EQ(data.merges[2].right, 257u);
  testing::set_bpe(&file, "gpt-2");
  const TokenizerData gpt2 = import(file).tokenizer;
  EXPECT_EQ(gpt2.pre, language::PreTokenizer::kGpt2);
  EXPECT_FALSE(gpt2.add_bos || gpt2.ignore_merges);
}

// The letters that GPT-2's own table has for some bytes.
TEST(ByteAlphabet, IsGpt2s) {
  const std::pair<unsigned char, const char*> letters[] = {
      {'!', "!"},       {'~', "~"},       {' ', "\u0120"},  {'\n', "\u010a"}, {0, "\u0100"},
      {0x7f, "\u0121"}, {0xa0, "\u0142"}, {0xad, "\u0143"}, {0xa1, "\u00a1"}, {0xff, "\u00ff"}};
  for (const auto& [byte, letter] : letters) EXPECT_EQ(gguf::letter_of_byte(byte), letter);
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string bytes;
    EXPECT_TRUE(
        gguf::bytes_of_letters(gguf::letter_of_byte(static_cast<unsigned char>(byte)), &bytes));
    EXPECT_EQ(bytes, std::string(1, static_cast<char>(byte)));
  }
  std::string bytes;
  for (const char* text : {" ", "\u0144", "\u00ad", "\u20ac", "\xc3", "\xff", "\xc0\xa1", "\x80"}) {
    EXPECT_FALSE(gguf::bytes_of_letters(text, &bytes)) << text;
  }
}

}  // namespace
}  // namespace sz::compiler
