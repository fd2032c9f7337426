// A llama-architecture language model as the importers read it: what the file says, in one form for
// all formats. Nothing is packed yet; compiler/language/ makes the plan of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "language/tokenizer_format.h"
#include "ops/transformer/blocks.h"

namespace sz::compiler {

// A matrix of `outputs` rows with `inputs` numbers each, row by row: floats (kF32), halves (kF16), or
// blocks of 32 numbers as GGUF has them (kQ8_0: f16 scale, 32 bytes; kQ4_0: f16 scale, 16 bytes,
// number j in the low nibble of byte j, j + 16 in the high one). A last block that `inputs` does not
// fill has zeroes.
struct LanguageMatrix {
  std::string name;         // as in the file, for messages
  std::string stored_as;    // the type in the file: "F32", "Q6_K", "q80 (groups of 4)", ...
  ops::BlockFormat format = ops::BlockFormat::kF32;
  std::uint32_t outputs = 0, inputs = 0;
  std::vector<std::byte> data;
};
using MatrixPtr = std::shared_ptr<const LanguageMatrix>;

struct LanguageLayer {
  std::vector<float> attention_norm, ffn_norm;  // [width]
  MatrixPtr q, k, v;                            // [heads * head, width], [kv_heads * head, width] twice
  MatrixPtr o;                                  // [width, heads * head]
  MatrixPtr gate, up;                           // [hidden, width]
  MatrixPtr down;                               // [width, hidden]
};

// The vocabulary and how text is cut into it.
struct TokenizerData {
  struct Token {
    std::string bytes;  // what it stands for: spaces are spaces, a byte token is its byte
    float score = 0.0f;
    language::TokenKind kind = language::TokenKind::kNormal;
  };
  struct Merge {
    std::uint32_t left = 0, right = 0;  // tokens; in the order of their rank
  };
  language::TokenizerKind kind = language::TokenizerKind::kSpm;
  language::PreTokenizer pre = language::PreTokenizer::kNone;
  std::vector<Token> tokens;
  std::vector<Merge> merges;
  std::uint32_t bos = language::kNoToken, eos = language::kNoToken, unknown = language::kNoToken;
  std::uint32_t end_of_turn = language::kNoToken;
  bool add_bos = true, add_space_prefix = true, ignore_merges = false;
};

struct LanguageModel {
  std::string source;  // the file, begins messages
  std::string format;  // "GGUF v3", "llama2.c legacy", "llama2.c version 1", "llama2.c version 2 (q80)"
  std::string name;    // as the file calls the model; may be empty
  std::string chat_template;  // GGUF's tokenizer.chat_template; may be empty

  std::uint32_t context = 0;  // the longest that it was trained for
  std::uint32_t width = 0, hidden = 0;
  std::uint32_t heads = 0, kv_heads = 0, head = 0;
  std::uint32_t vocabulary = 0;
  float epsilon = 1e-5f;
  // Rotary embedding of pairs (2 i, 2 i + 1): angle = position * rotary_frequencies[i].
  std::vector<float> rotary_frequencies;
  float rotary_scale = 1.0f;  // of cos and sin (YaRN)

  MatrixPtr embedding;  // [vocabulary, width]
  MatrixPtr head_matrix;  // the same pointer if tied
  std::vector<LanguageLayer> layers;
  std::vector<float> final_norm;
  TokenizerData tokenizer;
};

}  // namespace sz::compiler
