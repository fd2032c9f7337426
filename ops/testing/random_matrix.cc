#include "ops/testing/random_matrix.h"

#include <algorithm>
#include <numeric>

#include "ops/gemm/pack.h"
#include "ops/matmul/matmul.h"
#include "ops/normalize/lrn.h"
#include "ops/normalize/normalize.h"
#include "ops/recurrent/recurrent.h"

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

Tensor packed_recurrent(const std::vector<float>& weights, const std::vector<float>& bias,
                        std::uint32_t gates, std::uint32_t units) {
  const std::size_t elements = *recurrent_gate_elements(units);
  Tensor packed({static_cast<std::uint32_t>(gates * elements)});
  const std::span<const float> all_weights(weights), all_bias(bias);
  const std::size_t matrix = std::size_t{units} * units;
  for (std::uint32_t gate = 0; gate < gates; ++gate) {
    EXPECT_TRUE(pack_fully_connected(all_weights.subspan(gate * matrix, matrix),
                                     all_bias.subspan(std::size_t{gate} * units, units), units,
                                     units, {&packed.at(gate * elements), elements}));
  }
  return packed;
}

RecurrentCase random_recurrent_case(Random& random) {
  RecurrentCase test{{OpCode::kRecurrent, {}, Tensor({1}), {}}, {}, {}, {}};
  RecurrentAttributes& a = test.attributes;
  a.kind = static_cast<RecurrentKind>(random.integer(0, 2));
  a.reverse = random.integer(0, 1);
  if (a.kind == RecurrentKind::kGru) a.linear_before_reset = random.integer(0, 1);
  if (a.kind == RecurrentKind::kLstm) a.keep_cell = random.integer(0, 1);
  if (random.chance(4)) a.clip = 0.5f;
  a.activations[0] = {RecurrentFunction::kSigmoid, 0.0f, 0.0f};
  for (RecurrentActivation& activation : a.activations) {
    if (!random.chance(3)) continue;
    activation = {static_cast<RecurrentFunction>(random.integer(0, 7)), 0.3f, 0.4f};
  }
  const std::uint32_t gates = gates_of(a.kind);
  const std::uint32_t steps = random.integer(1, 5);
  const std::uint32_t rows = random.integer(1, random.chance(6) ? 40 : 4);
  const std::uint32_t units = random.integer(1, random.chance(4) ? 150 : 40);
  const bool extreme = random.chance(6);
  Tensor x({steps, rows, gates * units}, random_gap(random));
  fill(random, x, extreme);
  const float scale = 1.0f / static_cast<float>(units);
  for (std::size_t i = 0; i < std::size_t{gates} * units * units; ++i) {
    test.weights.push_back(random.real() * scale * 4.0f);
  }
  for (std::size_t i = 0; i < std::size_t{gates} * units; ++i) test.bias.push_back(random.real());
  test.step.inputs = {x, packed_recurrent(test.weights, test.bias, gates, units)};
  const bool lstm = a.kind == RecurrentKind::kLstm;
  for (std::uint32_t left = random.integer(0, lstm ? 2 : 1); left > 0; --left) {
    Tensor state({rows, units}, random_gap(random));
    fill(random, state, extreme);
    test.step.inputs.push_back(state);
  }
  if (test.step.inputs.size() == 4 && random.chance(2)) {
    Tensor peepholes({3 * units});
    fill(random, peepholes, false);
    test.step.inputs.push_back(peepholes);
  }
  test.step.output = Tensor({steps + a.keep_cell, rows, units}, random_gap(random));
  test.step.attributes = words_of(a);
  return test;
}

Case random_recurrent(Random& random) { return random_recurrent_case(random).step; }

}  // namespace sz::ops::testing
