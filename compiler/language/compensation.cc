#include "compiler/language/compensation.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <span>

#include "compiler/error.h"
#include "math/half.h"
#include "ops/transformer/pack.h"

namespace sz::compiler {
namespace {

// Lower Cholesky factor in place; false if the matrix is not positive definite.
bool factor(std::vector<double>& a, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) {
    double* const row = a.data() + j * n;
    double left = row[j];
    for (std::size_t k = 0; k < j; ++k) left -= row[k] * row[k];
    if (!(left > 0)) return false;
    const double root = std::sqrt(left);
    row[j] = root;
    for (std::size_t i = j + 1; i < n; ++i) {
      double* const other = a.data() + i * n;
      double sum = other[j];
      for (std::size_t k = 0; k < j; ++k) sum -= other[k] * row[k];
      other[j] = sum / root;
    }
  }
  return true;
}

// The inverse of a lower triangle, in place; what is above the diagonal becomes zero.
void invert_lower(std::vector<double>& l, std::size_t n) {
  std::vector<double> column(n);
  for (std::size_t j = 0; j < n; ++j) {
    std::fill(column.begin(), column.end(), 0.0);
    column[j] = 1.0 / l[j * n + j];
    for (std::size_t i = j + 1; i < n; ++i) {
      double sum = 0;
      for (std::size_t k = j; k < i; ++k) sum -= l[i * n + k] * column[k];
      column[i] = sum / l[i * n + i];
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (i < j) continue;
      // Column j of l is not needed any more: rows below use columns to the right of it only.
      l[i * n + j] = column[i];
    }
  }
}

// The upper Cholesky factor U of the inverse of `products` with a damped diagonal: inverse = U' U.
std::optional<std::vector<float>> upper_factor(const InputProducts& products) {
  const std::size_t n = products.inputs;
  double mean = 0;
  for (std::size_t i = 0; i < n; ++i) mean += products.at(i, i) / static_cast<double>(n);
  if (!(mean > 0) || !std::isfinite(mean)) return std::nullopt;
  // Reversed order: with P the reversal, products = P L L' P, so that the inverse is U' U with
  // U = P L^-1 P, which is upper.
  std::vector<double> reversed(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      reversed[i * n + j] = products.at(n - 1 - i, n - 1 - j) + (i == j ? 0.01 * mean : 0);
    }
  }
  if (!factor(reversed, n)) return std::nullopt;
  invert_lower(reversed, n);
  std::vector<float> upper(n * n, 0.0f);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i; j < n; ++j) {
      upper[i * n + j] = static_cast<float>(reversed[(n - 1 - i) * n + (n - 1 - j)]);
    }
  }
  return upper;
}

// One block of a row, its scale chosen by quantize_row for what the row has become; makes up for each
// number's error in those that follow.
void quantize_block(std::span<float> row, std::size_t begin, const std::vector<float>& upper,
                    std::byte* block) {
  const std::size_t n = row.size();
  const std::size_t end = std::min(begin + ops::kBlock, n);
  if (!ops::quantize_row(ops::BlockFormat::kQ4_0, row.subspan(begin, end - begin), {block, 18})) {
    throw CompileError("a number is not finite, or too large for q4_0");
  }
  std::uint16_t half = 0;
  std::memcpy(&half, block, sizeof(half));
  const float scale = math::half_to_float(half);
  std::uint8_t bytes[16];
  std::fill(std::begin(bytes), std::end(bytes), std::uint8_t{0x88});
  for (std::size_t k = begin; k < end; ++k) {
    const float wanted = scale != 0 ? std::nearbyint(row[k] / scale) : 0.0f;
    const float value = std::clamp(wanted, -8.0f, 7.0f);
    const auto nibble = static_cast<std::uint8_t>(static_cast<int>(value) + 8);
    std::uint8_t& byte = bytes[(k - begin) % 16];
    byte = static_cast<std::uint8_t>(k - begin < 16 ? (byte & 0xf0) | nibble
                                                    : (byte & 0x0f) | nibble << 4);
    const float* const factors = upper.data() + k * n;
    const float error = (row[k] - value * scale) / factors[k];
    for (std::size_t j = k + 1; j < n; ++j) row[j] -= error * factors[j];
  }
  std::memcpy(block + 2, bytes, sizeof(bytes));
}

}  // namespace

void InputProducts::add(const float* row) {
  for (std::size_t i = 0; i < inputs; ++i) {
    float* const to = sums.data() + std::size_t{i} * inputs;
    for (std::size_t j = i; j < inputs; ++j) to[j] += row[i] * row[j];
  }
}

std::vector<std::byte> quantize_compensated(const std::vector<float>& numbers, std::uint32_t outputs,
                                            const InputProducts& products) {
  const std::size_t n = products.inputs;
  const std::size_t row_bytes = ops::plain_row_bytes(ops::BlockFormat::kQ4_0, n);
  std::vector<std::byte> rows(row_bytes * outputs);
  std::optional<std::vector<float>> upper = upper_factor(products);
  if (!upper) {
    upper.emplace(n * n, 0.0f);
    for (std::size_t i = 0; i < n; ++i) (*upper)[i * n + i] = 1.0f;
  }
  std::vector<float> row(n);
  for (std::size_t r = 0; r < outputs; ++r) {
    std::copy_n(numbers.begin() + static_cast<std::ptrdiff_t>(r * n), n, row.begin());
    for (std::size_t begin = 0; begin < n; begin += ops::kBlock) {
      quantize_block(row, begin, *upper, rows.data() + r * row_bytes + begin / ops::kBlock * 18);
    }
  }
  return rows;
}

}  // namespace sz::compiler
