#include "compiler/testing/imported_model.h"

#include <cstdlib>
#include <iostream>
#include <span>
#include <string>

#include "compiler/language/matrix.h"
#include "compiler/language/tokenizer_blob.h"
#include "language/tokenizer.h"

namespace sz::compiler::testing {
namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::cerr << what << '\n';
  std::abort();
}

void check_matrix(const MatrixPtr& matrix, std::uint32_t outputs, std::uint32_t inputs) {
  require(matrix != nullptr, "a matrix is missing");
  require(matrix->outputs == outputs && matrix->inputs == inputs, "a matrix has the wrong shape");
  require(matrix->data.size() == outputs * row_bytes(matrix->format, inputs),
          "a matrix has the wrong size");
}

void check_layer(const LanguageModel& model, const LanguageLayer& layer) {
  const std::uint32_t queries = model.heads * model.head, keys = model.kv_heads * model.head;
  check_matrix(layer.q, queries, model.width);
  check_matrix(layer.k, keys, model.width);
  check_matrix(layer.v, keys, model.width);
  check_matrix(layer.o, model.width, queries);
  check_matrix(layer.gate, model.hidden, model.width);
  check_matrix(layer.up, model.hidden, model.width);
  check_matrix(layer.down, model.width, model.hidden);
  require(layer.attention_norm.size() == model.width && layer.ffn_norm.size() == model.width,
          "a norm has the wrong size");
}

}  // namespace

void require_sound(const LanguageModel& model) {
  require(model.context != 0 && !model.layers.empty(), "a size is zero");
  require(model.kv_heads != 0 && model.heads % model.kv_heads == 0, "the heads do not fit");
  require(!model.rotary_frequencies.empty() && model.rotary_frequencies.size() * 2 <= model.head,
          "the rotary embedding does not fit");
  require(model.tokenizer.tokens.size() == model.vocabulary, "the vocabulary does not fit");
  check_matrix(model.embedding, model.vocabulary, model.width);
  check_matrix(model.head_matrix, model.vocabulary, model.width);
  require(model.final_norm.size() == model.width, "a norm has the wrong size");
  for (const LanguageLayer& layer : model.layers) check_layer(model, layer);
}

void require_sound(const TokenizerData& data) {
  const std::vector<std::byte> tables = tokenizer_blob(data, "fuzz");
  language::Tokenizer tokenizer;
  require(language::Tokenizer::open(tables, &tokenizer).status == Status::kOk,
          "the device refuses a vocabulary that was written");
  const std::string text = "the <s> text\n";
  std::vector<std::uint64_t> work(language::Tokenizer::work_bytes(text.size()) / 8 + 1);
  std::vector<std::uint32_t> tokens(256);
  std::uint32_t count = 0;
  const Failure failure = tokenizer.encode(std::as_bytes(std::span(text)), {.bos = true},
                                           std::as_writable_bytes(std::span(work)), tokens, &count);
  require(failure.status == Status::kOk, "the device cannot cut a text");
}

}  // namespace sz::compiler::testing
