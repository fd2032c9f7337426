// A language model small enough for tests, with random weights: it writes nonsense, but the same
// nonsense each time.
#pragma once

#include <cstdint>

#include "engine/testing/plan_builder.h"
#include "language/testing/tables_builder.h"
#include "ops/transformer/blocks.h"

namespace sz::language::testing {

struct ToyModel {
  std::uint32_t layers = 2;
  std::uint32_t context = 40;
  std::uint32_t batch = 8;
  std::uint32_t heads = 4;
  std::uint32_t kv_heads = 2;
  std::uint32_t head = 8;
  std::uint32_t most_text_bytes = 256;
  std::uint32_t flags = 0;  // package::LanguageFlags
  std::uint32_t seed = 1;   // of the weights
  ops::BlockFormat cache = ops::BlockFormat::kF16;
  ops::Kernel kernel = ops::Kernel::kVector;
};

// Tokens 0 to 2 are unknown, bos and eos; then a token for each byte, then "<|turn|>", a control
// token that ends a turn.
TestVocabulary toy_vocabulary();

// The plan of a transformer with that vocabulary: embedding; layers of attention and a gated unit;
// logits. The header's language_bytes are left 0 here.
engine::testing::PlanBuilder toy_model(const ToyModel& toy = {});

}  // namespace sz::language::testing
