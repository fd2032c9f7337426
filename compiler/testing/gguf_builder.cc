#include "compiler/testing/gguf_builder.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <stdexcept>

#include "compiler/import/gguf/byte_alphabet.h"

namespace sz::compiler::testing {
namespace {

using gguf::ValueType;

template <typename T>
void append(std::vector<std::byte>* out, const T& value) {
  const std::size_t at = out->size();
  out->resize(at + sizeof(T));
  std::memcpy(out->data() + at, &value, sizeof(T));
}

void append(std::vector<std::byte>* out, const std::string& text) {
  append(out, std::uint64_t{text.size()});
  for (const char c : text) out->push_back(static_cast<std::byte>(c));
}

template <typename T>
GgufValue single(ValueType type, const T& value) {
  std::vector<std::byte> bytes;
  append(&bytes, static_cast<std::uint32_t>(type));
  append(&bytes, value);
  return GgufValue::raw(std::move(bytes));
}

template <typename T>
GgufValue several(ValueType type, const std::vector<T>& values) {
  std::vector<std::byte> bytes;
  append(&bytes, static_cast<std::uint32_t>(ValueType::kArray));
  append(&bytes, static_cast<std::uint32_t>(type));
  append(&bytes, std::uint64_t{values.size()});
  for (const T& value : values) append(&bytes, value);
  return GgufValue::raw(std::move(bytes));
}

void pad(std::vector<std::byte>* out, std::uint64_t alignment) {
  while (out->size() % alignment != 0) out->push_back(std::byte{0});
}

GgufTensor float_tensor(const std::string& name, const std::vector<std::uint64_t>& shape,
                        float middle, std::mt19937* random) {
  GgufTensor tensor{name, 0, shape, {}};
  std::uint64_t count = 1;
  for (const std::uint64_t size : shape) count *= size;
  std::uniform_real_distribution<float> numbers(middle - 0.25f, middle + 0.25f);
  for (std::uint64_t i = 0; i < count; ++i) append(&tensor.data, numbers(*random));
  return tensor;
}

}  // namespace

GgufValue GgufValue::whole(std::uint32_t value) { return single(ValueType::kU32, value); }
GgufValue GgufValue::signed_whole(std::int32_t value) { return single(ValueType::kI32, value); }
GgufValue GgufValue::long_whole(std::uint64_t value) { return single(ValueType::kU64, value); }
GgufValue GgufValue::real(float value) { return single(ValueType::kF32, value); }
GgufValue GgufValue::flag(bool value) {
  return single(ValueType::kBool, static_cast<std::uint8_t>(value));
}
GgufValue GgufValue::text(const std::string& value) { return single(ValueType::kString, value); }
GgufValue GgufValue::texts(const std::vector<std::string>& values) {
  return several(ValueType::kString, values);
}
GgufValue GgufValue::reals(const std::vector<float>& values) {
  return several(ValueType::kF32, values);
}
GgufValue GgufValue::signed_wholes(const std::vector<std::int32_t>& values) {
  return several(ValueType::kI32, values);
}
GgufValue GgufValue::raw(std::vector<std::byte> bytes) {
  GgufValue value;
  value.bytes_ = std::move(bytes);
  return value;
}

void GgufFile::set(const std::string& key, const GgufValue& value) {
  for (auto& entry : entries) {
    if (entry.first == key) {
      entry.second = value;
      return;
    }
  }
  entries.emplace_back(key, value);
}

void GgufFile::remove(const std::string& key) {
  std::erase_if(entries, [&](const auto& entry) { return entry.first == key; });
}

GgufTensor& GgufFile::tensor(const std::string& name) {
  for (GgufTensor& tensor : tensors) {
    if (tensor.name == name) return tensor;
  }
  throw std::runtime_error("the test's file has no tensor " + name);
}

std::vector<std::byte> GgufFile::bytes() const {
  std::vector<std::byte> out, data;
  append(&out, std::uint32_t{0x46554747});
  append(&out, version);
  append(&out, std::uint64_t{tensors.size()});
  append(&out, std::uint64_t{entries.size()});
  for (const auto& [key, value] : entries) {
    append(&out, key);
    out.insert(out.end(), value.bytes().begin(), value.bytes().end());
  }
  for (const GgufTensor& tensor : tensors) {
    append(&out, tensor.name);
    append(&out, static_cast<std::uint32_t>(tensor.shape.size()));
    for (const std::uint64_t size : tensor.shape) append(&out, size);
    append(&out, tensor.type);
    append(&out, std::uint64_t{data.size()});
    data.insert(data.end(), tensor.data.begin(), tensor.data.end());
    pad(&data, alignment);
  }
  pad(&out, alignment);
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

GgufFile small_gguf(std::uint32_t seed) {
  std::mt19937 random(seed);
  GgufFile file;
  file.set("general.architecture", GgufValue::text("llama"));
  file.set("general.name", GgufValue::text("small"));
  const std::pair<const char*, std::uint32_t> sizes[] = {
      {"context_length", 16},      {"embedding_length", 32},      {"block_count", 2},
      {"vocab_size", 264},         {"feed_forward_length", 64},   {"attention.head_count", 4},
      {"rope.dimension_count", 8}, {"attention.head_count_kv", 2}};
  for (const auto& [key, size] : sizes)
    file.set(std::string("llama.") + key, GgufValue::whole(size));
  file.set("llama.attention.layer_norm_rms_epsilon", GgufValue::real(1e-5f));
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<std::int32_t> types = {2, 3, 3};
  std::vector<float> scores(3);
  for (unsigned byte = 0; byte < 256; ++byte) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    tokens.push_back(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + '>');
    types.push_back(6);
    scores.push_back(0.0f);
  }
  for (const char* piece : {"\xe2\x96\x81", "t", "\xe2\x96\x81t", "he", "\xe2\x96\x81the"}) {
    scores.push_back(-static_cast<float>(tokens.size() - 259));
    tokens.push_back(piece);
    types.push_back(1);
  }
  file.set("tokenizer.ggml.model", GgufValue::text("llama"));
  file.set("tokenizer.ggml.tokens", GgufValue::texts(tokens));
  file.set("tokenizer.ggml.scores", GgufValue::reals(scores));
  file.set("tokenizer.ggml.token_type", GgufValue::signed_wholes(types));
  file.tensors.push_back(float_tensor("token_embd.weight", {32, 264}, 0.0f, &random));
  for (int layer = 0; layer < 2; ++layer) {
    const std::string prefix = "blk." + std::to_string(layer) + '.';
    const auto add = [&](const char* name, const std::vector<std::uint64_t>& shape) {
      const float middle = shape.size() == 1 ? 1.0f : 0.0f;
      file.tensors.push_back(float_tensor(prefix + name, shape, middle, &random));
    };
    add("attn_norm.weight", {32});
    add("attn_q.weight", {32, 32});
    add("attn_k.weight", {32, 16});
    add("attn_v.weight", {32, 16});
    add("attn_output.weight", {32, 32});
    add("ffn_norm.weight", {32});
    add("ffn_gate.weight", {32, 64});
    add("ffn_up.weight", {32, 64});
    add("ffn_down.weight", {64, 32});
  }
  file.tensors.push_back(float_tensor("output_norm.weight", {32}, 1.0f, &random));
  return file;
}

void set_bpe(GgufFile* file, const std::string& pre) {
  std::vector<std::string> tokens;
  for (unsigned byte = 0; byte < 256; ++byte) {
    tokens.push_back(gguf::letter_of_byte(static_cast<unsigned char>(byte)));
  }
  const std::string space = gguf::letter_of_byte(' ');
  for (const std::string& piece : {space + "t", std::string("he"), space + "the"}) {
    tokens.push_back(piece);
  }
  std::vector<std::int32_t> types(tokens.size(), 1);
  tokens.push_back("<|eot_id|>");
  types.push_back(3);
  file->set("llama.vocab_size", GgufValue::whole(260));
  file->set("tokenizer.ggml.model", GgufValue::text("gpt2"));
  file->set("tokenizer.ggml.pre", GgufValue::text(pre));
  file->set("tokenizer.ggml.tokens", GgufValue::texts(tokens));
  file->set("tokenizer.ggml.token_type", GgufValue::signed_wholes(types));
  file->set("tokenizer.ggml.merges", GgufValue::texts({space + " t", "h e", space + "t he"}));
  file->set("tokenizer.ggml.bos_token_id", GgufValue::whole(259));
  file->set("tokenizer.ggml.eos_token_id", GgufValue::whole(259));
  file->remove("tokenizer.ggml.scores");
  for (GgufTensor& tensor : file->tensors) {
    if (tensor.name != "token_embd.weight") continue;
    tensor.shape[1] = 260;
    tensor.data.resize(32 * 260 * sizeof(float));
  }
}

}  // namespace sz::compiler::testing
