// The matrices of a language model in the formats that the device will compute with.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/language/compensation.h"
#include "compiler/language/language_model.h"
#include "compiler/language/options.h"

namespace sz::compiler {

// Packs matrices and keeps account of what became of them.
class MatrixPacker {
 public:
  // `products`, if there are any, help to make q4_0 of other formats.
  MatrixPacker(std::optional<ops::BlockFormat> wanted, const ProductsOf* products)
      : wanted_(wanted), products_(products) {}

  // The format for matrices that are computed as one: the wanted one; else as the file has them (types
  // without a kernel as q8_0), of several the most exact.
  ops::BlockFormat format_for(std::initializer_list<const LanguageMatrix*> matrices) const;

  // The matrices, one below the other, packed (ops/transformer/blocks.h). All have the same inputs.
  // Throws CompileError if a number does not fit the format.
  std::vector<std::byte> stack(std::initializer_list<const LanguageMatrix*> matrices);

  // Gate and up, panels alternating.
  std::vector<std::byte> gate_and_up(const LanguageMatrix& gate, const LanguageMatrix& up);

  // Matrices by what they were and what they became: "Q6_K -> q8_0" : 12.
  const std::map<std::string, unsigned>& conversions() const { return conversions_; }

 private:
  std::vector<std::byte> plain(const LanguageMatrix& matrix, ops::BlockFormat format);

  std::optional<ops::BlockFormat> wanted_;
  const ProductsOf* products_;
  std::map<std::string, unsigned> conversions_;
};

}  // namespace sz::compiler
