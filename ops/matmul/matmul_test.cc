#include "ops/matmul/matmul.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/testing/random_matrix.h"

namespace sz::ops::testing {
namespace {

// The element of `tensor` at the coordinates `at` of the product; a dimension of 1 is broadcast.
float element(const Tensor& tensor, const std::uint32_t* order,
              const std::vector<std::uint32_t>& at) {
  const TensorView& view = tensor.view();
  std::vector<std::uint32_t> memory(view.rank);
  for (std::size_t i = 0; i < at.size(); ++i) {
    memory[order[i]] = view.dims[order[i]] == 1 ? 0 : at[i];
  }
  std::size_t index = 0;
  for (std::size_t i = 0; i < memory.size(); ++i) index = index * view.dims[i] + memory[i];
  return tensor.at(index);
}

// The coordinates in memory of an element, from its place.
std::vector<std::uint32_t> coordinates(const Tensor& tensor, std::size_t index) {
  const TensorView& view = tensor.view();
  std::vector<std::uint32_t> at(view.rank);
  for (std::size_t i = at.size(); i-- > 0;) {
    at[i] = static_cast<std::uint32_t>(index % view.dims[i]);
    index /= view.dims[i];
  }
  return at;
}

TEST(MatMul, IsTheProductInDoubleWithinTheStatedBound) {
  const std::uint64_t seed = test_seed();
  SingleWorker worker;
  for (std::uint64_t i = 0; i < 150; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 15487469 + i);
    const Case test = random_matmul(random);
    MatMulAttributes attributes;
    ASSERT_TRUE(read_attributes(test.attributes, &attributes));
    const Tensor& a = test.inputs[0];
    const Tensor& b = test.inputs[1];
    const std::size_t rank = test.output.view().rank;
    const std::uint32_t inner = a.view().dims[attributes.a_order[rank - 1]];
    const auto bits = run_case(test, Kernel::kReference, worker);
    for (std::size_t out = 0; out < bits.size(); out += 1 + out / 7) {
      const auto memory = coordinates(test.output, out);
      std::vector<std::uint32_t> at(rank);
      for (std::size_t d = 0; d < rank; ++d) at[d] = memory[attributes.y_order[d]];
      double sum = 0;
      double size = 0;
      for (std::uint32_t k = 0; k < inner; ++k) {
        std::vector<std::uint32_t> of_a = at, of_b = at;
        of_a[rank - 1] = k;
        of_b[rank - 2] = k;
        const double term = double{element(a, attributes.a_order, of_a)} *
                            double{element(b, attributes.b_order, of_b)} * double{attributes.alpha};
        sum += term;
        size += std::abs(term);
      }
      if (!std::isfinite(sum) || size > 1e37) continue;  // the bit tests' business
      const double low = double{attributes.clamp.low}, high = double{attributes.clamp.high};
      const double bound = 1.01 * std::ldexp(size, -24) * (inner + 1) + std::ldexp(inner, -149);
      ASSERT_NEAR(double{std::bit_cast<float>(bits[out])}, std::min(std::max(sum, low), high),
                  bound)
          << "element " << out;
    }
  }
}

MatMulAttributes plain(std::uint32_t rank) {
  MatMulAttributes attributes;
  for (std::uint32_t i = 0; i < rank; ++i) {
    attributes.a_order[i] = attributes.b_order[i] = attributes.y_order[i] = i;
  }
  return attributes;
}

using Shape = std::vector<std::uint32_t>;

Status check(const MatMulAttributes& attributes, Shape a, Shape b, Shape y) {
  return check_case({OpCode::kMatMul, {Tensor(a), Tensor(b)}, Tensor(y), words_of(attributes)});
}

TEST(MatMulCheck, TakesBatchesOfOneAndRefusesOtherShapes) {
  EXPECT_EQ(check(plain(2), {2, 3}, {3, 4}, {2, 4}), Status::kOk);
  EXPECT_EQ(check(plain(3), {1, 2, 3}, {5, 3, 4}, {5, 2, 4}), Status::kOk);
  EXPECT_EQ(check(plain(3), {5, 2, 3}, {1, 3, 4}, {5, 2, 4}), Status::kOk);
  EXPECT_EQ(check(plain(3), {1, 2, 3}, {1, 3, 4}, {5, 2, 4}), Status::kOk) << "both broadcast";
  EXPECT_EQ(check(plain(3), {5, 2, 3}, {5, 3, 4}, {1, 2, 4}), Status::kShapeMismatch);
  EXPECT_EQ(check(plain(3), {2, 2, 3}, {5, 3, 4}, {5, 2, 4}), Status::kShapeMismatch);
  EXPECT_EQ(check(plain(2), {2, 3}, {4, 3}, {2, 4}), Status::kShapeMismatch);
  EXPECT_EQ(check(plain(2), {2, 1}, {3, 4}, {2, 4}), Status::kShapeMismatch)
      << "k is not broadcast";
  EXPECT_EQ(check(plain(2), {2, 3}, {3, 4}, {4, 2}), Status::kShapeMismatch);
  EXPECT_EQ(check(plain(2), {2, 3}, {1, 3, 4}, {2, 4}), Status::kShapeMismatch) << "other rank";
  EXPECT_EQ(check(plain(1), {3}, {3}, {1}), Status::kShapeMismatch);
}

TEST(MatMulCheck, RefusesOrdersThatAreNoPermutation) {
  const auto refused = [](auto change) {
    MatMulAttributes attributes = plain(3);
    change(attributes);
    return check(attributes, {2, 2, 2}, {2, 2, 2}, {2, 2, 2});
  };
  EXPECT_EQ(refused([](auto& a) { std::swap(a.a_order[0], a.a_order[2]); }), Status::kOk);
  EXPECT_EQ(refused([](auto& a) { a.a_order[0] = 1; }), Status::kBadAttribute) << "twice";
  EXPECT_EQ(refused([](auto& a) { a.b_order[2] = 3; }), Status::kBadAttribute) << "beyond the rank";
  EXPECT_EQ(refused([](auto& a) { a.b_order[0] = 0xffffffffu; }), Status::kBadAttribute);
  EXPECT_EQ(refused([](auto& a) { a.a_order[3] = 1; }), Status::kBadAttribute) << "unused entry";
  EXPECT_EQ(refused([](auto& a) { std::swap(a.y_order[1], a.y_order[2]); }), Status::kBadAttribute)
      << "columns of y must lie side by side";
}

TEST(MatMulCheck, RefusesBadNumbers) {
  MatMulAttributes attributes = plain(2);
  attributes.alpha = INFINITY;
  EXPECT_EQ(check(attributes, {2, 3}, {3, 4}, {2, 4}), Status::kBadAttribute);
  attributes.alpha = std::nanf("");
  EXPECT_EQ(check(attributes, {2, 3}, {3, 4}, {2, 4}), Status::kBadAttribute);
  attributes = plain(2);
  attributes.clamp = {1.0f, 0.0f};
  EXPECT_EQ(check(attributes, {2, 3}, {3, 4}, {2, 4}), Status::kBadAttribute);
}

}  // namespace
}  // namespace sz::ops::testing
