#include "compiler/language/matrix.h"

#include <cmath>
#include <cstring>

#include "compiler/error.h"
#include "math/half.h"

namespace sz::compiler {
namespace {

using ops::BlockFormat;

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

constexpr std::size_t kScaleBytes = 2;

// Bytes of what has a float or a scale of its own, at its beginning.
std::size_t step_bytes(BlockFormat format) {
  switch (format) {
    case BlockFormat::kF32:
      return 4;
    case BlockFormat::kF16:
      return 2;
    case BlockFormat::kQ8_0:
      return kScaleBytes + ops::kBlock;
    case BlockFormat::kQ4_0:
      return kScaleBytes + ops::kBlock / 2;
  }
  throw InternalError("a matrix has the unknown format " +
                      std::to_string(static_cast<std::uint32_t>(format)));
}

// The numbers of a block.
void block_numbers(BlockFormat format, const std::byte* block, float* out) {
  const float scale = math::half_to_float(load<std::uint16_t>(block));
  const std::byte* codes = block + kScaleBytes;
  for (std::size_t j = 0; j < ops::kBlock; ++j) {
    if (format == BlockFormat::kQ8_0) {
      out[j] = scale * static_cast<float>(load<std::int8_t>(codes + j));
    } else {
      const auto pair = std::to_integer<unsigned>(codes[j % (ops::kBlock / 2)]);
      const unsigned code = j < ops::kBlock / 2 ? pair & 15u : pair >> 4;
      out[j] = scale * static_cast<float>(static_cast<int>(code) - 8);
    }
  }
}

}  // namespace

std::uint64_t row_bytes(BlockFormat format, std::uint64_t inputs) {
  const bool blocks = format == BlockFormat::kQ8_0 || format == BlockFormat::kQ4_0;
  return (blocks ? ops::blocks_of(inputs) : inputs) * step_bytes(format);
}

void check_finite(BlockFormat format, std::span<const std::byte> data, const std::string& where) {
  const std::size_t step = step_bytes(format);
  for (std::size_t at = 0; at + step <= data.size(); at += step) {
    const float number = format == BlockFormat::kF32
                             ? load<float>(data.data() + at)
                             : math::half_to_float(load<std::uint16_t>(data.data() + at));
    if (!std::isfinite(number)) {
      const bool blocks = format == BlockFormat::kQ8_0 || format == BlockFormat::kQ4_0;
      throw CompileError(where + ": " + (blocks ? "the scale of block " : "number ") +
                         std::to_string(at / step) + " is not finite");
    }
  }
}

std::vector<std::byte> bytes_of(const std::vector<float>& numbers) {
  const auto bytes = std::as_bytes(std::span(numbers));
  return {bytes.begin(), bytes.end()};
}

std::vector<float> numbers_of(const LanguageMatrix& matrix) {
  const std::size_t inputs = matrix.inputs;
  std::vector<float> numbers(std::size_t{matrix.outputs} * inputs);
  const std::size_t row = row_bytes(matrix.format, inputs);
  const std::size_t step = step_bytes(matrix.format);
  for (std::size_t n = 0; n < matrix.outputs; ++n) {
    const std::byte* from = matrix.data.data() + n * row;
    float* to = numbers.data() + n * inputs;
    if (matrix.format == BlockFormat::kF32) {
      std::memcpy(to, from, row);
    } else if (matrix.format == BlockFormat::kF16) {
      for (std::size_t i = 0; i < inputs; ++i) {
        to[i] = math::half_to_float(load<std::uint16_t>(from + i * step));
      }
    } else {
      float block[ops::kBlock];
      for (std::size_t i = 0; i < inputs; i += ops::kBlock, from += step) {
        block_numbers(matrix.format, from, block);
        std::memcpy(to + i, block, std::min<std::size_t>(ops::kBlock, inputs - i) * sizeof(float));
      }
    }
  }
  return numbers;
}

}  // namespace sz::compiler
