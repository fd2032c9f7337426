#include "ops/testing/random_matrix.h"

#include <algorithm>
#include <numeric>

#include "ops/matmul/matmul.h"
#include "ops/normalize/lrn.h"
#include "ops/normalize/normalize.h"

namespace sz::ops::testing {
namespace {

std::uint32_t random_gap(Random& random) { return random.chance(2) ? 0 : random.integer(1, 9); }

void fill(Random& random, Tensor& tensor, bool extreme) {
  if (extreme) {
    tensor.fill_extreme(random, 50);
  } else {
    tensor.fill_random(random);
  }
}

// Draws an order of `movable` dimensions (the rest stay) and the dimensions in memory.
std::vector<std::uint32_t> shuffled(Random& random, const std::vector<std::uint32_t>& dims,
                                    std::uint32_t movable, std::uint32_t* order) {
  const auto rank = static_cast<std::uint32_t>(dims.size());
  std::iota(order, order + rank, 0u);
  for (std::uint32_t i = movable; i > 1; --i) {
    std::swap(order[i - 1], order[random.integer(0, i - 1)]);
  }
  std::vector<std::uint32_t> memory(rank);
  for (std::uint32_t i = 0; i < rank; ++i) memory[order[i]] = dims[i];
  return memory;
}

}  // namespace

Case random_matmul(Random& random) {
  const std::uint32_t rank = random.integer(2, 6);
  const std::uint32_t rows = random.integer(1, random.chance(4) ? 150 : 20);
  const std::uint32_t inner = random.integer(1, random.chance(8) ? 1500 : 40);
  const std::uint32_t columns = random.integer(1, random.chance(4) ? 150 : 40);
  std::vector<std::uint32_t> a, b, y;
  for (std::uint32_t i = 0; i + 2 < rank; ++i) {
    const std::uint32_t size = random.integer(1, 3);
    y.push_back(size);
    a.push_back(random.chance(3) ? 1 : size);
    b.push_back(random.chance(3) ? 1 : size);
  }
  a.insert(a.end(), {rows, inner});
  b.insert(b.end(), {inner, columns});
  y.insert(y.end(), {rows, columns});
  MatMulAttributes attributes;
  attributes.alpha = random.pick({1.0f, 1.0f, 0.125f, -3.7f});
  attributes.clamp = random_clamp(random);
  const std::uint32_t all = random.chance(2) ? rank : 0;
  const auto a_dims = shuffled(random, a, all, attributes.a_order);
  const auto b_dims = shuffled(random, b, random.chance(2) ? rank : 0, attributes.b_order);
  const auto y_dims = shuffled(random, y, random.chance(2) ? rank - 1 : 0, attributes.y_order);
  const bool extreme = random.chance(4);
  Tensor left(a_dims, random_gap(random));
  Tensor right(b_dims, random_gap(random));
  fill(random, left, extreme);
  fill(random, right, extreme);
  return Case{
      OpCode::kMatMul, {left, right}, Tensor(y_dims, random_gap(random)), words_of(attributes)};
}

Case random_normalize(Random& random) {
  NormalizeAttributes attributes;
  attributes.kind = static_cast<NormalizeKind>(random.integer(0, 3));
  attributes.epsilon = random.pick({0.0f, 1e-5f, 0.1f});
  if (attributes.kind == NormalizeKind::kDeviation && random.chance(3)) {
    attributes.result = static_cast<NormalizeResult>(random.integer(1, 2));
  }
  std::vector<std::uint32_t> dims(random.integer(0, 3));
  for (std::uint32_t& size : dims) size = random.integer(1, 5);
  dims.push_back(random.integer(1, random.chance(4) ? 700 : 40));
  Tensor x(dims, random_gap(random));
  const bool extreme = random.chance(4);
  fill(random, x, extreme);
  Case test{OpCode::kNormalize, {x}, Tensor({1}), words_of(attributes)};
  const bool affine =
      attributes.kind <= NormalizeKind::kRootMean && attributes.result == NormalizeResult::kRows;
  for (std::uint32_t left = affine ? random.integer(0, 2) : 0; left > 0; --left) {
    Tensor vector({dims.back()});
    fill(random, vector, extreme);
    test.inputs.push_back(vector);
  }
  if (attributes.result != NormalizeResult::kRows) dims.back() = 1;
  test.output = Tensor(dims, random_gap(random));
  return test;
}

Case random_lrn(Random& random) {
  LrnAttributes attributes;
  attributes.size = random.integer(1, random.chance(4) ? 40 : 6);
  attributes.alpha = random.pick({1e-4f, 0.5f, 2.0f});
  attributes.beta = random.pick({0.75f, 0.75f, 0.5f, 1.0f, 0.6f, -1.5f});
  attributes.bias = random.pick({1.0f, 2.0f, 0.1f});
  std::vector<std::uint32_t> dims(random.integer(0, 3));
  for (std::uint32_t& size : dims) size = random.integer(1, 5);
  dims.push_back(random.integer(1, 70));
  Tensor x(dims, random_gap(random));
  fill(random, x, random.chance(4));
  return Case{OpCode::kLrn, {x}, Tensor(dims, random_gap(random)), words_of(attributes)};
}

}  // namespace sz::ops::testing
