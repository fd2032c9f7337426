#include "ops/transformer/testing/linear_cases.h"

#include "math/half.h"

namespace sz::ops::testing {
namespace {

BlockFormat random_format(Random& random) {
  return random.pick(
      {BlockFormat::kF32, BlockFormat::kF16, BlockFormat::kQ8_0, BlockFormat::kQ4_0});
}

// Often a few rows only; the odd sizes around tiles too.
std::uint32_t random_rows(Random& random) {
  return random.chance(2) ? random.integer(1, 3) : random.integer(1, 40);
}

std::uint32_t random_width(Random& random) {
  return random.pick({random.integer(1, 40), random.integer(1, 130), 32 * random.integer(1, 4)});
}

// Rows in use: now and then fewer than there are.
void use_some_rows(Random& random, std::uint32_t rows, ByteCase& test) {
  if (random.chance(3)) test.rows = random.integer(1, rows);
}

template <typename T>
void put(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof(value));
}

}  // namespace

std::vector<std::byte> random_plain(Random& random, BlockFormat format, std::uint32_t outputs,
                                    std::uint32_t inputs, bool extreme) {
  std::vector<std::byte> plain(outputs * plain_row_bytes(format, inputs));
  const auto number = [&] {
    return extreme && random.chance(8) ? random.extreme() : random.real();
  };
  const auto half = [&] {
    const bool any = extreme && random.chance(8);
    return any ? static_cast<std::uint16_t>(random.integer(0, 65535))
               : math::float_to_half(random.real());
  };
  if (format == BlockFormat::kF32) {
    for (std::size_t i = 0; i < plain.size(); i += 4) put(&plain[i], number());
  } else if (format == BlockFormat::kF16) {
    for (std::size_t i = 0; i < plain.size(); i += 2) put(&plain[i], half());
  } else {
    const std::size_t block = plain_row_bytes(format, kBlock);
    const bool low = random.chance(8);  // all bytes -128, all nibbles -8
    for (std::byte& byte : plain) {
      byte = static_cast<std::byte>(random.integer(0, 255));
      if (low) byte = static_cast<std::byte>(format == BlockFormat::kQ8_0 ? 0x80 : 0);
    }
    for (std::size_t i = 0; i < plain.size(); i += block) put(&plain[i], half());
  }
  return plain;
}

ByteTensor quantized_rows(const ByteTensor& x) {
  const std::uint32_t width = x.view().inner();
  const auto bytes = static_cast<std::uint32_t>(quantized_row_bytes(width));
  ByteTensor y(DType::kU8, {x.view().dims[0], bytes});
  const ByteCase quantize{OpCode::kQuantizeRows, {x}, {y}, words_of(QuantizeRowsAttributes{width})};
  SingleWorker single;
  const std::vector<std::byte> result = run_bytes(quantize, Kernel::kReference, single);
  std::memcpy(y.data(), result.data(), result.size());
  y.refresh();
  return y;
}

LinearCase linear_case(Random& random, BlockFormat format, LinearEpilogue epilogue,
                       const LinearShape& shape, bool extreme) {
  LinearCase test{{OpCode::kLinear, {}, {}, {}}, {}, {}};
  test.attributes = {format, shape.inputs, shape.outputs, epilogue};
  test.step.attributes = words_of(test.attributes);
  ByteTensor x(DType::kF32, {shape.rows, shape.inputs});
  x.fill_floats(random, 2.0f, extreme);
  const bool blocks = format == BlockFormat::kQ8_0 || format == BlockFormat::kQ4_0;
  test.step.inputs.push_back(blocks ? quantized_rows(x) : x);

  const bool two = epilogue == LinearEpilogue::kSwiglu;
  std::vector<std::byte> packed((two ? 2 : 1) * packed_bytes(format, shape.outputs, shape.inputs));
  test.plain[0] = random_plain(random, format, shape.outputs, shape.inputs, extreme);
  if (two) {
    test.plain[1] = random_plain(random, format, shape.outputs, shape.inputs, extreme);
    EXPECT_TRUE(pack_gate_and_up(format, test.plain[0], test.plain[1], shape.outputs, shape.inputs,
                                 packed));
  } else {
    EXPECT_TRUE(pack_matrix(format, test.plain[0], shape.outputs, shape.inputs, packed));
  }
  ByteTensor weights(DType::kU8, {static_cast<std::uint32_t>(packed.size())});
  std::memcpy(weights.data(), packed.data(), packed.size());
  test.step.inputs.push_back(weights);

  const ByteTensor y(DType::kF32, {shape.rows, shape.outputs});
  if (epilogue == LinearEpilogue::kResidual) {
    ByteTensor residual = y;
    residual.refresh();
    residual.fill_floats(random, 2.0f, extreme);
    test.step.inputs.push_back(residual);
  }
  test.step.outputs.push_back(y);
  return test;
}

LinearCase random_linear(Random& random, BlockFormat format, LinearEpilogue epilogue) {
  const LinearShape shape{random_rows(random), random_width(random),
                          random.pick({random.integer(1, 40), random.integer(1, 280)})};
  LinearCase test = linear_case(random, format, epilogue, shape, random.chance(3));
  use_some_rows(random, shape.rows, test.step);
  return test;
}

ByteCase random_rms_norm(Random& random) {
  const std::uint32_t rows = random_rows(random), width = random_width(random);
  ByteTensor x(DType::kF32, {rows, width}), weight(DType::kF32, {width});
  const bool extreme = random.chance(3);
  x.fill_floats(random, 3.0f, extreme);
  weight.fill_floats(random, 2.0f, extreme);
  RmsNormAttributes attributes;
  attributes.epsilon = random.pick({0.0f, 1e-5f, 1e-6f, 2.0f});
  attributes.width = width;
  attributes.last = random.chance(3) ? 1 : 0;
  const std::uint32_t results = attributes.last != 0 ? 1 : rows;
  const ByteTensor floats(DType::kF32, {results, width});
  const ByteTensor bytes(DType::kU8,
                         {results, static_cast<std::uint32_t>(quantized_row_bytes(width))});
  const ByteTensor& y = random.chance(2) ? bytes : floats;
  ByteCase test{OpCode::kRmsNorm, {x, weight}, {y}, words_of(attributes)};
  use_some_rows(random, rows, test);
  return test;
}

ByteCase random_quantize_rows(Random& random) {
  const std::uint32_t rows = random_rows(random), width = random_width(random);
  ByteTensor x(DType::kF32, {rows, width});
  const float magnitude = random.pick({1.0f, 1e-30f, 1e-37f, 1e-44f, 3e38f});
  x.fill_floats(random, magnitude, random.chance(3));
  const ByteTensor y(DType::kU8, {rows, static_cast<std::uint32_t>(quantized_row_bytes(width))});
  ByteCase test{OpCode::kQuantizeRows, {x}, {y}, words_of(QuantizeRowsAttributes{width})};
  use_some_rows(random, rows, test);
  return test;
}

ByteCase random_embedding(Random& random) {
  const BlockFormat format = random_format(random);
  const std::uint32_t rows = random_rows(random), width = random_width(random);
  const std::uint32_t vocabulary = random.integer(1, 90);
  const auto bytes = static_cast<std::uint32_t>(packed_bytes(format, vocabulary, width));
  ByteTensor tokens(DType::kI32, {rows}), matrix(DType::kU8, {bytes});
  for (std::uint32_t i = 0; i < rows; ++i) {
    tokens.set(i, static_cast<std::int32_t>(random.integer(0, vocabulary - 1)));
  }
  const auto plain = random_plain(random, format, vocabulary, width, random.chance(3));
  EXPECT_TRUE(pack_matrix(format, plain, vocabulary, width, {matrix.data(), bytes}));
  ByteCase test{OpCode::kEmbedding,
                {tokens, matrix},
                {ByteTensor(DType::kF32, {rows, width})},
                words_of(EmbeddingAttributes{format, vocabulary, width})};
  use_some_rows(random, rows, test);
  return test;
}

}  // namespace sz::ops::testing
