// Matrices and vectors of language models, as the importers make them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/language/language_model.h"

namespace sz::compiler {

// Bytes of a row of `inputs` numbers, at most 2^32, in this format.
std::uint64_t row_bytes(ops::BlockFormat format, std::uint64_t inputs);

// Throws CompileError "where: ..." if a number (of f32, f16) or a scale is infinite or NaN. `data`
// is whole rows.
void check_finite(ops::BlockFormat format, std::span<const std::byte> data,
                  const std::string& where);

// The bytes of floats.
std::vector<std::byte> bytes_of(const std::vector<float>& numbers);

// All numbers of a matrix, row by row, as f32; exact. For tests and for requantisation.
std::vector<float> numbers_of(const LanguageMatrix& matrix);

}  // namespace sz::compiler
