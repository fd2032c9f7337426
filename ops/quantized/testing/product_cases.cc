#include "ops/quantized/testing/product_cases.h"

namespace sz::ops::testing {
namespace {

std::int8_t random_weight(Random& random, bool extreme) {
  if (extreme) return random.pick<std::int8_t>({-128, -127, 127, 0});
  return static_cast<std::int8_t>(static_cast<std::int32_t>(random.integer(0, 254)) - 127);
}

// Weights, bias and factors for `shape`, and the end of the attributes.
void draw_parameters(Random& random, QConvCase* test) {
  const ConvWeightShape& shape = test->shape;
  const std::size_t inputs =
      std::size_t{shape.inputs} / shape.groups * shape.kernel_h * shape.kernel_w;
  const bool extreme = random.chance(4);
  test->weights.resize(inputs * shape.outputs);
  for (std::int8_t& weight : test->weights) weight = random_weight(random, extreme);
  QConv2dAttributes& t = test->attributes;
  t.x_zero = random_zero(random);
  t.weight_zero = random.chance(3) ? random_zero(random) : 0;
  if (!random.chance(4)) {
    test->bias.resize(shape.outputs);
    const bool huge = random.chance(8);  // sums that wrap around
    for (std::int32_t& bias : test->bias) {
      bias = static_cast<std::int32_t>(random.integer(0, 20000)) - 10000;
      if (huge) bias = random.pick<std::int32_t>({0x70000000, -0x70000000, 0});
    }
  }
  t.mode = random.pick({Rescaling::kFixedPoint, Rescaling::kFloat, Rescaling::kFixedPoint,
                        Rescaling::kFloat, Rescaling::kNone});
  t.y = t.mode == Rescaling::kNone ? QuantOutput{0, 0, 0} : random_output(random);
  const std::size_t factors = random.chance(4) ? 1 : shape.outputs;
  for (std::size_t i = 0; i < factors && t.mode != Rescaling::kNone; ++i) {
    QuantFactor factor = random_factor(random, t.mode);
    if (factor.multiplier < 0) factor.multiplier = -factor.multiplier;
    if (t.mode == Rescaling::kFloat) {
      test->scales.push_back(factor.scale);
    } else {
      test->multipliers.push_back(factor.multiplier);
      test->shifts.push_back(factor.shift);
    }
  }
  if (t.mode == Rescaling::kFloat && !random.chance(3)) {
    test->rests.resize(shape.outputs);
    for (float& rest : test->rests) rest = 0.5f * random.real();
  }
}

DType output_type(const QConvCase& test) {
  return test.attributes.mode == Rescaling::kNone ? DType::kI32 : DType::kI8;
}

ByteTensor packed(const QConvCase& test) {
  const auto bytes = packed_qconv2d_bytes(test.shape);
  EXPECT_TRUE(bytes.has_value());
  // Kernels read the blob in words: it stands on its own, aligned as in a package.
  ByteTensor blob(DType::kI8, {static_cast<std::uint32_t>(*bytes)});
  EXPECT_TRUE(pack_qconv2d(test.parameters(), test.shape, {blob.data(), *bytes}));
  return blob;
}

}  // namespace

QuantParameters QConvCase::parameters() const {
  return {weights,
          bias,
          attributes.x_zero,
          attributes.weight_zero,
          attributes.mode,
          multipliers,
          shifts,
          scales,
          rests};
}

QConvCase random_qconv(Random& random, QConvKind kind) {
  QConvCase test{ByteCase{OpCode::kQConv2d, {}, {}, {}}, {}, {}, {}, {}, {}, {}, {}, {}};
  const std::uint32_t height = random.integer(1, 14);
  const std::uint32_t width = random.integer(1, 14);
  ByteAxis rows = random_byte_axis(random, height);
  ByteAxis columns = random_byte_axis(random, width);
  std::uint32_t groups = 1;
  std::uint32_t in = random.pick<std::uint32_t>({4, 5, 8, 12, 16, 17, 24, 33, 64});
  std::uint32_t out = random.integer(1, 140);
  if (kind == QConvKind::kGrouped) {
    groups = random.integer(2, 4);
    in = groups * random.integer(1, 9);
    out = groups * random.integer(2, 20);
  } else if (kind == QConvKind::kDepthwise) {
    groups = in = out = random.integer(2, random.chance(3) ? 200 : 40);
    if (random.chance(2)) rows = columns = {3, random.integer(1, 2), 1, 1, 1};
  } else if (kind == QConvKind::kFewChannels) {
    in = random.integer(1, 4);
    out = random.integer(1, 40);
  } else if (kind == QConvKind::kPointwise) {
    rows = columns = {1, 1, 1, 0, 0};
    in = random.integer(1, 150);
  }
  test.attributes.window = window_of(rows, columns);
  test.attributes.groups = groups;
  test.shape = {in, out, groups, rows.kernel, columns.kernel};
  draw_parameters(random, &test);
  const std::uint32_t batch = random.integer(1, 2);
  ByteTensor x(DType::kI8, {batch, height, width, in}, random_gap(random));
  x.fill_random(random);
  test.step.inputs = {x, packed(test)};
  test.step.outputs = {ByteTensor(
      output_type(test), {batch, rows.out(height), columns.out(width), out}, random_gap(random))};
  test.step.attributes = words_of(test.attributes);
  return test;
}

QConvCase random_qfully_connected(Random& random) {
  QConvCase test{ByteCase{OpCode::kQFullyConnected, {}, {}, {}}, {}, {}, {}, {}, {}, {}, {}, {}};
  const std::uint32_t outputs = random.integer(1, 150);
  const std::uint32_t inputs = random.integer(1, random.chance(4) ? 3000 : 100);
  test.shape = fully_connected_shape(outputs, inputs);
  draw_parameters(random, &test);
  std::vector<std::uint32_t> dims = random_dims(random, random.integer(0, 2), 8);
  if (random.chance(4)) dims = {random.integer(40, 120)};
  std::vector<std::uint32_t> out_dims = dims;
  dims.push_back(inputs);
  out_dims.push_back(outputs);
  ByteTensor x(DType::kI8, dims, random_gap(random));
  x.fill_random(random);
  test.step.inputs = {x, packed(test)};
  test.step.outputs = {ByteTensor(output_type(test), out_dims, random_gap(random))};
  const QConv2dAttributes& t = test.attributes;
  test.step.attributes = words_of(QFullyConnectedAttributes{t.mode, t.weight_zero, t.y});
  return test;
}

}  // namespace sz::ops::testing
