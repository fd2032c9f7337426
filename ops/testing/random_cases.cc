#include "ops/testing/random_cases.h"

#include <numeric>

namespace sz::ops::testing {
namespace {

std::uint32_t random_gap(Random& random) { return random.chance(2) ? 0 : random.integer(1, 9); }

void fill(Random& random, Tensor& tensor, bool extreme) {
  if (extreme) {
    tensor.fill_extreme(random, 20);
  } else {
    tensor.fill_random(random);
  }
}

std::vector<float> random_values(Random& random, std::size_t count, bool extreme) {
  std::vector<float> values(count);
  for (float& value : values) {
    value = extreme && random.chance(50) ? random.extreme() : random.real();
  }
  return values;
}

// One axis of a window over `size` elements; leaves room for at least one output.
struct Axis {
  std::uint32_t kernel, stride, dilation, before, after;
  std::uint32_t extent() const { return (kernel - 1) * dilation + 1; }
  std::uint32_t room(std::uint32_t size) const { return size + before + after - extent(); }
};

Axis random_axis(Random& random, std::uint32_t size) {
  while (true) {
    Axis axis{random.integer(1, 5), random.integer(1, 3),
              random.chance(4) ? random.integer(1, 3) : 1, 0, 0};
    if (!random.chance(3)) {
      axis.before = random.integer(0, axis.extent());  // a window may lie in the padding alone
      axis.after = random.integer(0, axis.extent());
    }
    if (size + axis.before + axis.after >= axis.extent()) return axis;
  }
}

Window2d window_of(const Axis& rows, const Axis& columns) {
  return {rows.kernel,      columns.kernel, rows.stride,    columns.stride, rows.dilation,
          columns.dilation, rows.before,    columns.before, rows.after,     columns.after};
}

std::vector<std::uint32_t> random_shape(Random& random, std::uint32_t rank, std::uint32_t largest) {
  std::vector<std::uint32_t> dims(rank);
  for (std::uint32_t& size : dims) size = random.chance(4) ? 1 : random.integer(1, largest);
  return dims;
}

// `dims` with some dimensions made 1 and some leading ones dropped.
std::vector<std::uint32_t> broadcastable(Random& random, std::vector<std::uint32_t> dims) {
  for (std::uint32_t& size : dims) size = random.chance(3) ? 1 : size;
  while (!dims.empty() && dims.front() == 1 && random.chance(2)) dims.erase(dims.begin());
  return dims;
}

Case same_shape_case(Random& random, OpCode op, std::vector<std::uint32_t> dims, bool may_alias) {
  const bool in_place = may_alias && random.chance(3);
  Tensor x(dims, random_gap(random));
  fill(random, x, random.chance(4));
  return Case{op, {x}, Tensor(dims, random_gap(random)), {}, in_place};
}

}  // namespace

ConvCase random_conv(Random& random, ConvKind kind) {
  ConvCase test{Case{OpCode::kConv2d, {}, Tensor({1}), {}}, {}, {}, {}, {}};
  const std::uint32_t height = random.integer(1, 14);
  const std::uint32_t width = random.integer(1, 14);
  const Axis rows = random_axis(random, height);
  const Axis columns = random_axis(random, width);
  test.attributes.window = window_of(rows, columns);
  test.attributes.activation.clamp = random_clamp(random);
  std::uint32_t groups = 1;
  std::uint32_t in = random.pick<std::uint32_t>({1, 2, 3, 4, 5, 8, 15, 16, 17, 24, 33});
  std::uint32_t out = random.integer(1, 70);
  if (kind == ConvKind::kGrouped) {
    groups = random.integer(2, 4);
    in = groups * random.integer(1, 9);
    out = groups * random.integer(2, 20);
  } else if (kind == ConvKind::kDepthwise) {
    groups = in = out = random.integer(2, 70);
  }
  test.attributes.groups = groups;
  test.shape = {in, out, groups, rows.kernel, columns.kernel};

  const bool extreme = random.chance(4);
  const std::uint32_t batch = random.integer(1, 2);
  test.x = Tensor({batch, height, width, in}, random_gap(random));
  fill(random, test.x, extreme);
  const std::size_t weights = std::size_t{out} * (in / groups) * rows.kernel * columns.kernel;
  test.weights = random_values(random, weights, extreme);
  test.bias = random.chance(4) ? std::vector<float>() : random_values(random, out, extreme);
  Tensor packed({static_cast<std::uint32_t>(*packed_conv2d_elements(test.shape))});
  EXPECT_TRUE(pack_conv2d(test.weights, test.bias, test.shape, {&packed.at(0), packed.elements()}));
  test.step = Case{OpCode::kConv2d,
                   {test.x, packed},
                   Tensor({batch, rows.room(height) / rows.stride + 1,
                           columns.room(width) / columns.stride + 1, out},
                          random_gap(random)),
                   words_of(test.attributes)};
  return test;
}

Case random_fused_conv(Random& random) {
  const auto kind = random.pick({ConvKind::kDense, ConvKind::kGrouped, ConvKind::kDepthwise});
  ConvCase test = random_conv(random, kind);
  if (!random.chance(4)) {
    test.attributes.activation.slope = random.pick({0.1f, 0.01f, 0.0f, -0.5f, 3e38f, 1e-40f});
  }
  test.step.attributes = words_of(test.attributes);
  if (!random.chance(4)) {
    const TensorView& y = test.step.output.view();
    Tensor residual({y.dims[0], y.dims[1], y.dims[2], y.dims[3]}, random_gap(random));
    fill(random, residual, random.chance(4));
    test.step.inputs.push_back(residual);
  }
  return test.step;
}

WinogradCase random_winograd(Random& random) {
  WinogradCase test{Case{OpCode::kConvWinograd, {}, Tensor({1}), {}}, {}, {}, {}, {}};
  WinogradAttributes& a = test.attributes;
  a.pad_top = random.integer(0, 3);
  a.pad_left = random.integer(0, 3);
  a.pad_bottom = random.integer(0, 3);
  a.pad_right = random.integer(0, 3);
  const std::uint32_t height = random.integer(3, random.chance(4) ? 31 : 9);
  const std::uint32_t width = random.integer(3, random.chance(4) ? 31 : 9);
  const std::uint32_t in = random.integer(1, random.chance(4) ? 70 : 20);
  const std::uint32_t out = random.integer(1, random.chance(4) ? 150 : 40);
  const std::uint32_t batch = random.integer(1, 2);
  a.activation.clamp = random_clamp(random);
  if (random.chance(2)) a.activation.slope = random.pick({0.1f, 0.0f, -0.5f, 3e38f});
  test.shape = {in, out, 1, 3, 3};
  const bool extreme = random.chance(4);
  Tensor x({batch, height, width, in}, random_gap(random));
  fill(random, x, extreme);
  test.weights = random_values(random, std::size_t{out} * in * 9, extreme);
  test.bias = random.chance(4) ? std::vector<float>() : random_values(random, out, extreme);
  Tensor packed({static_cast<std::uint32_t>(*packed_winograd_elements(out, in))});
  EXPECT_TRUE(pack_winograd(test.weights, test.bias, out, in, {&packed.at(0), packed.elements()}));
  const std::vector<std::uint32_t> dims{batch, height + a.pad_top + a.pad_bottom - 2,
                                        width + a.pad_left + a.pad_right - 2, out};
  test.step = {OpCode::kConvWinograd, {x, packed}, Tensor(dims, random_gap(random)), words_of(a)};
  if (random.chance(2)) {
    Tensor residual(dims, random_gap(random));
    fill(random, residual, random.chance(4));
    test.step.inputs.push_back(residual);
  }
  return test;
}

FullyConnectedCase random_fully_connected(Random& random) {
  const std::uint32_t outputs = random.integer(1, 150);
  const std::uint32_t inputs = random.integer(1, 100);
  const bool extreme = random.chance(4);
  std::vector<std::uint32_t> dims = random_shape(random, random.integer(0, 2), 8);
  if (random.chance(4)) dims = {random.integer(40, 120)};
  std::vector<std::uint32_t> out_dims = dims;
  dims.push_back(inputs);
  out_dims.push_back(outputs);
  Tensor x(dims, random_gap(random));
  fill(random, x, extreme);
  FullyConnectedCase test{
      Case{OpCode::kFullyConnected, {}, Tensor(out_dims, random_gap(random)), {}},
      random_values(random, std::size_t{outputs} * inputs, extreme),
      random_values(random, outputs, extreme)};
  Tensor packed({static_cast<std::uint32_t>(*packed_elements(outputs, inputs))});
  EXPECT_TRUE(pack_fully_connected(test.weights, test.bias, outputs, inputs,
                                   {&packed.at(0), packed.elements()}));
  test.step.inputs = {x, packed};
  test.step.attributes = words_of(FullyConnectedAttributes{random_clamp(random)});
  return test;
}

Case random_pool(Random& random) {
  const std::uint32_t height = random.integer(3, 15);
  const std::uint32_t width = random.integer(3, 15);
  while (true) {
    const Axis rows = random_axis(random, height);
    const Axis columns = random_axis(random, width);
    Pool2dAttributes attributes;
    attributes.window = window_of(rows, columns);
    attributes.kind = random.pick({PoolKind::kMax, PoolKind::kAverage});
    attributes.count_include_pad = random.integer(0, 1);
    const std::uint32_t up = random.integer(0, 1);  // ceil mode
    const std::uint32_t out_h = (rows.room(height) + up * (rows.stride - 1)) / rows.stride + 1;
    const std::uint32_t out_w =
        (columns.room(width) + up * (columns.stride - 1)) / columns.stride + 1;
    const std::uint32_t batch = random.integer(1, 2);
    const std::uint32_t channels = random.integer(1, 70);
    Tensor x({batch, height, width, channels}, random_gap(random));
    fill(random, x, random.chance(4));
    Case test{OpCode::kPool2d,
              {x},
              Tensor({batch, out_h, out_w, channels}, random_gap(random)),
              words_of(attributes)};
    // Large paddings and strides may leave a last window without input; such a step is refused.
    if (check_case(test) == Status::kOk) return test;
  }
}

Case random_global_average_pool(Random& random) {
  const std::uint32_t batch = random.integer(1, 3);
  const std::uint32_t channels = random.integer(1, 300);
  const std::vector<std::uint32_t> dims{batch, random.integer(1, 15), random.integer(1, 15),
                                        channels};
  Tensor x(dims, random_gap(random));
  fill(random, x, random.chance(4));
  return Case{
      OpCode::kGlobalAveragePool, {x}, Tensor({batch, 1, 1, channels}, random_gap(random)), {}};
}

Case random_unary(Random& random) {
  std::vector<std::uint32_t> dims = random_shape(random, random.integer(0, 6), 9);
  if (random.chance(8)) dims = {3, random.integer(16000, 40000)};
  Case test = same_shape_case(random, OpCode::kUnary, dims, true);
  test.attributes = words_of(UnaryAttributes{UnaryKind::kClamp, random_clamp(random)});
  return test;
}

Case random_leaky_relu(Random& random) {
  Case test = random_unary(random);
  const float slope = random.pick({0.1f, 0.01f, 0.0f, 1.0f, -0.5f, 3e38f, 1e-40f});
  test.attributes = words_of(LeakyReluAttributes{UnaryKind::kLeakyRelu, slope});
  return test;
}

Case random_binary(Random& random) {
  std::vector<std::uint32_t> dims = random_shape(random, random.integer(0, 6), 7);
  if (random.chance(8)) dims = {random.integer(1, 3), random.integer(16000, 40000)};
  const bool in_place = random.chance(3);
  std::vector<std::uint32_t> a_dims = in_place ? dims : broadcastable(random, dims);
  std::vector<std::uint32_t> b_dims = broadcastable(random, dims);
  // The output is what NumPy makes of the inputs.
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const std::size_t back = dims.size() - 1 - i;
    const std::uint32_t a = back < a_dims.size() ? a_dims[a_dims.size() - 1 - back] : 1;
    const std::uint32_t b = back < b_dims.size() ? b_dims[b_dims.size() - 1 - back] : 1;
    dims[i] = a > b ? a : b;
  }
  const bool extreme = random.chance(4);
  Tensor a(a_dims, random_gap(random));
  Tensor b(b_dims, random_gap(random));
  fill(random, a, extreme);
  fill(random, b, extreme);
  const auto kind = static_cast<BinaryKind>(random.integer(0, 3));
  return Case{OpCode::kBinary,
              {a, b},
              Tensor(dims, random_gap(random)),
              words_of(BinaryAttributes{kind, random_clamp(random)}),
              in_place};
}

Case random_activation(Random& random) {
  Case test = random_unary(random);
  const auto kind =
      static_cast<UnaryKind>(random.integer(2, static_cast<std::uint32_t>(kLastUnaryKind)));
  const float alpha = random.pick({1.0f, 0.2f, 1.6732632f, -0.5f, 3e38f});
  test.attributes = words_of(ActivationAttributes{kind, alpha, random.real()});
  Tensor& x = test.inputs[0];
  const float scale = random.pick({1.0f, 10.0f, 90.0f, 1e6f, 1e30f});
  for (std::size_t i = 0; i < x.elements(); ++i) x.at(i) *= scale;
  return test;
}

Case random_operation(Random& random) {
  Case test = random_binary(random);
  const auto kind = random.pick({BinaryKind::kMin, BinaryKind::kMax, BinaryKind::kPow,
                                 BinaryKind::kFmod, BinaryKind::kPRelu});
  test.attributes = words_of(BinaryAttributes{kind, random_clamp(random)});
  return test;
}

Case random_softmax(Random& random) {
  std::vector<std::uint32_t> dims = random_shape(random, random.integer(0, 3), 6);
  dims.push_back(random.integer(1, random.chance(3) ? 1000 : 70));
  Case test = same_shape_case(random, OpCode::kSoftmax, dims, true);
  Tensor& x = test.inputs[0];
  const float scale = random.pick({1.0f, 10.0f, 60.0f});
  for (std::size_t i = 0; i < x.elements(); ++i) x.at(i) *= scale;
  return test;
}

Case random_log_softmax(Random& random) {
  Case test = random_softmax(random);
  test.attributes = words_of(SoftmaxAttributes{1});
  return test;
}

Case random_reduce(Random& random) {
  std::vector<std::uint32_t> dims = random_shape(random, random.integer(1, 6), 7);
  if (random.chance(4))
    dims = {random.integer(1, 3), random.integer(1, 200), random.integer(1, 90)};
  const auto rank = static_cast<std::uint32_t>(dims.size());
  const std::uint32_t begin = random.integer(0, rank - 1);
  const std::uint32_t end = random.integer(begin + 1, rank);
  Tensor x(dims, random_gap(random));
  fill(random, x, random.chance(4));
  for (std::uint32_t i = begin; i < end; ++i) dims[i] = 1;
  const auto kind = static_cast<ReduceKind>(random.integer(0, 6));
  const float divisor = kind == ReduceKind::kMean ? 7.0f : 1.0f;
  return Case{OpCode::kReduce,
              {x},
              Tensor(dims, random_gap(random)),
              words_of(ReduceAttributes{kind, begin, end, divisor})};
}

Case random_copy(Random& random) {
  return same_shape_case(random, OpCode::kCopy, random_shape(random, random.integer(0, 6), 9),
                         false);
}

Case random_transpose(Random& random) {
  const std::uint32_t rank = random.integer(0, 6);
  std::vector<std::uint32_t> perm(rank);
  std::iota(perm.begin(), perm.end(), 0u);
  for (std::uint32_t i = rank; i > 1; --i) std::swap(perm[i - 1], perm[random.integer(0, i - 1)]);
  TransposeAttributes attributes;
  std::copy(perm.begin(), perm.end(), attributes.perm);
  std::vector<std::uint32_t> dims = random_shape(random, rank, rank < 4 ? 40 : 6);
  std::vector<std::uint32_t> out_dims(rank);
  for (std::uint32_t i = 0; i < rank; ++i) out_dims[i] = dims[perm[i]];
  Tensor x(dims, random_gap(random));
  fill(random, x, random.chance(4));
  return Case{OpCode::kTranspose, {x}, Tensor(out_dims, random_gap(random)), words_of(attributes)};
}

Case random_upsample(Random& random) {
  const std::uint32_t batch = random.integer(1, 2);
  const std::uint32_t height = random.integer(1, 9);
  const std::uint32_t width = random.integer(1, 9);
  const std::uint32_t channels = random.integer(1, random.chance(4) ? 600 : 20);
  const UpsampleAttributes attributes{random.integer(1, 4), random.integer(1, 4)};
  Tensor x({batch, height, width, channels}, random_gap(random));
  fill(random, x, random.chance(4));
  return Case{OpCode::kUpsample,
              {x},
              Tensor({batch, height * attributes.factor_h, width * attributes.factor_w, channels},
                     random_gap(random)),
              words_of(attributes)};
}

}  // namespace sz::ops::testing
