#include "compiler/language/matrices.h"

#include <algorithm>
#include <span>

#include "compiler/error.h"
#include "compiler/language/matrix.h"
#include "ops/transformer/pack.h"

namespace sz::compiler {
namespace {

using ops::BlockFormat;

// From the least to the most exact.
int exactness(BlockFormat format) {
  switch (format) {
    case BlockFormat::kQ4_0: return 0;
    case BlockFormat::kQ8_0: return 1;
    case BlockFormat::kF16: return 2;
    case BlockFormat::kF32: return 3;
  }
  return 3;
}

// Quantised in the file, in a type that the device has no kernel for.
bool lost_its_type(const LanguageMatrix& matrix) {
  return matrix.format == BlockFormat::kF32 && matrix.stored_as != "F32" &&
         matrix.stored_as != "F16" && matrix.stored_as != "BF16";
}

}  // namespace

std::string_view format_name(BlockFormat format) {
  switch (format) {
    case BlockFormat::kF32: return "f32";
    case BlockFormat::kF16: return "f16";
    case BlockFormat::kQ8_0: return "q8_0";
    case BlockFormat::kQ4_0: return "q4_0";
  }
  return "?";
}

std::optional<BlockFormat> parse_format(std::string_view name) {
  for (const BlockFormat format :
       {BlockFormat::kF32, BlockFormat::kF16, BlockFormat::kQ8_0, BlockFormat::kQ4_0}) {
    if (name == format_name(format)) return format;
  }
  return std::nullopt;
}

BlockFormat MatrixPacker::format_for(std::initializer_list<const LanguageMatrix*> matrices) const {
  if (wanted_) return *wanted_;
  BlockFormat best = BlockFormat::kQ4_0;
  for (const LanguageMatrix* matrix : matrices) {
    const BlockFormat own = lost_its_type(*matrix) ? BlockFormat::kQ8_0 : matrix->format;
    if (exactness(own) > exactness(best)) best = own;
  }
  return best;
}

// The rows of a matrix in another format, or as they are.
std::vector<std::byte> MatrixPacker::plain(const LanguageMatrix& matrix, BlockFormat format) {
  ++conversions_[matrix.stored_as + " -> " + std::string(format_name(format))];
  if (matrix.format == format) return matrix.data;
  if (format == BlockFormat::kQ4_0 && products_ != nullptr && products_->contains(&matrix)) {
    return quantize_compensated(numbers_of(matrix), matrix.outputs, *products_->at(&matrix));
  }
  const std::uint64_t from = ops::plain_row_bytes(matrix.format, matrix.inputs);
  const std::uint64_t to = ops::plain_row_bytes(format, matrix.inputs);
  std::vector<std::byte> rows(to * matrix.outputs);
  std::vector<float> numbers(matrix.inputs);
  const std::span<const std::byte> source(matrix.data);
  for (std::uint64_t i = 0; i < matrix.outputs; ++i) {
    const auto row = std::span(rows).subspan(i * to, to);
    if (!ops::dequantize_row(matrix.format, source.subspan(i * from, from), numbers) ||
        !ops::quantize_row(format, numbers, row)) {
      throw CompileError("tensor '" + matrix.name + "': row " + std::to_string(i) +
                         " has a number that is not finite, or too large for " +
                         std::string(format_name(format)));
    }
  }
  return rows;
}

std::vector<std::byte> MatrixPacker::stack(std::initializer_list<const LanguageMatrix*> matrices) {
  const BlockFormat format = format_for(matrices);
  const std::uint32_t inputs = (*matrices.begin())->inputs;
  std::uint32_t outputs = 0;
  std::vector<std::byte> rows;
  for (const LanguageMatrix* matrix : matrices) {
    const std::vector<std::byte> more = plain(*matrix, format);
    rows.insert(rows.end(), more.begin(), more.end());
    outputs += matrix->outputs;
  }
  std::vector<std::byte> packed(ops::packed_bytes(format, outputs, inputs));
  if (!ops::pack_matrix(format, rows, outputs, inputs, packed)) {
    throw InternalError("tensor '" + (*matrices.begin())->name + "' cannot be packed");
  }
  return packed;
}

std::vector<std::byte> MatrixPacker::gate_and_up(const LanguageMatrix& gate, const LanguageMatrix& up) {
  const BlockFormat format = format_for({&gate, &up});
  std::vector<std::byte> packed(2 * ops::packed_bytes(format, gate.outputs, gate.inputs));
  if (!ops::pack_gate_and_up(format, plain(gate, format), plain(up, format), gate.outputs,
                             gate.inputs, packed)) {
    throw InternalError("tensor '" + gate.name + "' cannot be packed");
  }
  return packed;
}

}  // namespace sz::compiler
