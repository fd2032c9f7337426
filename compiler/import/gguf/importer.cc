#include "compiler/import/gguf/importer.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "compiler/error.h"
#include "compiler/import/gguf/hyperparameters.h"
#include "compiler/import/gguf/metadata.h"
#include "compiler/import/gguf/rotary.h"
#include "compiler/import/gguf/types.h"
#include "compiler/import/gguf/vocabulary.h"
#include "compiler/import/messages.h"
#include "compiler/language/matrix.h"

namespace sz::compiler {
namespace {

using gguf::Tensor;
using gguf::TensorType;
using ops::BlockFormat;

class Importer {
 public:
  Importer(const gguf::File& file, const GgufImportOptions& options)
      : file_(file), keys_(file), budget_(options.budget) {
    for (const Tensor& tensor : file.tensors) tensors_.emplace(tensor.name, &tensor);
  }
  LanguageModel import();

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw CompileError(file_.source + ": " + what);
  }
  // The tensor, once; null if the file does not have it.
  const Tensor* take(const std::string& name);
  const Tensor& need(const std::string& name);
  void expect_shape(const Tensor& tensor, std::uint64_t outputs, std::uint64_t inputs) const;
  void spend(std::uint64_t bytes, const Tensor& tensor);
  MatrixPtr matrix(const std::string& name, std::uint64_t outputs, std::uint64_t inputs);
  MatrixPtr matrix_of(const Tensor& tensor, std::uint64_t outputs, std::uint64_t inputs);
  std::vector<float> vector(const std::string& name, std::uint64_t count);
  std::vector<float> rotary_factors();
  LanguageLayer layer(std::uint32_t number);
  void refuse_what_is_left() const;

  const gguf::File& file_;
  gguf::Metadata keys_;
  std::uint64_t budget_;
  std::unordered_map<std::string_view, const Tensor*> tensors_;
  LanguageModel out_;
};

std::string name_of(const Tensor& tensor) { return "tensor " + quoted(tensor.name); }

std::string shape_text(const Tensor& tensor) {
  std::string text = "[";
  for (const std::uint64_t size : tensor.shape) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  }
  return text + ']';
}

const Tensor* Importer::take(const std::string& name) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return nullptr;
  const Tensor* tensor = found->second;
  tensors_.erase(found);
  return tensor;
}

const Tensor& Importer::need(const std::string& name) {
  const Tensor* tensor = take(name);
  if (tensor == nullptr) refuse("tensor " + quoted(name) + " is missing");
  return *tensor;
}

void Importer::expect_shape(const Tensor& tensor, std::uint64_t outputs,
                            std::uint64_t inputs) const {
  const std::uint64_t rows = tensor.shape.size() > 1 ? tensor.shape[1] : 1;
  const bool more =
      std::any_of(tensor.shape.begin() + std::min<std::ptrdiff_t>(2, std::ssize(tensor.shape)),
                  tensor.shape.end(), [](std::uint64_t size) { return size != 1; });
  if (more || tensor.shape[0] != inputs || rows != outputs) {
    refuse(name_of(tensor) + " has the shape " + shape_text(tensor) + ", but the keys ask for [" +
           std::to_string(inputs) + (outputs == 1 ? "" : ", " + std::to_string(outputs)) + ']');
  }
}

void Importer::spend(std::uint64_t bytes, const Tensor& tensor) {
  if (bytes > budget_) {
    refuse(name_of(tensor) + " needs " + std::to_string(bytes) + " bytes, but only " +
           std::to_string(budget_) + " are left of what a model may have");
  }
  budget_ -= bytes;
}

// The format in which matrices of this type are kept.
BlockFormat kept_format(TensorType type) {
  switch (type) {
    case TensorType::kF16:
      return BlockFormat::kF16;
    case TensorType::kQ8_0:
      return BlockFormat::kQ8_0;
    case TensorType::kQ4_0:
      return BlockFormat::kQ4_0;
    default:
      return BlockFormat::kF32;
  }
}

MatrixPtr Importer::matrix_of(const Tensor& tensor, std::uint64_t outputs, std::uint64_t inputs) {
  expect_shape(tensor, outputs, inputs);
  LanguageMatrix matrix;
  const auto type = static_cast<TensorType>(tensor.type);
  matrix.name = std::string(tensor.name);
  matrix.stored_as = gguf::type_name(tensor.type);
  matrix.format = kept_format(type);
  matrix.outputs = static_cast<std::uint32_t>(outputs);
  matrix.inputs = static_cast<std::uint32_t>(inputs);
  spend(outputs * row_bytes(matrix.format, inputs), tensor);
  if (matrix.format != BlockFormat::kF32 || type == TensorType::kF32) {
    matrix.data.assign(tensor.data.begin(), tensor.data.end());
  } else {
    matrix.data = bytes_of(gguf::dequantize(type, tensor.data));
  }
  check_finite(matrix.format, matrix.data, file_.source + ": " + name_of(tensor));
  return std::make_shared<const LanguageMatrix>(std::move(matrix));
}

MatrixPtr Importer::matrix(const std::string& name, std::uint64_t outputs, std::uint64_t inputs) {
  return matrix_of(need(name), outputs, inputs);
}

std::vector<float> Importer::vector(const std::string& name, std::uint64_t count) {
  const Tensor& tensor = need(name);
  expect_shape(tensor, 1, count);
  spend(count * sizeof(float), tensor);
  std::vector<float> numbers = gguf::dequantize(static_cast<TensorType>(tensor.type), tensor.data);
  check_finite(BlockFormat::kF32, std::as_bytes(std::span(numbers)),
               file_.source + ": " + name_of(tensor));
  return numbers;
}

std::vector<float> Importer::rotary_factors() {
  const std::string name = "rope_freqs.weight";
  if (!tensors_.contains(name)) return {};
  return vector(name, tensors_.at(name)->shape[0]);
}

LanguageLayer Importer::layer(std::uint32_t number) {
  const std::string prefix = "blk." + std::to_string(number) + '.';
  const std::uint64_t width = out_.width, hidden = out_.hidden;
  const std::uint64_t queries = std::uint64_t{out_.heads} * out_.head;
  const std::uint64_t keys = std::uint64_t{out_.kv_heads} * out_.head;
  LanguageLayer layer;
  layer.attention_norm = vector(prefix + "attn_norm.weight", width);
  layer.q = matrix(prefix + "attn_q.weight", queries, width);
  layer.k = matrix(prefix + "attn_k.weight", keys, width);
  layer.v = matrix(prefix + "attn_v.weight", keys, width);
  layer.o = matrix(prefix + "attn_output.weight", width, queries);
  layer.ffn_norm = vector(prefix + "ffn_norm.weight", width);
  layer.gate = matrix(prefix + "ffn_gate.weight", hidden, width);
  layer.up = matrix(prefix + "ffn_up.weight", hidden, width);
  layer.down = matrix(prefix + "ffn_down.weight", width, hidden);
  return layer;
}

void Importer::refuse_what_is_left() const {
  for (const Tensor& tensor : file_.tensors) {
    if (!tensors_.contains(tensor.name)) continue;
    refuse(name_of(tensor) + (tensor.name.ends_with(".bias") ? " is a bias, which is not supported"
                                                             : " is not known in this place"));
  }
}

LanguageModel Importer::import() {
  out_.source = file_.source;
  out_.format = "GGUF v" + std::to_string(file_.version);
  const std::uint32_t layers = gguf::read_hyperparameters(keys_, &out_);
  out_.tokenizer = gguf::read_vocabulary(keys_);
  out_.chat_template = gguf::read_chat_template(keys_);
  if (out_.vocabulary != 0 && out_.vocabulary != out_.tokenizer.tokens.size()) {
    refuse("the model is made for " + std::to_string(out_.vocabulary) +
           " tokens, but its vocabulary has " + std::to_string(out_.tokenizer.tokens.size()));
  }
  out_.vocabulary = static_cast<std::uint32_t>(out_.tokenizer.tokens.size());
  if (file_.tensors.empty()) refuse("has no tensors: it is a vocabulary, not a model");
  gguf::Rotary rotary = gguf::read_rotary(keys_, out_.head, out_.context, rotary_factors());
  out_.rotary_frequencies = std::move(rotary.frequencies);
  out_.rotary_scale = rotary.scale;
  out_.embedding = matrix("token_embd.weight", out_.vocabulary, out_.width);
  out_.final_norm = vector("output_norm.weight", out_.width);
  const Tensor* head = take("output.weight");
  out_.head_matrix =
      head == nullptr ? out_.embedding : matrix_of(*head, out_.vocabulary, out_.width);
  for (std::uint32_t i = 0; i < layers; ++i) out_.layers.push_back(layer(i));
  refuse_what_is_left();
  return std::move(out_);
}

}  // namespace

LanguageModel import_gguf(std::span<const std::byte> bytes, const GgufImportOptions& options) {
  const gguf::File file = gguf::read_file(bytes, options.source);
  return Importer(file, options).import();
}

TokenizerData import_gguf_tokenizer(std::span<const std::byte> bytes, const std::string& source) {
  const gguf::File file = gguf::read_file(bytes, source);
  return gguf::read_vocabulary(gguf::Metadata(file));
}

}  // namespace sz::compiler
