// What is refused of GGUF files, and in which words: the key, the tensor, the byte.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

#include "compiler/error.h"
#include "compiler/import/gguf/importer.h"
#include "compiler/testing/gguf_builder.h"

namespace sz::compiler {
namespace {

using gguf::TensorType;
using testing::GgufFile;
using testing::GgufTensor;
using testing::GgufValue;
using testing::small_gguf;

std::string complaint(const std::vector<std::byte>& bytes, std::uint64_t budget = 1 << 20) {
  try {
    import_gguf(bytes, {.source = "model.gguf", .budget = budget});
  } catch (const InternalError& error) {
    ADD_FAILURE() << error.what();
  } catch (const CompileError& error) {
    return error.what();
  }
  return "imported";
}

void expect_words(const std::string& text, const std::string& words) {
  EXPECT_NE(text.find(words), std::string::npos) << text;
  EXPECT_EQ(text.rfind("model.gguf: ", 0), 0u) << text;
}
void expect_refusal(const GgufFile& file, const std::string& words) {
  expect_words(complaint(file.bytes()), words);
}
void expect_refusal(const std::string& key, const GgufValue& value, const std::string& words) {
  GgufFile file = small_gguf(1);
  file.set(key, value);
  expect_refusal(file, words);
}

template <typename T>
std::vector<std::byte> with(std::vector<std::byte> bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
  return bytes;
}

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

TEST(GgufHeader, IsRefused) {
  const auto bytes = small_gguf(1).bytes();
  EXPECT_EQ(complaint(bytes), "imported");
  expect_words(complaint({}), "is no GGUF file");
  expect_words(complaint(with(bytes, 0, 'g')), "is no GGUF file");
  expect_words(complaint(with(bytes, 4, 1u)), "is GGUF version 1; versions 2 and 3 are read");
  expect_words(complaint(with(bytes, 4, 0x03000000u)), "is a big-endian GGUF file");
  for (const std::uint64_t count : {kMost, kMost / 2, std::uint64_t{1} << 32}) {
    expect_words(complaint(with(bytes, 8, count)), "tensors (byte 8), more than");
    expect_words(complaint(with(bytes, 16, count)), "keys (byte 16), more than");
    expect_words(complaint(with(bytes, 24, count)), "key 0 at byte 32 would have");
  }
}

TEST(GgufKey, IsRefusedByNameForItsFormat) {
  GgufFile twice = small_gguf(1);
  twice.entries.push_back(twice.entries[1]);
  expect_refusal(twice, "key 'general.name' is there twice");
  const auto value = [](std::initializer_list<std::uint64_t> words) {
    std::vector<std::byte> bytes;
    for (const std::uint64_t word : words) {
      const auto part = std::as_bytes(std::span(&word, 1));
      bytes.insert(bytes.end(), part.begin(), part.begin() + (word == 99 || word < 16 ? 4 : 8));
    }
    return GgufValue::raw(bytes);
  };
  expect_refusal("x", value({99}), "key 'x' has values of type 99, which is unknown");
  expect_refusal("x", value({9, 9, 1ull << 21}), "which are arrays themselves");
  expect_refusal("x", value({9, 4, kMost}), "values (byte");
  expect_refusal("x", value({9, 4, 1u << 21}), "would have 2097152 values of 4 bytes");
  expect_refusal("x", value({9, 8, 1u << 21}), "would have 2097152 strings in");
  expect_refusal("x", value({8, kMost}), "would have 18446744073709551615 bytes");
  expect_refusal("x\ny", value({99}), "key 'x?y' has");
}

TEST(GgufKey, IsRefusedByNameForItsValue) {
  expect_refusal("general.architecture", GgufValue::text("qwen2"),
                 "is 'qwen2'; the architecture 'llama' is supported");
  expect_refusal("general.architecture", GgufValue::whole(1), "is no text");
  expect_refusal("general.alignment", GgufValue::whole(48), "is 48, no power of two");
  expect_refusal("general.alignment", GgufValue::whole(0), "is 0, no power of two");
  expect_refusal("general.alignment", GgufValue::text("32"), "is no number of type u32");
  expect_refusal("split.count", GgufValue::whole(2), "the model is in several files");
  expect_refusal("llama.expert_count", GgufValue::whole(8), "a mixture of experts");
  expect_refusal("llama.attention.sliding_window", GgufValue::whole(8), "is not known");
  expect_refusal("llama.block_count", GgufValue::whole(0), "is 0, no whole number within 1");
  expect_refusal("llama.block_count", GgufValue::whole(3), "'blk.2.attn_norm.weight' is missing");
  expect_refusal("llama.block_count", GgufValue::whole(1),
                 "tensor 'blk.1.attn_norm.weight' is not known in this place");
  expect_refusal("llama.block_count", GgufValue::long_whole(kMost), "is 18446744073709551615,");
  expect_refusal("llama.block_count", GgufValue::signed_whole(-2), "is no whole number");
  expect_refusal("llama.block_count", GgufValue::signed_wholes({2, 2}), "is an array");
  expect_refusal("llama.embedding_length", GgufValue::whole(64),
                 "has the shape [32, 264], but the keys ask for [64, 264]");
  expect_refusal("llama.attention.head_count", GgufValue::whole(5), "no divisor of the 5 heads");
  expect_refusal("llama.attention.head_count", GgufValue::whole(6), "no divisor of the width 32");
  expect_refusal("llama.attention.head_count_kv", GgufValue::whole(3), "no divisor of the 4 heads");
  expect_refusal("llama.attention.key_length", GgufValue::whole(16), "they must be equal");
  expect_refusal("llama.attention.key_length", GgufValue::whole(1 << 20), "they must be equal");
  expect_refusal("llama.attention.layer_norm_rms_epsilon", GgufValue::real(-1.0f), "not within 0");
  expect_refusal("llama.attention.layer_norm_rms_epsilon",
                 GgufValue::real(std::numeric_limits<float>::quiet_NaN()), "is not finite");
  expect_refusal("llama.vocab_size", GgufValue::whole(263), "made for 263 tokens, but");
  for (const char* key :
       {"context_length", "embedding_length", "block_count", "feed_forward_length",
        "attention.head_count", "attention.layer_norm_rms_epsilon"}) {
    GgufFile file = small_gguf(1);
    file.remove(std::string("llama.") + key);
    expect_refusal(file, std::string("key 'llama.") + key + "' is missing");
  }
}

TEST(GgufRotaryKey, IsRefusedByName) {
  expect_refusal("llama.rope.scaling.type", GgufValue::text("longrope"), "is 'longrope';");
  expect_refusal("llama.rope.scaling.factor", GgufValue::real(0.5f), "less than 1");
  expect_refusal("llama.rope.scaling.factor", GgufValue::real(1e30f), "not within");
  expect_refusal("llama.rope.freq_base", GgufValue::real(1.0f), "not within");
  expect_refusal("llama.rope.dimension_count", GgufValue::whole(10), "is 10, no whole number");
  expect_refusal("llama.rope.dimension_count", GgufValue::whole(7), "make no pairs");
  for (const auto& [count, first, words] :
       {std::tuple(3u, 1.0f, "has 3 numbers for 4 pairs"), {4u, 0.0f, "out of range"}}) {
    GgufFile file = small_gguf(1);
    GgufTensor factors{"rope_freqs.weight", 0, {count}, {}};
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto bytes = std::as_bytes(std::span(&first, 1));
      factors.data.insert(factors.data.end(), bytes.begin(), bytes.end());
    }
    file.tensors.push_back(factors);
    expect_refusal(file, words);
  }
}

TEST(GgufTensorRecord, IsRefusedByName) {
  const auto refused = [](const char* name, const auto& change, const std::string& words) {
    GgufFile file = small_gguf(1);
    change(file.tensor(name));
    expect_refusal(file, words);
  };
  const char* q = "blk.0.attn_q.weight";
  for (const auto& [type, name] : {std::pair(10u, "Q2_K"), {20u, "IQ4_NL"}, {99u, "number 99"}}) {
    refused(
        q, [&](GgufTensor& t) { t.type = type; },
        std::string("tensor 'blk.0.attn_q.weight' has the type ") + name + ", which is not");
  }
  refused(
      q, [](GgufTensor& t) { t.shape = {}; }, "has 0 dimensions");
  refused(
      q,
      [](GgufTensor& t) {
        t.shape = {1, 1, 1, 1, 1};
      },
      "has 5 dimensions");
  refused(
      q,
      [](GgufTensor& t) {
        t.shape = {32, 0};
      },
      "has a dimension of 0");
  refused(
      q,
      [](GgufTensor& t) {
        t.shape = {32, 31};
      },
      "has the shape [32, 31], but the keys ask");
  refused(
      q,
      [](GgufTensor& t) {
        t.shape = {16, 16, 4};
      },
      "has the shape [16, 16, 4]");
  refused(
      q,
      [](GgufTensor& t) {
        t.shape = {kMost, 32};
      },
      "has more than 64 bits");
  refused(
      q,
      [](GgufTensor& t) {
        t.shape = {1ull << 32, 1ull << 32, 4};
      },
      "more than 64 bits");
  refused(
      q, [](GgufTensor& t) { t.shape = {1ull << 40}; }, "would have 4398046511104 bytes");
  refused(
      q,
      [](GgufTensor& t) {
        t.type = 8, t.shape = {33, 31};
      },
      "no whole blocks of 32");
  refused(
      q, [](GgufTensor& t) { t.name = "blk.0.attn_q.bias"; },
      "tensor 'blk.0.attn_q.weight' is missing");
  refused(
      q, [](GgufTensor& t) { t.name = "output_norm.weight"; },
      "tensor 'output_norm.weight' is there twice");
  refused(
      "output_norm.weight", [](GgufTensor& t) { t.name = "output.weight"; }, "is missing");
  GgufFile file = small_gguf(1);
  file.tensors.push_back({"blk.1.attn_q.bias", 0, {32}, std::vector<std::byte>(128)});
  expect_refusal(file, "tensor 'blk.1.attn_q.bias' is a bias, which is not supported");
  file.tensors.back().name = "blk.1.attn_rot_embd";
  expect_refusal(file, "tensor 'blk.1.attn_rot_embd' is not known in this place");
  expect_words(complaint(small_gguf(1).bytes(), 1 << 10),
               "tensor 'token_embd.weight' needs 33792 bytes, but only 1024");
  GgufFile empty = small_gguf(1);
  empty.tensors.clear();
  expect_refusal(empty, "has no tensors: it is a vocabulary");
  EXPECT_EQ(import_gguf_tokenizer(empty.bytes(), "vocabulary.gguf").tokens.size(), 264u);
}

// Where the offset of a tensor stands: behind its name, dimensions, shape and type.
std::size_t offset_place(const std::vector<std::byte>& bytes, const std::string& name,
                         std::size_t dimensions) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.find(name) + name.size() + 4 + 8 * dimensions + 4;
}

TEST(GgufTensorPlace, IsRefused) {
  const auto bytes = small_gguf(1).bytes();
  const std::size_t place = offset_place(bytes, "blk.0.attn_q.weight", 2);
  const std::uint64_t own = [&] {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + place, sizeof(value));
    return value;
  }();
  expect_words(complaint(with(bytes, place, own + 4)), "which is not aligned to 32 bytes");
  expect_words(complaint(with(bytes, place, own + 32)), "have bytes in common at byte");
  expect_words(complaint(with(bytes, place, std::uint64_t{0})),
               "tensors 'token_embd.weight' and 'blk.0.attn_q.weight' have bytes in common");
  expect_words(complaint(with(bytes, place, kMost)), "would begin at byte 18446744073709551615");
  expect_words(complaint(with(bytes, place, kMost - 31)), "would begin at byte");
  expect_words(complaint(with(bytes, place, std::uint64_t{bytes.size() / 32 * 32})),
               "would have 4096 bytes at byte");
}

TEST(GgufNumbers, AreRefusedIfTheyAreNotFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  GgufFile file = small_gguf(1);
  file.tensor("blk.0.attn_q.weight").data = with(file.tensor("blk.0.attn_q.weight").data, 8, nan);
  expect_refusal(file, "tensor 'blk.0.attn_q.weight': number 2 is not finite");
  file = small_gguf(1);
  file.tensor("output_norm.weight").data = with(file.tensor("output_norm.weight").data, 0, nan);
  expect_refusal(file, "tensor 'output_norm.weight': number 0 is not finite");
  for (const TensorType type : {TensorType::kQ4_0, TensorType::kQ8_0, TensorType::kF16}) {
    file = small_gguf(1);
    GgufTensor& tensor = file.tensor("blk.0.attn_q.weight");
    testing::set_random_blocks(&tensor, type, 1);
    const std::size_t block = gguf::layout_of(tensor.type).bytes;
    tensor.data = with(tensor.data, 3 * block, std::uint16_t{0xfc00});
    expect_refusal(file, type == TensorType::kF16 ? "number 3 is not finite"
                                                  : "the scale of block 3 is not finite");
  }
  file = small_gguf(1);
  GgufTensor& tensor = file.tensor("blk.0.attn_q.weight");
  testing::set_random_blocks(&tensor, TensorType::kQ5_1, 1);
  tensor.data = with(tensor.data, 2, std::uint16_t{0x7c00});
  expect_refusal(file, "tensor 'blk.0.attn_q.weight': number 0 is not finite");
}

TEST(GgufVocabulary, IsRefusedByItsToken) {
  const std::string k = "tokenizer.ggml.";
  expect_refusal(k + "model", GgufValue::text("bert"), "is 'bert'; 'llama' and 'gpt2'");
  expect_refusal(k + "tokens", GgufValue::texts({}), "has 0 tokens");
  expect_refusal(k + "tokens", GgufValue::reals({1}), "is no array of texts");
  expect_refusal(k + "scores", GgufValue::reals({1}), "has 1 values for 264 tokens");
  expect_refusal(k + "token_type", GgufValue::reals({1}), "no array of 32-bit whole numbers");
  expect_refusal(k + "token_type", GgufValue::signed_wholes(std::vector<std::int32_t>(264, 7)),
                 "gives token 0 the unknown type 7");
  expect_refusal(k + "token_type", GgufValue::signed_wholes(std::vector<std::int32_t>(264, 6)),
                 "token 0 '<unk>' has the type of a byte, but is none like <0x0A>");
  std::vector<float> scores(264);
  scores[9] = std::numeric_limits<float>::quiet_NaN();
  expect_refusal(k + "scores", GgufValue::reals(scores),
                 "gives token 9 a score that is not finite");
  std::vector<std::string> tokens(264, "<0x41>");
  tokens[1] = std::string(1025, 'a');
  expect_refusal(k + "tokens", GgufValue::texts(tokens), "token 1 has 1025 bytes, more than 1024");
  tokens[1] = "a";
  expect_refusal(k + "tokens", GgufValue::texts(tokens),
                 "token 4 '<0x41>' is a byte that is there "
                 "twice");
  expect_refusal(k + "bos_token_id", GgufValue::whole(264), "is 264, no whole number within 0");
  expect_refusal(k + "add_bos_token", GgufValue::whole(1), "is neither true nor false");
  expect_refusal(k + "add_eos_token", GgufValue::flag(true), "is not supported");
  expect_refusal("tokenizer.chat_template", GgufValue::text(std::string(70000, ' ')),
                 "70000 bytes");
  for (const char* key : {"model", "tokens", "scores", "token_type"}) {
    GgufFile file = small_gguf(1);
    file.remove(k + key);
    expect_refusal(file, "key '" + k + key + "' is missing");
  }
}

TEST(GgufBpe, IsRefusedByItsMerge) {
  const auto refused = [](const auto& change, const std::string& words) {
    GgufFile file = small_gguf(1);
    testing::set_bpe(&file, "llama-bpe");
    change(file);
    expect_refusal(file, words);
  };
  const auto merges = [](const std::string& text) {
    return [text](GgufFile& file) {
      file.set("tokenizer.ggml.merges", GgufValue::texts({"h e", text}));
    };
  };
  for (const char* text : {"", " ", "he", "h ", " e", "h h e", "t h", "<|eot_id|> t"}) {
    refused(merges(text), "has merge 1 ");
  }
  refused([](GgufFile& file) { file.remove("tokenizer.ggml.merges"); }, "merges' is missing");
  for (const char* pre : {"default", "smollm", "qwen2", ""}) {
    refused([&](GgufFile& file) { file.set("tokenizer.ggml.pre", GgufValue::text(pre)); },
            "a way to cut text into words that is not supported");
  }
  refused([](GgufFile& file) { file.remove("tokenizer.ggml.pre"); }, "pre' is missing");
  refused([](GgufFile& file) { file.remove("tokenizer.ggml.bos_token_id"); },
          "'tokenizer.ggml.bos_token_id' is missing");
  refused(
      [](GgufFile& file) {
        file.set("tokenizer.ggml.token_type",
                 GgufValue::signed_wholes(std::vector<std::int32_t>(260, 1)));
        file.set("tokenizer.ggml.tokens",
                 GgufValue::texts(std::vector<std::string>(260, "\u20ac")));
      },
      "has a letter that stands for no byte");
}

TEST(GgufBytes, AreRefusedWhereverTheFileIsCutOff) {
  const auto bytes = small_gguf(1).bytes();
  const std::size_t head = offset_place(bytes, "output_norm.weight", 1) + 8;
  for (std::size_t size = 0; size < bytes.size(); size += size < head ? 1 : 101) {
    const auto end = bytes.begin() + static_cast<std::ptrdiff_t>(size);
    const std::string text = complaint({bytes.begin(), end});
    EXPECT_EQ(text.rfind("model.gguf: ", 0), 0u) << size << ' ' << text;
  }
}

TEST(GgufBytes, MayBeFlippedAnywhere) {
  GgufFile file = small_gguf(1);
  for (const bool bpe : {false, true}) {
    if (bpe) testing::set_bpe(&file, "gpt-2");
    const auto bytes = file.bytes();
    const std::size_t head = offset_place(bytes, "output_norm.weight", 1) + 8;
    std::mt19937 random(5);
    for (int i = 0; i < 3000; ++i) {
      auto changed = bytes;
      for (std::size_t flips = 1 + random() % 3; flips > 0; --flips) {
        changed[random() % head] ^= static_cast<std::byte>(1u << random() % 8);
      }
      const std::string text = complaint(changed);
      EXPECT_TRUE(text == "imported" || text.rfind("model.gguf: ", 0) == 0) << text;
    }
  }
}

}  // namespace
}  // namespace sz::compiler
