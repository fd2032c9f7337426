// Makes llama2.c's checkpoints and tokenizers in memory, for tests. Nothing is checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sz::compiler::testing {

struct Llama2cSizes {
  std::int32_t dim = 32, hidden = 64, layers = 2, heads = 4, kv_heads = 2, vocabulary = 264;
  std::int32_t context = 16;
  bool tied = true;
};

// The number of weights that a file of these sizes has (without the tables of the legacy form).
std::size_t llama2c_numbers(const Llama2cSizes& sizes);

// Whole files. `numbers` are the weights in the order of the file: the legacy form and version 1
// have different ones. The tables of the legacy form are zeroes.
std::vector<std::byte> llama2c_legacy(const Llama2cSizes& sizes, const std::vector<float>& numbers);
std::vector<std::byte> llama2c_version1(const Llama2cSizes& sizes,
                                        const std::vector<float>& numbers);
// Norms (`numbers`), then for each matrix its codes and scales. Codes and scales are random.
// *values becomes the numbers that the matrices stand for, in the order of the file.
std::vector<std::byte> llama2c_version2(const Llama2cSizes& sizes, std::int32_t group,
                                        std::uint32_t seed, std::vector<float>* values);

// llama2.c's tokenizer with tokens 0 to 258 and the given pieces, scores falling from 0.
std::vector<std::byte> llama2c_tokenizer(const std::vector<std::string>& pieces);

// The pieces of the small models here: 5, so that there are 264 tokens.
std::vector<std::string> small_pieces();

}  // namespace sz::compiler::testing
