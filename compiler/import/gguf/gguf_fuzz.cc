// Arbitrary bytes as a GGUF file: refused with CompileError, or imported; then its vocabulary is
// refused, or written as tables that the device's tokenizer takes and cuts a text with.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <string>

#include "compiler/error.h"
#include "compiler/import/gguf/importer.h"
#include "compiler/testing/gguf_builder.h"
#include "compiler/testing/imported_model.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using namespace sz::compiler;
using gguf::TensorType;
using testing::GgufFile;
using testing::GgufTensor;
using testing::GgufValue;

constexpr std::uint64_t kBudget = 16 << 20;

TensorType random_type(std::mt19937& random) {
  static constexpr TensorType kTypes[] = {TensorType::kF32,  TensorType::kF16,  TensorType::kBF16,
                                          TensorType::kQ4_0, TensorType::kQ4_1, TensorType::kQ5_0,
                                          TensorType::kQ5_1, TensorType::kQ8_0};
  return kTypes[random() % std::size(kTypes)];
}

void add_tensor(GgufFile* file, const std::string& name, std::vector<std::uint64_t> shape,
                std::mt19937& random) {
  GgufTensor tensor{name, 0, std::move(shape), {}};
  const bool blocks = tensor.shape.size() > 1 && tensor.shape[0] % 32 == 0;
  const auto seed = static_cast<std::uint32_t>(random());
  testing::set_random_blocks(&tensor, blocks ? random_type(random) : TensorType::kF32, seed);
  file->tensors.push_back(std::move(tensor));
}

void add_tokenizer(GgufFile* file, bool bpe) {
  const std::string key = "tokenizer.ggml.";
  file->set(key + "model", GgufValue::text(bpe ? "gpt2" : "llama"));
  if (bpe) {
    file->set(key + "tokens", GgufValue::texts({"t", "h", "e", "th", "the", "<s>"}));
    file->set(key + "pre", GgufValue::text("llama-bpe"));
    file->set(key + "merges", GgufValue::texts({"t h", "th e"}));
  } else {
    file->set(key + "tokens",
              GgufValue::texts({"<unk>", "<s>", "</s>", "<0x0A>", "\xe2\x96\x81", "the"}));
  }
  const auto types = bpe ? std::vector<std::int32_t>{1, 1, 1, 1, 1, 3}
                         : std::vector<std::int32_t>{2, 3, 3, 6, 1, 1};
  file->set(key + "token_type", GgufValue::signed_wholes(types));
  file->set(key + "scores", GgufValue::reals({0, 0, 0, 0, -1, -2}));
  for (const char* name : {"bos_token_id", "eos_token_id", "unknown_token_id"}) {
    file->set(key + name, GgufValue::whole(bpe ? 5 : 1));
  }
}

// A model of some thousand bytes.
GgufFile random_model(std::mt19937& random) {
  GgufFile file;
  file.set("general.architecture", GgufValue::text("llama"));
  file.set("llama.attention.layer_norm_rms_epsilon", GgufValue::real(1e-5f));
  const std::pair<const char*, std::uint32_t> sizes[] = {
      {"context_length", 8},       {"embedding_length", 32},     {"block_count", 1},
      {"feed_forward_length", 2},  {"attention.head_count", 2},  {"attention.head_count_kv", 1},
      {"attention.key_length", 2}, {"attention.value_length", 2}};
  for (const auto& [key, size] : sizes) {
    file.set(std::string("llama.") + key, GgufValue::whole(size));
  }
  if (random() % 2 == 0) {
    static constexpr const char* kScalings[] = {"none", "linear", "yarn", "longrope"};
    file.set("llama.rope.scaling.type", GgufValue::text(kScalings[random() % 4]));
    file.set("llama.rope.scaling.factor", GgufValue::real(2.0f));
  }
  add_tokenizer(&file, random() % 2 == 0);
  add_tensor(&file, "token_embd.weight", {32, 6}, random);
  add_tensor(&file, "output_norm.weight", {32}, random);
  const std::pair<const char*, std::vector<std::uint64_t>> tensors[] = {
      {"attn_norm", {32}}, {"attn_q", {32, 4}},   {"attn_k", {32, 2}},
      {"attn_v", {32, 2}}, {"ffn_norm", {32}},    {"ffn_gate", {32, 2}},
      {"ffn_up", {32, 2}}, {"ffn_down", {2, 32}}, {"attn_output", {4, 32}}};
  for (const auto& [name, shape] : tensors) {
    add_tensor(&file, std::string("blk.0.") + name + ".weight", shape, random);
  }
  if (random() % 4 == 0) add_tensor(&file, "output.weight", {32, 6}, random);
  return file;
}

// One value, name or tensor is another.
void damage(GgufFile* file, std::mt19937& random) {
  static constexpr std::uint64_t kNumbers[] = {0,
                                               1,
                                               2,
                                               3,
                                               5,
                                               7,
                                               31,
                                               33,
                                               64,
                                               255,
                                               65536,
                                               0x7fffffff,
                                               0xffffffff,
                                               0x8000000000000000,
                                               ~std::uint64_t{0}};
  const std::uint64_t number = kNumbers[random() % std::size(kNumbers)];
  auto& entry = file->entries[random() % file->entries.size()];
  GgufTensor& tensor = file->tensors[random() % file->tensors.size()];
  switch (random() % 10) {
    case 0:
      entry.second = GgufValue::long_whole(number);
      return;
    case 1:
      entry.second = GgufValue::whole(static_cast<std::uint32_t>(number));
      return;
    case 2:
      entry.second = GgufValue::real(static_cast<float>(number));
      return;
    case 3:
      entry.second = file->entries[random() % file->entries.size()].second;
      return;
    case 4:
      entry.first += 'x';
      return;
    case 5:
      tensor.type = static_cast<std::uint32_t>(random() % 32);
      return;
    case 6:
      tensor.shape[random() % tensor.shape.size()] = number;
      return;
    case 7:
      tensor.shape.push_back(1);
      return;
    case 8:
      tensor.name = file->tensors[random() % file->tensors.size()].name;
      return;
    default:
      file->set("general.alignment", GgufValue::whole(static_cast<std::uint32_t>(number)));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  for (const bool whole : {true, false}) {
    try {
      if (!whole) {
        testing::require_sound(import_gguf_tokenizer(bytes, "fuzz"));
        continue;
      }
      const LanguageModel model = import_gguf(bytes, {.source = "fuzz", .budget = kBudget});
      testing::require_sound(model);
    } catch (const InternalError& error) {
      std::cerr << error.what() << '\n';
      std::abort();
    } catch (const CompileError&) {
    }
  }
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  std::mt19937 random(seed);
  if (size >= 64 && random() % 4 != 0) {
    if (random() % 2 == 0) return LLVMFuzzerMutate(data, size, most);
    // Another number where one of 32 or 64 bits may stand.
    static constexpr std::int64_t kNumbers[] = {0,  1,   2,     4,  8,  9,
                                                32, 255, 65536, -1, -2, INT64_MAX};
    const std::int64_t number = kNumbers[random() % std::size(kNumbers)];
    std::memcpy(data + random() % (size - 8), &number, random() % 2 == 0 ? 4 : 8);
    return size;
  }
  GgufFile file = random_model(random);
  for (std::size_t i = random() % 3; i > 0; --i) damage(&file, random);
  const std::vector<std::byte> bytes = file.bytes();
  if (bytes.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, bytes.data(), bytes.size());
  return bytes.size();
}
