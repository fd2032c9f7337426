#include "language/testing/toy_model.h"

#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

#include "ops/transformer/pack.h"
#include "ops/transformer/transformer.h"

namespace sz::language::testing {
namespace {

using engine::testing::PlanBuilder;
using ops::BlockFormat;
using ops::OpCode;

void demand(bool condition, const char* what) {
  if (!condition) throw std::logic_error(what);
}

// Adds the weights once, and the steps of one entry point for each number of rows.
class Maker {
 public:
  explicit Maker(const ToyModel& toy)
      : toy_(toy), width_(toy.heads * toy.head), random_(toy.seed + 1) {
    b_.kernel = toy.kernel;
    b_.tables.header.scratch_bytes = 64 << 10;
    vocabulary_ = static_cast<std::uint32_t>(toy_vocabulary().tokens.size());
    embedding_ = matrix(vocabulary_, width_, 1.0f);
    const std::vector<float> frequencies = rotary_frequencies();
    frequencies_ = b_.constant({static_cast<std::uint32_t>(frequencies.size())}, frequencies);
    for (std::uint32_t i = 0; i < toy.layers; ++i) layers_.push_back(layer());
    norm_ = norm();
    output_ = matrix(vocabulary_, width_, 4.0f);
  }

  PlanBuilder make() {
    package::LanguageRecord record{};
    record.vocabulary = vocabulary_;
    record.context = toy_.context;
    record.batch = toy_.batch;
    record.flags = toy_.flags;
    record.most_text_bytes = toy_.most_text_bytes;
    record.prefill_entry = entry(toy_.batch, package::EntryKind::kPrefill);
    record.decode_entry = entry(1, package::EntryKind::kDecode);
    b_.language(record, toy_vocabulary().tables());
    return b_;
  }

 private:
  struct Layer {
    std::uint32_t attention_norm, qkv, joined, gated_norm, gate_and_up, down, keys, values;
  };

  std::vector<float> numbers(std::size_t count, float size) {
    std::vector<float> values(count);
    for (float& value : values) {
      value = size * (static_cast<float>(random_() % 2048) / 1024.0f - 1.0f);
    }
    return values;
  }

  std::uint32_t matrix(std::uint32_t outputs, std::uint32_t inputs, float size) {
    const std::vector<float> plain = numbers(std::size_t{outputs} * inputs, size);
    std::vector<std::byte> packed(ops::packed_bytes(BlockFormat::kF32, outputs, inputs));
    demand(ops::pack_matrix(BlockFormat::kF32, std::as_bytes(std::span(plain)), outputs, inputs,
                            packed),
           "matrix does not pack");
    return b_.constant_bytes({static_cast<std::uint32_t>(packed.size())}, packed);
  }

  std::uint32_t gate_and_up(std::uint32_t outputs, std::uint32_t inputs) {
    const std::vector<float> gate = numbers(std::size_t{outputs} * inputs, 0.5f);
    const std::vector<float> up = numbers(std::size_t{outputs} * inputs, 0.5f);
    std::vector<std::byte> packed(2 * ops::packed_bytes(BlockFormat::kF32, outputs, inputs));
    demand(ops::pack_gate_and_up(BlockFormat::kF32, std::as_bytes(std::span(gate)),
                                 std::as_bytes(std::span(up)), outputs, inputs, packed),
           "matrices do not pack");
    return b_.constant_bytes({static_cast<std::uint32_t>(packed.size())}, packed);
  }

  std::uint32_t norm() { return b_.constant({width_}, std::vector<float>(width_, 1.0f)); }

  std::vector<float> rotary_frequencies() const {
    std::vector<float> frequencies;
    for (std::uint32_t i = 0; i < toy_.head / 2; ++i) {
      frequencies.push_back(
          std::pow(100.0f, -2.0f * static_cast<float>(i) / static_cast<float>(toy_.head)));
    }
    return frequencies;
  }

  std::uint32_t cache(bool keys) {
    const std::uint64_t bytes = ops::cache_head_bytes(toy_.cache, keys, toy_.context, toy_.head);
    return b_.state({toy_.kv_heads, static_cast<std::uint32_t>(bytes)});
  }

  std::uint32_t qkv_width() const { return (toy_.heads + 2 * toy_.kv_heads) * toy_.head; }

  Layer layer() {
    Layer layer{};
    layer.attention_norm = norm();
    layer.qkv = matrix(qkv_width(), width_, 0.4f);
    layer.joined = matrix(width_, width_, 0.4f);
    layer.gated_norm = norm();
    layer.gate_and_up = gate_and_up(2 * width_, width_);
    layer.down = matrix(width_, 2 * width_, 0.4f);
    layer.keys = cache(true);
    layer.values = cache(false);
    return layer;
  }

  std::uint32_t normed(std::uint32_t x, std::uint32_t weight, std::uint32_t rows, bool last) {
    const std::uint32_t y = b_.arena({last ? 1 : rows, width_});
    b_.step(OpCode::kRmsNorm, {x, weight}, {y},
            ops::RmsNormAttributes{1e-5f, width_, last ? 1u : 0u});
    return y;
  }

  // x times a matrix, or (with a residual) that on top of it.
  std::uint32_t linear(std::uint32_t x, std::uint32_t weights, std::uint32_t rows,
                       ops::LinearAttributes attributes, std::uint32_t residual = 0) {
    const std::uint32_t y = b_.arena({rows, attributes.outputs});
    if (attributes.epilogue == ops::LinearEpilogue::kResidual) {
      b_.step(OpCode::kLinear, {x, weights, residual}, {y}, attributes);
    } else {
      b_.step(OpCode::kLinear, {x, weights}, {y}, attributes);
    }
    return y;
  }

  std::uint32_t through(const Layer& layer, std::uint32_t x, std::uint32_t rows) {
    using enum ops::LinearEpilogue;
    const ops::CacheAttributes cache = {toy_.cache, toy_.context, toy_.heads, toy_.kv_heads,
                                        toy_.head};
    const std::uint32_t first = normed(x, layer.attention_norm, rows, false);
    const std::uint32_t qkv =
        linear(first, layer.qkv, rows, {BlockFormat::kF32, width_, qkv_width(), kNone});
    const std::uint32_t q = b_.arena({rows, width_});
    b_.step(OpCode::kRotary, {qkv, frequencies_}, {q, layer.keys, layer.values},
            ops::RotaryAttributes{cache, toy_.head, 1.0f});
    const std::uint32_t seen = b_.arena({rows, width_});
    b_.step(OpCode::kAttention, {q, layer.keys, layer.values}, {seen},
            ops::AttentionAttributes{cache, 0.35f});
    const std::uint32_t middle =
        linear(seen, layer.joined, rows, {BlockFormat::kF32, width_, width_, kResidual}, x);
    const std::uint32_t second = normed(middle, layer.gated_norm, rows, false);
    const std::uint32_t wide =
        linear(second, layer.gate_and_up, rows, {BlockFormat::kF32, width_, 2 * width_, kSwiglu});
    return linear(wide, layer.down, rows, {BlockFormat::kF32, 2 * width_, width_, kResidual},
                  middle);
  }

  std::uint32_t entry(std::uint32_t rows, package::EntryKind kind) {
    const std::uint32_t tokens = b_.arena({rows});
    b_.tables.tensors[tokens].dtype = static_cast<std::uint8_t>(DType::kI32);
    std::uint32_t x = b_.arena({rows, width_});
    b_.step(OpCode::kEmbedding, {tokens, embedding_}, {x},
            ops::EmbeddingAttributes{BlockFormat::kF32, vocabulary_, width_});
    for (const Layer& layer : layers_) x = through(layer, x, rows);
    const std::uint32_t last = normed(x, norm_, rows, true);
    const std::uint32_t logits = linear(
        last, output_, 1, {BlockFormat::kF32, width_, vocabulary_, ops::LinearEpilogue::kNone});
    return b_.entry({tokens}, {logits}, kind);
  }

  ToyModel toy_;
  std::uint32_t width_;
  std::minstd_rand random_;
  PlanBuilder b_;
  std::uint32_t vocabulary_ = 0;
  std::uint32_t embedding_ = 0, frequencies_ = 0, norm_ = 0, output_ = 0;
  std::vector<Layer> layers_;
};

}  // namespace

TestVocabulary toy_vocabulary() {
  TestVocabulary vocabulary;
  vocabulary.kind = TokenizerKind::kSpm;
  vocabulary.unknown = vocabulary.add("<unk>", 0, TokenKind::kUnknown);
  vocabulary.bos = vocabulary.add("<s>", 0, TokenKind::kControl);
  vocabulary.eos = vocabulary.add("</s>", 0, TokenKind::kControl);
  vocabulary.add_bytes(TokenKind::kByte);
  vocabulary.end_of_turn = vocabulary.add("<|turn|>", 0, TokenKind::kControl);
  vocabulary.flags = kAddBos;
  return vocabulary;
}

engine::testing::PlanBuilder toy_model(const ToyModel& toy) { return Maker(toy).make(); }

}  // namespace sz::language::testing
