#include "compiler/language/compensation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <span>

#include "compiler/error.h"
#include "ops/transformer/pack.h"

namespace sz::compiler {
namespace {

using ops::BlockFormat;

std::vector<float> numbers_of_rows(const std::vector<std::byte>& rows, std::size_t outputs,
                                   std::size_t inputs) {
  const std::size_t bytes = ops::plain_row_bytes(BlockFormat::kQ4_0, inputs);
  std::vector<float> numbers(outputs * inputs);
  for (std::size_t r = 0; r < outputs; ++r) {
    EXPECT_TRUE(ops::dequantize_row(BlockFormat::kQ4_0, std::span(rows).subspan(r * bytes, bytes),
                                    std::span(numbers).subspan(r * inputs, inputs)));
  }
  return numbers;
}

std::vector<std::byte> each_by_itself(const std::vector<float>& numbers, std::size_t outputs,
                                      std::size_t inputs) {
  const std::size_t bytes = ops::plain_row_bytes(BlockFormat::kQ4_0, inputs);
  std::vector<std::byte> rows(outputs * bytes);
  for (std::size_t r = 0; r < outputs; ++r) {
    EXPECT_TRUE(ops::quantize_row(BlockFormat::kQ4_0, std::span(numbers).subspan(r * inputs, inputs),
                                  std::span(rows).subspan(r * bytes, bytes)));
  }
  return rows;
}

// Rows that depend on few hidden numbers, as activations do.
std::vector<std::vector<float>> correlated_rows(std::size_t count, std::size_t inputs,
                                                std::mt19937& random) {
  std::normal_distribution<float> normal;
  const std::size_t hidden = inputs / 4;
  std::vector<float> mixing(inputs * hidden);
  for (float& m : mixing) m = normal(random);
  std::vector<std::vector<float>> rows(count, std::vector<float>(inputs));
  for (auto& row : rows) {
    std::vector<float> cause(hidden);
    for (float& c : cause) c = normal(random);
    for (std::size_t i = 0; i < inputs; ++i) {
      row[i] = 0.1f * normal(random);
      for (std::size_t h = 0; h < hidden; ++h) row[i] += mixing[i * hidden + h] * cause[h];
    }
  }
  return rows;
}

// The sum of squared differences of the products with the rows.
double damage(const std::vector<float>& a, const std::vector<float>& b, std::size_t outputs,
              const std::vector<std::vector<float>>& rows) {
  double sum = 0;
  for (const auto& row : rows) {
    for (std::size_t r = 0; r < outputs; ++r) {
      double difference = 0;
      for (std::size_t i = 0; i < row.size(); ++i) {
        difference += (a[r * row.size() + i] - b[r * row.size() + i]) * row[i];
      }
      sum += difference * difference;
    }
  }
  return sum;
}

TEST(Compensation, ChangesProductsLessThanRoundingEachNumberByItself) {
  for (const std::size_t inputs : {64u, 172u, 33u}) {
    std::mt19937 random(7);
    constexpr std::size_t kOutputs = 24;
    const auto seen = correlated_rows(256, inputs, random);
    InputProducts products{static_cast<std::uint32_t>(inputs), std::vector<float>(inputs * inputs)};
    for (const auto& row : seen) products.add(row.data());
    std::normal_distribution<float> normal;
    std::vector<float> matrix(kOutputs * inputs);
    for (float& number : matrix) number = normal(random);
    const auto plain = numbers_of_rows(each_by_itself(matrix, kOutputs, inputs), kOutputs, inputs);
    const auto ours =
        numbers_of_rows(quantize_compensated(matrix, kOutputs, products), kOutputs, inputs);
    EXPECT_LT(damage(ours, matrix, kOutputs, seen), 0.5 * damage(plain, matrix, kOutputs, seen))
        << inputs;
  }
}

TEST(Compensation, RoundsEachNumberByItselfWhereTheInputsSayNothing) {
  constexpr std::size_t kInputs = 64, kOutputs = 3;
  std::mt19937 random(8);
  std::normal_distribution<float> normal;
  std::vector<float> matrix(kOutputs * kInputs);
  for (float& number : matrix) number = normal(random);
  const InputProducts nothing{kInputs, std::vector<float>(kInputs * kInputs)};
  const auto ours = numbers_of_rows(quantize_compensated(matrix, kOutputs, nothing), kOutputs, kInputs);
  const auto plain = numbers_of_rows(each_by_itself(matrix, kOutputs, kInputs), kOutputs, kInputs);
  EXPECT_EQ(ours, plain);
}

TEST(Compensation, RefusesNumbersThatAreNotFinite) {
  std::vector<float> matrix(64, 1.0f);
  matrix[5] = std::numeric_limits<float>::infinity();
  const InputProducts nothing{64, std::vector<float>(64 * 64)};
  EXPECT_THROW((void)quantize_compensated(matrix, 1, nothing), CompileError);
}

}  // namespace
}  // namespace sz::compiler
