// The sizes of a llama model, from the keys of a GGUF file.
#pragma once

#include <cstdint>

#include "compiler/import/gguf/metadata.h"
#include "compiler/language/language_model.h"

namespace sz::compiler::gguf {

inline constexpr std::uint32_t kMaxLayers = 1024;
inline constexpr std::uint32_t kMaxWidth = 1u << 20;  // of rows of a matrix
inline constexpr std::uint32_t kMaxContext = 1u << 26;

// Stores name, context, width, hidden, heads, kv_heads, head, vocabulary (0 if no key says it) and
// epsilon; the number of layers. Throws CompileError also for keys "llama.*" that are not known,
// because one that is ignored makes a model that computes something else.
std::uint32_t read_hyperparameters(const Metadata& metadata, LanguageModel* model);

}  // namespace sz::compiler::gguf
