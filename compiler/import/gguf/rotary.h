// The rotary embedding of a GGUF model: base, scaling, factors.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/import/gguf/metadata.h"

namespace sz::compiler::gguf {

struct Rotary {
  std::vector<float> frequencies;  // one for each pair that is turned
  float scale = 1.0f;              // of cos and sin
};

// Of heads of `head` numbers in a model trained for `context` positions. `factors` divide the
// frequencies (Llama 3's tensor rope_freqs.weight); empty if there are none. Scalings: none, linear
// and yarn. Throws CompileError.
Rotary read_rotary(const Metadata& metadata, std::uint32_t head, std::uint32_t context,
                   std::span<const float> factors);

}  // namespace sz::compiler::gguf
