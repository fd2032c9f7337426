// Quantises a matrix so that its products with typical inputs change least: column by column, and what
// rounding does to one column is made up for in those that follow (GPTQ, Frantar et al., arXiv
// 2210.17323), given how the inputs go together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "compiler/language/language_model.h"

namespace sz::compiler {

// The sums of products of a matrix's inputs over many tokens: [inputs x inputs], of which the half with
// column >= row is kept.
struct InputProducts {
  std::uint32_t inputs = 0;
  std::vector<float> sums;

  void add(const float* row);
  double at(std::size_t i, std::size_t j) const {
    return i <= j ? sums[i * inputs + j] : sums[j * inputs + i];
  }
};
using ProductsOf = std::map<const LanguageMatrix*, std::shared_ptr<InputProducts>>;

// The rows of `matrix` (f32, [outputs x inputs]) as q4_0 blocks. Falls back on rounding each number by
// itself where the products say nothing. Throws CompileError if a number does not fit.
std::vector<std::byte> quantize_compensated(const std::vector<float>& numbers, std::uint32_t outputs,
                                            const InputProducts& products);

}  // namespace sz::compiler
