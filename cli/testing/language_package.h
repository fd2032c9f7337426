// A small language model with random weights: it writes nonsense, and is the whole way from a model
// file to text. For tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sz::cli::testing {

// Writes model and tokenizer (llama2.c's) to `folder` and compiles them there; the package. It has
// 264 tokens and may let its logits leave.
std::vector<std::byte> toy_language_package(const std::string& folder, std::uint32_t context);

}  // namespace sz::cli::testing
