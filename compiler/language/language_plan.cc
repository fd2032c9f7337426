#include "compiler/language/language_plan.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "compiler/error.h"
#include "compiler/language/matrices.h"
#include "compiler/language/plan_writer.h"
#include "compiler/language/tokenizer_blob.h"
#include "language/generator.h"
#include "ops/transformer/transformer.h"

namespace sz::compiler {
namespace {

using ops::BlockFormat;
using ops::OpCode;

constexpr std::uint32_t kNone = package::kNoTensor;

// A packed matrix among the constants.
struct Packed {
  std::uint32_t tensor = kNone;
  BlockFormat format = BlockFormat::kF32;

  // Rows come to it quantised.
  bool by_blocks() const { return format == BlockFormat::kQ8_0 || format == BlockFormat::kQ4_0; }
};

struct LayerTensors {
  std::uint32_t attention_norm = kNone, ffn_norm = kNone;
  Packed qkv, o, gate_and_up, down;
  std::uint32_t keys = kNone, values = kNone;
};

class LanguagePlanner {
 public:
  LanguagePlanner(const LanguageModel& model, const LanguageOptions& options,
                  const LanguagePlanning& planning)
      : model_(model),
        options_(options),
        writer_(model.source, planning.keep),
        packer_(options.quantize, planning.products) {}

  LanguagePlan run();

 private:
  std::uint32_t floats(const std::string& name, const std::vector<float>& numbers);
  Packed packed(const std::string& name, BlockFormat format, std::vector<std::byte> data);
  Packed matrix(const std::string& name, std::initializer_list<const LanguageMatrix*> matrices);
  LayerTensors layer_constants(std::size_t index);
  void constants();

  std::uint32_t norm(const std::string& name, std::uint32_t x, std::uint32_t weight, bool quantized,
                     bool last);
  std::uint32_t linear(const std::string& name, const Packed& weights, std::uint32_t x,
                       std::uint32_t inputs, std::uint32_t outputs, ops::LinearEpilogue epilogue,
                       std::uint32_t residual);
  std::uint32_t ready_for(const std::string& name, const Packed& weights, std::uint32_t x,
                          std::uint32_t width);
  std::uint32_t layer(std::size_t index, std::uint32_t x);
  void entry(package::EntryKind kind, std::uint32_t rows);
  package::LanguageRecord record(std::uint64_t tokenizer_offset, std::uint64_t tokenizer_bytes) const;

  const LanguageModel& model_;
  const LanguageOptions& options_;
  PlanWriter writer_;
  MatrixPacker packer_;
  std::uint32_t context_ = 0, batch_ = 0;
  std::uint32_t rows_ = 0;  // of the entry point that is being written
  ops::CacheAttributes cache_;
  std::uint32_t frequencies_ = kNone, final_norm_ = kNone;
  Packed embedding_, head_;
  std::vector<LayerTensors> layers_;
};

std::uint32_t LanguagePlanner::floats(const std::string& name, const std::vector<float>& numbers) {
  std::vector<std::byte> data(numbers.size() * sizeof(float));
  std::memcpy(data.data(), numbers.data(), data.size());
  return writer_.constant(name, {static_cast<std::uint32_t>(numbers.size())}, DType::kF32,
                          std::move(data));
}

Packed LanguagePlanner::packed(const std::string& name, BlockFormat format,
                               std::vector<std::byte> data) {
  const auto size = static_cast<std::uint32_t>(data.size());
  return {writer_.constant(name, {size}, DType::kU8, std::move(data)), format};
}

Packed LanguagePlanner::matrix(const std::string& name,
                               std::initializer_list<const LanguageMatrix*> matrices) {
  return packed(name, packer_.format_for(matrices), packer_.stack(matrices));
}

LayerTensors LanguagePlanner::layer_constants(std::size_t index) {
  const LanguageLayer& from = model_.layers[index];
  const std::string name = "layer " + std::to_string(index);
  LayerTensors layer;
  layer.attention_norm = floats(name + " attention norm", from.attention_norm);
  layer.qkv = matrix(name + " qkv", {from.q.get(), from.k.get(), from.v.get()});
  layer.o = matrix(name + " o", {from.o.get()});
  layer.ffn_norm = floats(name + " ffn norm", from.ffn_norm);
  layer.gate_and_up = packed(name + " gate and up", packer_.format_for({from.gate.get(), from.up.get()}),
                             packer_.gate_and_up(*from.gate, *from.up));
  layer.down = matrix(name + " down", {from.down.get()});
  const auto head_bytes = [&](bool keys) {
    return static_cast<std::uint32_t>(
        ops::cache_head_bytes(cache_.format, keys, cache_.context, cache_.head));
  };
  layer.keys = writer_.state({cache_.kv_heads, head_bytes(true)}, DType::kU8);
  layer.values = writer_.state({cache_.kv_heads, head_bytes(false)}, DType::kU8);
  return layer;
}

// In the order of their use, but for a head of its own, which comes last.
void LanguagePlanner::constants() {
  embedding_ = matrix("embedding", {model_.embedding.get()});
  frequencies_ = floats("rotary frequencies", model_.rotary_frequencies);
  for (std::size_t i = 0; i < model_.layers.size(); ++i) layers_.push_back(layer_constants(i));
  final_norm_ = floats("final norm", model_.final_norm);
  head_ = model_.head_matrix == model_.embedding ? embedding_
                                                 : matrix("head", {model_.head_matrix.get()});
}

std::uint32_t LanguagePlanner::norm(const std::string& name, std::uint32_t x, std::uint32_t weight,
                                    bool quantized, bool last) {
  const std::uint32_t rows = last ? 1 : rows_;
  const std::uint32_t y =
      quantized ? writer_.fresh({rows, static_cast<std::uint32_t>(
                                           ops::quantized_row_bytes(model_.width))},
                                DType::kU8)
                : writer_.fresh({rows, model_.width}, DType::kF32);
  writer_.step(name, OpCode::kRmsNorm, {x, weight}, {y},
               ops::RmsNormAttributes{model_.epsilon, model_.width, last ? 1u : 0u});
  return y;
}

// The rows as the matrix takes them.
std::uint32_t LanguagePlanner::ready_for(const std::string& name, const Packed& weights,
                                         std::uint32_t x, std::uint32_t width) {
  if (!weights.by_blocks()) return x;
  const auto bytes = static_cast<std::uint32_t>(ops::quantized_row_bytes(width));
  const std::uint32_t y = writer_.fresh({rows_, bytes}, DType::kU8);
  writer_.step(name, OpCode::kQuantizeRows, {x}, {y}, ops::QuantizeRowsAttributes{width});
  return y;
}

std::uint32_t LanguagePlanner::linear(const std::string& name, const Packed& weights,
                                      std::uint32_t x, std::uint32_t inputs, std::uint32_t outputs,
                                      ops::LinearEpilogue epilogue, std::uint32_t residual) {
  const std::uint32_t y = writer_.fresh({rows_, outputs}, DType::kF32);
  const ops::LinearAttributes attributes{weights.format, inputs, outputs, epilogue};
  if (residual == kNone) {
    writer_.step(name, OpCode::kLinear, {x, weights.tensor}, {y}, attributes);
  } else {
    writer_.step(name, OpCode::kLinear, {x, weights.tensor, residual}, {y}, attributes);
  }
  return y;
}

std::uint32_t LanguagePlanner::layer(std::size_t index, std::uint32_t x) {
  const LayerTensors& layer = layers_[index];
  const std::string name = "layer " + std::to_string(index);
  const std::uint32_t heads = model_.heads * model_.head;
  const std::uint32_t qkv_width = heads + 2 * model_.kv_heads * model_.head;
  using ops::LinearEpilogue;

  std::uint32_t h = norm(name + " norm", x, layer.attention_norm, layer.qkv.by_blocks(), false);
  const std::uint32_t qkv =
      linear(name + " qkv", layer.qkv, h, model_.width, qkv_width, LinearEpilogue::kNone, kNone);
  const std::uint32_t q = writer_.fresh({rows_, heads}, DType::kF32);
  writer_.step(name + " rotary", OpCode::kRotary, {qkv, frequencies_},
               {q, layer.keys, layer.values},
               ops::RotaryAttributes{
                   cache_, static_cast<std::uint32_t>(2 * model_.rotary_frequencies.size()),
                   model_.rotary_scale});
  const std::uint32_t a = writer_.fresh({rows_, heads}, DType::kF32);
  const float scale = 1.0f / std::sqrt(static_cast<float>(model_.head));
  writer_.step(name + " attention", OpCode::kAttention, {q, layer.keys, layer.values}, {a},
               ops::AttentionAttributes{cache_, scale});
  const std::uint32_t attended =
      linear(name + " o", layer.o, ready_for(name + " rows", layer.o, a, heads), heads,
             model_.width, LinearEpilogue::kResidual, x);
  h = norm(name + " ffn norm", attended, layer.ffn_norm, layer.gate_and_up.by_blocks(), false);
  const std::uint32_t g = linear(name + " gate and up", layer.gate_and_up, h, model_.width,
                                 model_.hidden, LinearEpilogue::kSwiglu, kNone);
  return linear(name + " down", layer.down,
                ready_for(name + " ffn rows", layer.down, g, model_.hidden), model_.hidden,
                model_.width, LinearEpilogue::kResidual, attended);
}

void LanguagePlanner::entry(package::EntryKind kind, std::uint32_t rows) {
  rows_ = rows;
  const std::uint32_t tokens = writer_.begin_entry(kind, {rows}, DType::kI32);
  std::uint32_t x = writer_.fresh({rows, model_.width}, DType::kF32);
  writer_.step("embedding", OpCode::kEmbedding, {tokens, embedding_.tensor}, {x},
               ops::EmbeddingAttributes{embedding_.format, model_.vocabulary, model_.width});
  for (std::size_t i = 0; i < layers_.size(); ++i) x = layer(i, x);
  const std::uint32_t h = norm("final norm", x, final_norm_, head_.by_blocks(), true);
  rows_ = 1;
  writer_.end_entry(linear("head", head_, h, model_.width, model_.vocabulary,
                           ops::LinearEpilogue::kNone, kNone));
}

package::LanguageRecord LanguagePlanner::record(std::uint64_t tokenizer_offset,
                                                std::uint64_t tokenizer_bytes) const {
  // A token is four bytes of text or so; there is room for twice that.
  const std::uint32_t text = std::clamp<std::uint32_t>(8 * context_, 1024, 1u << 20);
  return {.vocabulary = model_.vocabulary,
          .context = context_,
          .batch = batch_,
          .flags = options_.logits_may_leave ? package::kLogitsMayLeave : 0,
          .prefill_entry = 0,
          .decode_entry = 1,
          .tokenizer_offset = tokenizer_offset,
          .tokenizer_bytes = tokenizer_bytes,
          .most_text_bytes = text,
          .reserved = 0};
}

LanguagePlan LanguagePlanner::run() {
  context_ = options_.context != 0 ? options_.context : std::min(model_.context, kDefaultContext);
  if (context_ > package::kMaxContext) {
    throw CompileError(model_.source + ": a context of " + std::to_string(context_) +
                       " tokens is more than the limit of " + std::to_string(package::kMaxContext));
  }
  batch_ = std::clamp<std::uint32_t>(options_.batch, 1, context_);
  cache_ = {.format = options_.cache,
            .context = context_,
            .heads = model_.heads,
            .kv_heads = model_.kv_heads,
            .head = model_.head};
  const std::vector<std::byte> tokenizer = tokenizer_blob(model_.tokenizer, model_.source);
  const std::uint64_t tokenizer_bytes = tokenizer.size();
  const std::uint64_t tokenizer_offset = writer_.bytes(tokenizer);
  constants();
  entry(package::EntryKind::kPrefill, batch_);
  entry(package::EntryKind::kDecode, 1);
  const package::LanguageRecord language = record(tokenizer_offset, tokenizer_bytes);
  writer_.describe(language, language::generator_bytes(language));
  LanguagePlan result;
  result.plan = writer_.finish();
  result.weights = writer_.take_weights();
  result.context = context_;
  result.batch = batch_;
  result.steps = writer_.steps();
  result.live_bound = writer_.live_bound();
  result.conversions = packer_.conversions();
  return result;
}

}  // namespace

LanguagePlan plan_language(const LanguageModel& model, const LanguageOptions& options,
                           const LanguagePlanning& planning) {
  return LanguagePlanner(model, options, planning).run();
}

}  // namespace sz::compiler
