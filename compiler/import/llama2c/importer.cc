#include "compiler/import/llama2c/importer.h"

#include <cmath>
#include <cstring>

#include "compiler/error.h"
#include "compiler/import/llama2c/reader.h"
#include "compiler/import/llama2c/tokenizer_reader.h"
#include "compiler/import/messages.h"
#include "compiler/language/matrix.h"
#include "math/half.h"

namespace sz::compiler {
namespace {

using llama2c::Checkpoint;
using llama2c::Part;
using llama2c::Tensor;
using ops::BlockFormat;

constexpr double kRotaryBase = 10000.0;
constexpr float kEpsilon = 1e-5f;
constexpr float kLeastHalf = 0x1p-14f, kMostHalf = 65504.0f;  // normal numbers of f16

std::vector<float> floats_of(const Tensor& tensor) {
  std::vector<float> numbers(tensor.values.size() / sizeof(float));
  std::memcpy(numbers.data(), tensor.values.data(), tensor.values.size());
  return numbers;
}

std::vector<float> dequantized(const Tensor& tensor, std::uint32_t group) {
  std::vector<float> numbers(tensor.values.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<float>(number_at<std::int8_t>(tensor.values, i)) *
                 number_at<float>(tensor.scales, i / group * sizeof(float));
  }
  return numbers;
}

// Whether each block of 32 numbers of a row has one scale, which f16 holds within 2^-11.
bool is_whole_blocks(const Tensor& tensor, std::uint32_t group) {
  if (group % ops::kBlock != 0 || tensor.inputs % ops::kBlock != 0) return false;
  for (std::size_t at = 0; at < tensor.scales.size(); at += sizeof(float)) {
    const float scale = std::fabs(number_at<float>(tensor.scales, at));
    if (scale != 0.0f && (scale < kLeastHalf || scale > kMostHalf)) return false;
  }
  return true;
}

std::vector<std::byte> blocks_of(const Tensor& tensor, std::uint32_t group) {
  std::vector<std::byte> blocks;
  blocks.reserve(tensor.values.size() / ops::kBlock * (ops::kBlock + 2));
  for (std::size_t i = 0; i < tensor.values.size(); i += ops::kBlock) {
    const float scale = number_at<float>(tensor.scales, i / group * sizeof(float));
    const std::uint16_t half = math::float_to_half(scale);
    const auto bytes = std::as_bytes(std::span(&half, 1));
    blocks.insert(blocks.end(), bytes.begin(), bytes.end());
    const auto codes = tensor.values.subspan(i, ops::kBlock);
    blocks.insert(blocks.end(), codes.begin(), codes.end());
  }
  return blocks;
}

MatrixPtr matrix_of(const Tensor& tensor, std::uint32_t group, const std::string& source) {
  LanguageMatrix matrix;
  matrix.name = tensor.name;
  matrix.outputs = tensor.outputs;
  matrix.inputs = tensor.inputs;
  const std::string where = source + ": " + tensor.name;
  if (!tensor.grouped) {
    matrix.stored_as = "F32";
    matrix.data.assign(tensor.values.begin(), tensor.values.end());
  } else {
    matrix.stored_as = "q80 (groups of " + std::to_string(group) + ')';
    check_finite(BlockFormat::kF32, tensor.scales, where + ", scales");
    if (is_whole_blocks(tensor, group)) {
      matrix.format = BlockFormat::kQ8_0;
      matrix.data = blocks_of(tensor, group);
    } else {
      matrix.data = bytes_of(dequantized(tensor, group));
    }
  }
  check_finite(matrix.format, matrix.data, where);
  return std::make_shared<const LanguageMatrix>(std::move(matrix));
}

// Puts a tensor where it belongs.
void place(const Tensor& tensor, std::uint32_t group, LanguageModel* model) {
  LanguageLayer& layer = model->layers[tensor.layer];
  const auto matrix = [&] { return matrix_of(tensor, group, model->source); };
  const auto vector = [&] {
    check_finite(BlockFormat::kF32, tensor.values, model->source + ": " + tensor.name);
    return floats_of(tensor);
  };
  switch (tensor.part) {
    case Part::kEmbedding:
      model->embedding = matrix();
      return;
    case Part::kAttentionNorm:
      layer.attention_norm = vector();
      return;
    case Part::kQ:
      layer.q = matrix();
      return;
    case Part::kK:
      layer.k = matrix();
      return;
    case Part::kV:
      layer.v = matrix();
      return;
    case Part::kO:
      layer.o = matrix();
      return;
    case Part::kFfnNorm:
      layer.ffn_norm = vector();
      return;
    case Part::kGate:
      layer.gate = matrix();
      return;
    case Part::kDown:
      layer.down = matrix();
      return;
    case Part::kUp:
      layer.up = matrix();
      return;
    case Part::kFinalNorm:
      model->final_norm = vector();
      return;
    case Part::kHead:
      model->head_matrix = matrix();
      return;
    case Part::kRotaryTables:
      return;
  }
}

std::string format_name(std::uint32_t version) {
  if (version == 0) return "llama2.c legacy";
  return version == 1 ? "llama2.c version 1" : "llama2.c version 2 (q80)";
}

}  // namespace

LanguageModel import_llama2c(std::span<const std::byte> checkpoint,
                             std::span<const std::byte> tokenizer, const std::string& source,
                             const std::string& tokenizer_source) {
  const Checkpoint file = llama2c::read_checkpoint(checkpoint, source);
  LanguageModel model;
  model.source = source;
  model.format = format_name(file.version);
  model.context = file.context;
  model.width = file.width;
  model.hidden = file.hidden;
  model.heads = file.heads;
  model.kv_heads = file.kv_heads;
  model.head = file.width / file.heads;
  model.vocabulary = file.vocabulary;
  model.epsilon = kEpsilon;
  for (std::uint32_t i = 0; i < model.head / 2; ++i) {
    model.rotary_frequencies.push_back(
        static_cast<float>(std::pow(kRotaryBase, -2.0 * i / model.head)));
  }
  model.tokenizer = read_llama2c_tokenizer(tokenizer, file.vocabulary, tokenizer_source);
  model.layers.resize(file.layers);
  for (const Tensor& tensor : file.tensors) place(tensor, file.group, &model);
  if (file.tied) model.head_matrix = model.embedding;
  return model;
}

}  // namespace sz::compiler
