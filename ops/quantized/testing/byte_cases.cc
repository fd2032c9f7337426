#include "ops/quantized/testing/byte_cases.h"

#include <cmath>

namespace sz::ops::testing {
namespace {

DType random_byte_type(Random& random) { return random.pick({DType::kI8, DType::kU8}); }

std::vector<std::uint32_t> any_dims(Random& random) {
  if (random.chance(8)) return {random.integer(1, 3), random.integer(16000, 40000)};
  return random_dims(random, random.integer(0, 5), 9);
}

std::uint32_t innermost(const std::vector<std::uint32_t>& dims) {
  return dims.empty() ? 1 : dims.back();
}

// Scales and zero points for each innermost element, or none.
std::vector<ByteTensor> random_scales(Random& random, std::uint32_t count,
                                      QuantizeAttributes* attributes) {
  attributes->scale = random.pick({0.01f, 0.5f, 1.0f, 1e-3f, 7.0f, 1e-40f, 1e38f});
  if (!random.chance(3)) return {};
  *attributes = {};
  ByteTensor scales(DType::kF32, {count});
  ByteTensor zeroes(DType::kI32, {count});
  for (std::uint32_t i = 0; i < count; ++i) {
    scales.set(i, random.pick({0.01f, 0.25f, 1.0f, 0.0037f, 1e-40f}));
    const std::int32_t zero = static_cast<std::int32_t>(random.integer(0, 400)) - 200;
    zeroes.set(i,
               random.chance(20) ? random.pick<std::int32_t>({-0x7fffffff - 1, 0x7fffffff}) : zero);
  }
  return {scales, zeroes};
}

// A y that a and b broadcast to, and those.
struct Shapes {
  std::vector<std::uint32_t> a, b, y;
};

Shapes random_shapes(Random& random) {
  Shapes shapes;
  shapes.a = shapes.b = any_dims(random);
  for (auto* dims : {&shapes.a, &shapes.b}) {
    for (std::uint32_t& size : *dims) size = random.chance(3) ? 1 : size;
    while (!dims->empty() && dims->front() == 1 && random.chance(2)) dims->erase(dims->begin());
  }
  shapes.y.assign(std::max(shapes.a.size(), shapes.b.size()), 1);
  for (const auto* dims : {&shapes.a, &shapes.b}) {
    for (std::size_t i = 0; i < dims->size(); ++i) {
      std::uint32_t& size = shapes.y[shapes.y.size() - dims->size() + i];
      size = std::max(size, (*dims)[i]);
    }
  }
  return shapes;
}

// x [N,H,W,C] and y for a pooling with this window.
ByteCase pool_case(Random& random, OpCode op, DType type, Window2d* window) {
  const std::uint32_t height = random.integer(3, 15);
  const std::uint32_t width = random.integer(3, 15);
  const ByteAxis rows = random_byte_axis(random, height);
  const ByteAxis columns = random_byte_axis(random, width);
  *window = window_of(rows, columns);
  const bool up = random.chance(2);
  const std::uint32_t batch = random.integer(1, 2);
  const std::uint32_t channels = random.integer(1, random.chance(3) ? 150 : 40);
  ByteTensor x(type, {batch, height, width, channels}, random_gap(random));
  x.fill_random(random);
  return {op,
          {x},
          {ByteTensor(type, {batch, rows.out(height, up), columns.out(width, up), channels},
                      random_gap(random))},
          {}};
}

}  // namespace

Rescaling random_mode(Random& random) {
  return random.pick({Rescaling::kFixedPoint, Rescaling::kFloat});
}

ByteAxis random_byte_axis(Random& random, std::uint32_t size) {
  while (true) {
    ByteAxis axis{random.integer(1, 5), random.integer(1, 3),
                  random.chance(4) ? random.integer(1, 3) : 1, 0, 0};
    if (!random.chance(3)) {
      axis.before = random.integer(0, axis.extent());
      axis.after = random.integer(0, axis.extent());
    }
    if (size + axis.before + axis.after >= axis.extent()) return axis;
  }
}

Window2d window_of(const ByteAxis& rows, const ByteAxis& columns) {
  return {rows.kernel,      columns.kernel, rows.stride,    columns.stride, rows.dilation,
          columns.dilation, rows.before,    columns.before, rows.after,     columns.after};
}

ByteCase random_quantize(Random& random) {
  const std::vector<std::uint32_t> dims = any_dims(random);
  const DType type = random_byte_type(random);
  QuantizeAttributes attributes;
  ByteCase test{OpCode::kQuantize, {ByteTensor(DType::kF32, dims, random_gap(random))}, {}, {}};
  const std::vector<ByteTensor> lists = random_scales(random, innermost(dims), &attributes);
  test.inputs.insert(test.inputs.end(), lists.begin(), lists.end());
  if (lists.empty()) attributes.zero = random_zero(random) + (type == DType::kU8 ? 128 : 0);
  const bool extreme = random.chance(3);
  test.inputs[0].fill_floats(random, random.pick({1.0f, 3.0f, 100.0f, 1e9f}), extreme);
  if (random.chance(4)) {  // ties
    for (std::size_t i = 0; i < test.inputs[0].elements(); ++i) {
      test.inputs[0].set(
          i, attributes.scale * 0.5f * (static_cast<float>(random.integer(0, 600)) - 300.0f));
    }
  }
  test.outputs = {ByteTensor(type, dims, random_gap(random))};
  test.attributes = words_of(attributes);
  return test;
}

ByteCase random_dequantize(Random& random) {
  const std::vector<std::uint32_t> dims = any_dims(random);
  const DType type = random.pick({DType::kI8, DType::kU8, DType::kI32});
  QuantizeAttributes attributes;
  ByteCase test{OpCode::kDequantize, {ByteTensor(type, dims, random_gap(random))}, {}, {}};
  test.inputs[0].fill_random(random);
  const std::vector<ByteTensor> lists = random_scales(random, innermost(dims), &attributes);
  test.inputs.insert(test.inputs.end(), lists.begin(), lists.end());
  if (lists.empty()) attributes.zero = random_zero(random) + (type == DType::kU8 ? 128 : 0);
  test.outputs = {ByteTensor(DType::kF32, dims, random_gap(random))};
  test.attributes = words_of(attributes);
  return test;
}

ByteCase random_requantize(Random& random) {
  const std::vector<std::uint32_t> dims = any_dims(random);
  const DType from = random_byte_type(random);
  const DType to = random_byte_type(random);
  const Rescaling mode = random_mode(random);
  const QuantFactor factor = random_factor(random, mode);
  RequantizeAttributes attributes{factor, random_zero(random), random_output(random)};
  if (random.chance(3)) {  // the mere change of type
    attributes.factor = {Rescaling::kFloat, 0, 0, 1.0f};
    attributes.x_zero = 0;
    attributes.y = {};
  }
  if (from == DType::kU8) attributes.x_zero += 128;
  if (to == DType::kU8) {
    for (std::int32_t* value : {&attributes.y.zero, &attributes.y.low, &attributes.y.high}) {
      *value += 128;
    }
  }
  ByteTensor x(from, dims, random_gap(random));
  x.fill_random(random);
  return {
      OpCode::kRequantize, {x}, {ByteTensor(to, dims, random_gap(random))}, words_of(attributes)};
}

ByteCase random_lookup(Random& random) {
  const std::vector<std::uint32_t> dims = any_dims(random);
  const DType to = random_byte_type(random);
  const DType from = random_byte_type(random);
  ByteTensor x(from, dims, random_gap(random));
  x.fill_random(random);
  ByteTensor table(to, {256});
  table.fill_random(random);
  if (random.chance(3)) {
    for (std::int32_t i = 0; i < 256; ++i) table.set_integer(static_cast<std::size_t>(i), i ^ 0x80);
  }
  return {OpCode::kLookup, {x, table}, {ByteTensor(to, dims, random_gap(random))}, {}};
}

ByteCase random_qbinary(Random& random) {
  const Shapes shapes = random_shapes(random);
  QBinaryAttributes attributes;
  attributes.kind = random.pick({BinaryKind::kAdd, BinaryKind::kSub, BinaryKind::kMul});
  const Rescaling mode = random_mode(random);
  attributes.a_zero = random_zero(random);
  attributes.b_zero = random_zero(random);
  attributes.a = random_factor(random, mode);
  attributes.b = random_factor(random, mode);
  attributes.y_factor = random_factor(random, mode);
  attributes.y = random_output(random);
  if (mode == Rescaling::kFixedPoint) {
    if (attributes.kind == BinaryKind::kMul) {
      attributes.a = attributes.b = {};
    } else {
      attributes.left_shift =
          random.chance(3) ? static_cast<std::int32_t>(random.integer(0, 22)) : 20;
      if (random.chance(2)) attributes.y_factor.shift = -20;
    }
  }
  ByteTensor a(DType::kI8, shapes.a, random_gap(random));
  ByteTensor b(DType::kI8, shapes.b, random_gap(random));
  a.fill_random(random);
  b.fill_random(random);
  return {OpCode::kQBinary,
          {a, b},
          {ByteTensor(DType::kI8, shapes.y, random_gap(random))},
          words_of(attributes)};
}

ByteCase random_qpool(Random& random) {
  while (true) {
    QPool2dAttributes attributes;
    ByteCase test = pool_case(random, OpCode::kQPool2d, DType::kI8, &attributes.window);
    attributes.mode = random_mode(random);
    attributes.y = random_output(random);
    attributes.x_zero = random_zero(random);
    if (attributes.mode == Rescaling::kFloat) {
      attributes.scale = random_factor(random, Rescaling::kFloat).scale;
      attributes.count_include_pad = random.integer(0, 1);
    }
    test.attributes = words_of(attributes);
    if (check_bytes(test) == Status::kOk) return test;
  }
}

ByteCase random_byte_max_pool(Random& random) {
  while (true) {
    Pool2dAttributes attributes;
    ByteCase test =
        pool_case(random, OpCode::kPool2d, random_byte_type(random), &attributes.window);
    test.attributes = words_of(attributes);
    if (check_bytes(test) == Status::kOk) return test;
  }
}

ByteCase random_qglobal_average_pool(Random& random) {
  const std::uint32_t batch = random.integer(1, 3);
  const std::uint32_t channels = random.integer(1, 300);
  const std::vector<std::uint32_t> dims{batch, random.integer(1, 15), random.integer(1, 15),
                                        channels};
  ByteTensor x(DType::kI8, dims, random_gap(random));
  x.fill_random(random);
  const Rescaling mode = random_mode(random);
  const QuantFactor factor = random_factor(random, mode);
  const QGlobalAveragePoolAttributes attributes{factor, random_zero(random), random_output(random)};
  return {OpCode::kQGlobalAveragePool,
          {x},
          {ByteTensor(DType::kI8, {batch, 1, 1, channels}, random_gap(random))},
          words_of(attributes)};
}

ByteCase random_qsoftmax(Random& random) {
  std::vector<std::uint32_t> dims = random_dims(random, random.integer(0, 3), 6);
  dims.push_back(random.integer(1, random.chance(3) ? 1000 : 70));
  const Rescaling mode = random_mode(random);
  const double step = random.pick({0.1, 0.02, 0.5, 1.0 / 256});
  ByteTensor x(DType::kI8, dims, random_gap(random));
  x.fill_random(random);
  const bool fixed = mode == Rescaling::kFixedPoint;
  ByteTensor table(fixed ? DType::kI32 : DType::kF32, {256});
  for (std::uint32_t d = 0; d < 256; ++d) {
    // Rounded to few bits, so that the C library's exp gives the same everywhere.
    const double value = std::floor(std::exp(-step * d) * 65536) / 65536;
    if (fixed) {
      table.set(d, static_cast<std::int32_t>(std::min(value * 2147483648.0, 2147483647.0)));
    } else {
      table.set(d, static_cast<float>(value));
    }
  }
  if (random.chance(8)) table.fill_random(random);  // no exponentials at all
  return {OpCode::kQSoftmax,
          {x, table},
          {ByteTensor(DType::kI8, dims, random_gap(random))},
          words_of(QSoftmaxAttributes{mode})};
}

ByteCase random_qmatmul(Random& random) {
  // Leading dimensions as for an element by element operation, then those of the matrices.
  std::vector<std::uint32_t> lead = random_dims(random, random.integer(0, 3), 3);
  std::vector<std::uint32_t> a = lead, b = lead;
  for (std::uint32_t& size : a) size = random.chance(3) ? 1 : size;
  while (!b.empty() && random.chance(3)) b.erase(b.begin());
  std::vector<std::uint32_t> y = a;
  for (std::size_t i = 0; i < b.size(); ++i) {
    std::uint32_t& size = y[y.size() - b.size() + i];
    size = std::max(size, b[i]);
  }
  const std::uint32_t rows = random.integer(1, random.chance(4) ? 60 : 9);
  const std::uint32_t inputs = random.integer(1, 70);
  const std::uint32_t columns = random.integer(1, 40);
  QMatMulAttributes attributes;
  const Rescaling mode = random.pick({Rescaling::kFixedPoint, Rescaling::kFloat, Rescaling::kNone});
  attributes.factor = random_factor(random, mode);
  attributes.transpose_b = random.integer(0, 1);
  attributes.y = mode == Rescaling::kNone ? QuantOutput{0, 0, 0} : random_output(random);
  a.insert(a.end(), {rows, inputs});
  b.insert(b.end(), {attributes.transpose_b != 0 ? columns : inputs,
                     attributes.transpose_b != 0 ? inputs : columns});
  y.insert(y.end(), {rows, columns});
  ByteTensor left(DType::kI8, a, random_gap(random));
  ByteTensor right(DType::kI8, b, random_gap(random));
  left.fill_random(random);
  right.fill_random(random);
  ByteCase test{OpCode::kQMatMul, {left, right}, {}, {}};
  if (random.chance(3)) {
    for (int i = 0; i < 2; ++i) {
      ByteTensor zero(DType::kI8, {1});
      zero.set_integer(0, random_zero(random));
      test.inputs.push_back(zero);
    }
  } else {
    attributes.a_zero = random_zero(random);
    attributes.b_zero = random.chance(2) ? 0 : random_zero(random);
  }
  const DType type = mode == Rescaling::kNone ? DType::kI32 : DType::kI8;
  test.outputs = {ByteTensor(type, y, random_gap(random))};
  test.attributes = words_of(attributes);
  return test;
}

ByteCase random_dynamic_quantize(Random& random) {
  const std::vector<std::uint32_t> dims = any_dims(random);
  const DType type = random_byte_type(random);
  ByteTensor x(DType::kF32, dims, random_gap(random));
  const bool extreme = random.chance(6);
  x.fill_floats(random, random.pick({1.0f, 0.0f, 1e-42f, 1e9f}), extreme);
  return {OpCode::kDynamicQuantize,
          {x},
          {ByteTensor(type, dims, random_gap(random)), ByteTensor(DType::kF32, {1}),
           ByteTensor(type, {})},
          {}};
}

}  // namespace sz::ops::testing
