// What is refused of llama2.c's files, and in which words.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "compiler/error.h"
#include "compiler/import/llama2c/importer.h"
#include "compiler/testing/llama2c_files.h"

namespace sz::compiler {
namespace {

using testing::Llama2cSizes;

std::vector<std::byte> tokenizer() { return testing::llama2c_tokenizer(testing::small_pieces()); }

std::string complaint(const std::vector<std::byte>& checkpoint,
                      const std::vector<std::byte>& tokens = tokenizer()) {
  try {
    import_llama2c(checkpoint, tokens, "model.bin", "tokenizer.bin");
  } catch (const InternalError& error) {
    ADD_FAILURE() << error.what();
  } catch (const CompileError& error) {
    return error.what();
  }
  return "imported";
}

void expect_words(const std::string& text, const std::string& words) {
  EXPECT_NE(text.find(words), std::string::npos) << text;
}

std::vector<float> numbers(const Llama2cSizes& sizes) {
  return std::vector<float>(testing::llama2c_numbers(sizes), 0.5f);
}
std::vector<std::byte> version1() { return testing::llama2c_version1({}, numbers({})); }
std::vector<std::byte> version2() {
  std::vector<float> values;
  return testing::llama2c_version2({}, 32, 1, &values);
}

template <typename T>
std::vector<std::byte> with(std::vector<std::byte> file, std::size_t at, T value) {
  std::memcpy(file.data() + at, &value, sizeof(value));
  return file;
}

TEST(Llama2cHeader, IsRefusedByItsField) {
  EXPECT_EQ(complaint(version1()), "imported");
  expect_words(complaint({}), "model.bin: is no checkpoint of llama2.c: it has 0 bytes");
  expect_words(complaint(with(version1(), 0, 0)), "dim is 0 (byte 0)");
  expect_words(complaint(with(version1(), 4, 3)), "version 3; versions 1, 2");
  const auto size = [&](std::size_t index, std::int32_t value) {
    return complaint(with(version1(), 8 + 4 * index, value));
  };
  expect_words(size(0, 0), "dim is 0 (byte 8)");
  expect_words(size(0, std::numeric_limits<std::int32_t>::min()), "dim is -2147483648");
  expect_words(size(1, -1), "hidden_dim is -1");
  expect_words(size(2, 2000), "n_layers is 2000 (byte 16), not within 1 to 1024");
  expect_words(size(3, 3), "dim 32 makes no 3 heads");
  expect_words(size(3, 32), "dim 32 makes no 32 heads of an even number");
  expect_words(size(4, 3), "3 key-value heads are no divisor of 4 heads");
  expect_words(size(4, 5), "n_kv_heads is 5");
  expect_words(size(5, -264), "vocab_size is -264");  // the sign means something in old files only
  expect_words(size(5, std::numeric_limits<std::int32_t>::max()), "vocab_size is 2147483647");
  expect_words(size(6, 0), "seq_len is 0");
  expect_words(complaint(with(version1(), 36, std::uint8_t{2})), "shared_classifier is 2");
  expect_words(complaint(with(version2(), 37, 0)), "group size is 0 (byte 37)");
  expect_words(complaint(with(version2(), 37, 7)),
               "tok_embeddings has 8448 numbers, which are no whole groups of 7");
}

TEST(Llama2cNumbers, AreRefusedIfTheyDoNotFit) {
  auto file = version1();
  file.push_back(std::byte{0});
  expect_words(complaint(file), "is too long: its header asks for");
  // Extremes of all sizes at once: products of 2^46 and more numbers.
  auto large = version1();
  for (const auto& [index, value] :
       {std::pair(0, 1 << 20), {1, 1 << 20}, {2, 1024}, {5, 1 << 20}}) {
    large = with(large, 8 + 4 * static_cast<std::size_t>(index), value);
  }
  expect_words(complaint(large), "is too short: layers.");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  expect_words(complaint(with(version1(), 256, nan)),
               "layers.0.attention_norm: number 0 is not finite");
  expect_words(complaint(with(version1(), 256 + 160 * 4 + 8, nan)),
               "tok_embeddings: number 2 is not finite");
  expect_words(
      complaint(with(version2(), 256 + 160 * 4 + 264 * 32, std::numeric_limits<float>::infinity())),
      "tok_embeddings, scales: number 0 is not finite");
}

TEST(Llama2cFile, IsRefusedWhereverItIsCutOff) {
  Llama2cSizes sizes;
  sizes.tied = false;
  std::vector<float> values;
  for (const auto& file :
       {version1(), version2(), testing::llama2c_legacy(sizes, numbers(sizes))}) {
    EXPECT_EQ(complaint(file), "imported");
    for (std::size_t size = 0; size < file.size(); size += size < 512 ? 1 : 97) {
      const std::string text =
          complaint({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)});
      EXPECT_EQ(text.rfind("model.bin: ", 0), 0u) << size << ' ' << text;
    }
  }
}

TEST(Llama2cFile, SurvivesEveryBitOfItsHeader) {
  for (const auto& file : {version1(), version2()}) {
    for (std::size_t bit = 0; bit < 64 * 8; ++bit) {
      auto changed = file;
      changed[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
      const std::string text = complaint(changed);
      // Behind the fields, and in seq_len, which sizes nothing, nothing is refused.
      EXPECT_TRUE(text == "imported" || text.rfind("model.bin: ", 0) == 0) << text;
      if (bit < 32 * 8) {
        EXPECT_NE(text, "imported") << "byte " << bit / 8 << " bit " << bit % 8;
      }
    }
  }
}

TEST(Llama2cTokenizerFile, IsRefusedByItsToken) {
  const auto words = [&](const std::vector<std::byte>& tokens, const std::string& expected) {
    const std::string text = complaint(version1(), tokens);
    EXPECT_EQ(text.rfind("tokenizer.bin: ", 0), 0u) << text;
    expect_words(text, expected);
  };
  words({}, "is too short: the length of the longest token at byte 0");
  auto longer = tokenizer();
  longer.push_back(std::byte{1});
  words(longer, "is too long: 264 tokens end at byte");
  words(testing::llama2c_tokenizer({"a"}), "is too short: the score of token 260");
  words(with(tokenizer(), 4, std::numeric_limits<float>::quiet_NaN()),
        "the score of token 0 (byte 4) is not finite");
  words(with(tokenizer(), 8, 0xffffffffu), "token 0 would have 4294967295 bytes at byte 12");
  words(with(tokenizer(), 0, 3u), "token 0 would have 5 bytes");
  words(with(tokenizer(), 8, 0u), "");
  auto bytes = tokenizer();
  // Token 3 follows 5 + 5 + 6 bytes of text and four heads of 8 bytes.
  bytes[4 + 4 * 8 + 5 + 5 + 6 + 3] = std::byte{'1'};
  words(bytes, "token 3 is '<0x10>', not the byte <0x00>");
}

TEST(Llama2cTokenizerFile, IsRefusedWhereverItIsCutOff) {
  const auto file = tokenizer();
  for (std::size_t size = 0; size < file.size(); ++size) {
    const auto cut = std::vector(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    const std::string text = complaint(version1(), cut);
    EXPECT_EQ(text.rfind("tokenizer.bin: ", 0), 0u) << size << ' ' << text;
  }
}

}  // namespace
}  // namespace sz::compiler
