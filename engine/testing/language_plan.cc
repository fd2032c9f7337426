#include <bit>

#include "engine/testing/plan_builder.h"
#include "ops/transformer/transformer.h"

namespace sz::engine::testing {

namespace {

using ops::BlockFormat;
using ops::OpCode;

constexpr std::uint32_t kRows = 3, kVocabulary = 20, kWidth = 16;

void set_type(PlanBuilder& b, std::uint32_t tensor, DType type) {
  b.tables.tensors[tensor].dtype = static_cast<std::uint8_t>(type);
}

// Bytes that are small numbers in every format.
std::uint32_t packed_matrix(PlanBuilder& b, BlockFormat format, std::uint32_t outputs,
                            std::uint32_t inputs) {
  std::vector<std::byte> bytes(ops::packed_bytes(format, outputs, inputs));
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::byte(0x21 + i % 16);
  const auto size = static_cast<std::uint32_t>(bytes.size());
  return b.constant_bytes({size}, bytes);
}

std::uint32_t byte_rows(PlanBuilder& b, std::uint32_t numbers) {
  const auto size = static_cast<std::uint32_t>(ops::quantized_row_bytes(numbers));
  const std::uint32_t tensor = b.arena({kRows, size});
  set_type(b, tensor, DType::kU8);
  return tensor;
}

std::uint32_t norm_weights(PlanBuilder& b) {
  return b.constant({kWidth}, std::vector<float>(kWidth, 0.75f));
}

// y + attention(x): normalised, projected, turned, and against a cache of `format`.
std::uint32_t attention_of(PlanBuilder& b, std::uint32_t x, BlockFormat format) {
  const ops::CacheAttributes cache{format, 20, 2, 1, 8};
  const auto bytes = [&](bool keys) {
    return static_cast<std::uint32_t>(ops::cache_head_bytes(format, keys, 20, 8));
  };
  const auto normal = b.arena({kRows, kWidth});
  const auto qkv = b.arena({kRows, 32});
  const auto q = b.arena({kRows, kWidth});
  const auto seen = b.arena({kRows, kWidth});
  const auto quantized = byte_rows(b, kWidth);
  const auto result = b.arena({kRows, kWidth});
  const auto keys = b.state({1, bytes(true)}), values = b.state({1, bytes(false)});
  const auto frequencies = b.constant({3}, std::vector<float>{1.0f, 0.1f, 0.01f});
  b.step(OpCode::kRmsNorm, {x, norm_weights(b)}, {normal},
         ops::RmsNormAttributes{1e-5f, kWidth, 0});
  b.step(OpCode::kLinear, {normal, packed_matrix(b, BlockFormat::kF32, 32, kWidth)}, {qkv},
         ops::LinearAttributes{BlockFormat::kF32, kWidth, 32, ops::LinearEpilogue::kNone});
  b.step(OpCode::kRotary, {qkv, frequencies}, {q, keys, values},
         ops::RotaryAttributes{cache, 6, 1.0f});
  b.step(OpCode::kAttention, {q, keys, values}, {seen}, ops::AttentionAttributes{cache, 0.5f});
  b.step(OpCode::kQuantizeRows, {seen}, {quantized}, ops::QuantizeRowsAttributes{kWidth});
  b.step(OpCode::kLinear, {quantized, packed_matrix(b, BlockFormat::kQ4_0, kWidth, kWidth), x},
         {result},
         ops::LinearAttributes{BlockFormat::kQ4_0, kWidth, kWidth, ops::LinearEpilogue::kResidual});
  return result;
}

}  // namespace

PlanBuilder language_plan(ops::Kernel kernel) {
  PlanBuilder b;
  b.kernel = kernel;
  b.tables.header.scratch_bytes = 1 << 16;
  const auto x = b.arena({kRows, kWidth});
  const std::uint32_t words[kRows] = {7, 0, 19};
  const auto tokens = b.constant(
      {kRows}, std::vector<float>{std::bit_cast<float>(words[0]), std::bit_cast<float>(words[1]),
                                  std::bit_cast<float>(words[2])});
  set_type(b, tokens, DType::kI32);
  const auto embedded = b.arena({kRows, kWidth});
  const auto sum = b.arena({kRows, kWidth});
  b.step(OpCode::kEmbedding, {tokens, packed_matrix(b, BlockFormat::kQ8_0, kVocabulary, kWidth)},
         {embedded}, ops::EmbeddingAttributes{BlockFormat::kQ8_0, kVocabulary, kWidth});
  b.step(OpCode::kBinary, {x, embedded}, {sum}, ops::BinaryAttributes{});
  const auto first = attention_of(b, sum, BlockFormat::kF16);
  const auto second = attention_of(b, first, BlockFormat::kQ8_0);

  const auto quantized = byte_rows(b, kWidth);
  b.step(OpCode::kRmsNorm, {second, norm_weights(b)}, {quantized},
         ops::RmsNormAttributes{1e-5f, kWidth, 0});
  const auto gated = b.arena({kRows, kWidth});
  b.step(OpCode::kLinear, {quantized, packed_matrix(b, BlockFormat::kQ8_0, 32, kWidth)}, {gated},
         ops::LinearAttributes{BlockFormat::kQ8_0, kWidth, kWidth, ops::LinearEpilogue::kSwiglu});
  const auto last = b.arena({1, kWidth});
  b.step(OpCode::kRmsNorm, {gated, norm_weights(b)}, {last},
         ops::RmsNormAttributes{1e-5f, kWidth, 1});
  const auto result = b.arena({1, kVocabulary});
  b.step(OpCode::kLinear, {last, packed_matrix(b, BlockFormat::kF16, kVocabulary, kWidth)},
         {result},
         ops::LinearAttributes{BlockFormat::kF16, kWidth, kVocabulary, ops::LinearEpilogue::kNone});
  b.entry({x}, {result, second});
  return b;
}

}  // namespace sz::engine::testing
