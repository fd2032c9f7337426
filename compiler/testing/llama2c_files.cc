#include "compiler/testing/llama2c_files.h"

#include <algorithm>
#include <cstring>
#include <random>

namespace sz::compiler::testing {
namespace {

template <typename T>
void append(std::vector<std::byte>* out, const T& value) {
  const std::size_t at = out->size();
  out->resize(at + sizeof(T));
  std::memcpy(out->data() + at, &value, sizeof(T));
}

void append_sizes(std::vector<std::byte>* out, const Llama2cSizes& sizes, bool sign) {
  const std::int32_t vocabulary = sign && !sizes.tied ? -sizes.vocabulary : sizes.vocabulary;
  for (const std::int32_t size : {sizes.dim, sizes.hidden, sizes.layers, sizes.heads,
                                  sizes.kv_heads, vocabulary, sizes.context}) {
    append(out, size);
  }
}

std::vector<std::byte> header(const Llama2cSizes& sizes, std::uint32_t version) {
  std::vector<std::byte> out;
  append(&out, std::uint32_t{0x616b3432});
  append(&out, version);
  append_sizes(&out, sizes, false);
  append(&out, static_cast<std::uint8_t>(sizes.tied));
  return out;
}

// The matrices, each of them as long as one layer has it, in the order of version 2.
std::vector<std::size_t> matrix_counts(const Llama2cSizes& sizes) {
  const auto dim = static_cast<std::size_t>(sizes.dim);
  const auto hidden = static_cast<std::size_t>(sizes.hidden);
  const std::size_t kv =
      dim / static_cast<std::size_t>(sizes.heads) * static_cast<std::size_t>(sizes.kv_heads);
  const std::size_t embedding = static_cast<std::size_t>(sizes.vocabulary) * dim;
  std::vector<std::size_t> counts = {embedding};
  for (const std::size_t each :
       {dim * dim, kv * dim, kv * dim, dim * dim, hidden * dim, hidden * dim, hidden * dim}) {
    for (std::int32_t layer = 0; layer < sizes.layers; ++layer) counts.push_back(each);
  }
  if (!sizes.tied) counts.push_back(embedding);
  return counts;
}

std::size_t norm_count(const Llama2cSizes& sizes) {
  return static_cast<std::size_t>(2 * sizes.layers + 1) * static_cast<std::size_t>(sizes.dim);
}

void append_tokens(std::vector<std::byte>* out, const std::vector<std::string>& tokens) {
  std::uint32_t longest = 0;
  for (const std::string& token : tokens) {
    longest = std::max(longest, static_cast<std::uint32_t>(token.size()));
  }
  append(out, longest);
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    append(out, t < 259 ? 0.0f : -static_cast<float>(t - 259));
    append(out, static_cast<std::uint32_t>(tokens[t].size()));
    for (const char c : tokens[t]) out->push_back(static_cast<std::byte>(c));
  }
}

}  // namespace

std::size_t llama2c_numbers(const Llama2cSizes& sizes) {
  std::size_t count = norm_count(sizes);
  for (const std::size_t each : matrix_counts(sizes)) count += each;
  return count;
}

std::vector<std::byte> llama2c_legacy(const Llama2cSizes& sizes,
                                      const std::vector<float>& numbers) {
  std::vector<std::byte> out;
  append_sizes(&out, sizes, true);
  const auto head = static_cast<std::size_t>(sizes.tied ? 0 : sizes.vocabulary * sizes.dim);
  for (std::size_t i = 0; i < numbers.size() - head; ++i) append(&out, numbers[i]);
  for (std::int32_t i = 0; i < sizes.context * (sizes.dim / sizes.heads); ++i) append(&out, 0.0f);
  for (std::size_t i = numbers.size() - head; i < numbers.size(); ++i) append(&out, numbers[i]);
  return out;
}

std::vector<std::byte> llama2c_version1(const Llama2cSizes& sizes,
                                        const std::vector<float>& numbers) {
  std::vector<std::byte> out = header(sizes, 1);
  out.resize(256);
  for (const float number : numbers) append(&out, number);
  return out;
}

std::vector<std::byte> llama2c_version2(const Llama2cSizes& sizes, std::int32_t group,
                                        std::uint32_t seed, std::vector<float>* values) {
  std::mt19937 random(seed);
  std::vector<std::byte> out = header(sizes, 2);
  append(&out, group);
  out.resize(256);
  for (std::size_t i = 0; i < norm_count(sizes); ++i) {
    append(&out, 1.0f + static_cast<float>(i % 8) / 16.0f);
  }
  values->clear();
  for (const std::size_t count : matrix_counts(sizes)) {
    std::vector<int> codes;
    for (std::size_t i = 0; i < count; ++i) {
      codes.push_back(static_cast<int>(random() % 255) - 127);
      append(&out, static_cast<std::int8_t>(codes.back()));
    }
    float scale = 0.0f;
    for (std::size_t i = 0; i < count; ++i) {
      if (i % static_cast<std::size_t>(group) == 0) {
        scale = static_cast<float>(1 + random() % 4095) / 300000.0f;
        append(&out, scale);
      }
      values->push_back(static_cast<float>(codes[i]) * scale);
    }
  }
  return out;
}

std::vector<std::byte> llama2c_tokenizer(const std::vector<std::string>& pieces) {
  std::vector<std::string> tokens = {"<unk>", "\n<s>\n", "\n</s>\n"};
  for (unsigned byte = 0; byte < 256; ++byte) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    tokens.push_back(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + '>');
  }
  tokens.insert(tokens.end(), pieces.begin(), pieces.end());
  std::vector<std::byte> out;
  append_tokens(&out, tokens);
  return out;
}

std::vector<std::string> small_pieces() { return {" ", "t", " t", "he", " the"}; }

}  // namespace sz::compiler::testing
