// Linear: the bits of the reference everywhere, the textbook's sums within a bound, rows that do
// not depend on others, and what its check refuses. Checksums are the same on x86 and Arm.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/transformer/testing/linear_cases.h"

namespace sz::ops::testing {
namespace {

constexpr BlockFormat kFormats[] = {BlockFormat::kF32, BlockFormat::kF16, BlockFormat::kQ8_0,
                                    BlockFormat::kQ4_0};
constexpr LinearEpilogue kEpilogues[] = {LinearEpilogue::kNone, LinearEpilogue::kResidual,
                                         LinearEpilogue::kSwiglu};

bool quantized(BlockFormat format) {
  return format == BlockFormat::kQ8_0 || format == BlockFormat::kQ4_0;
}

TEST(Linear, VectorKernelsHaveTheBitsOfTheReference) {
  for (const BlockFormat format : kFormats) {
    for (const LinearEpilogue epilogue : kEpilogues) {
      for (std::uint64_t i = 0; i < 30; ++i) {
        SCOPED_TRACE("format " + std::to_string(static_cast<int>(format)) + ", epilogue " +
                     std::to_string(static_cast<int>(epilogue)) + ", case " + std::to_string(i));
        Random random(test_seed() * 1000003 + i);
        expect_same_bytes(random_linear(random, format, epilogue).step);
        if (HasFailure()) return;
      }
    }
  }
}

TEST(Linear, LongRowsAndManyOutputs) {
  for (const BlockFormat format : kFormats) {
    for (const LinearShape shape : {LinearShape{1, 300, 900}, LinearShape{70, 520, 210}}) {
      Random random(test_seed());
      expect_same_bytes(linear_case(random, format, LinearEpilogue::kSwiglu, shape, false).step);
    }
  }
}

// The numbers of one row of x or of a plain matrix.
std::vector<double> row_of_x(const LinearCase& test, std::size_t row) {
  const std::size_t inputs = test.attributes.inputs;
  std::vector<double> numbers(inputs);
  const ByteTensor& x = test.step.inputs[0];
  if (!quantized(test.attributes.format)) {
    for (std::size_t k = 0; k < inputs; ++k) {
      numbers[k] = static_cast<double>(x.get<float>(row * inputs + k));
    }
    return numbers;
  }
  const std::vector<std::byte> bytes = x.bytes();
  std::vector<QuantizedBlock> blocks(blocks_of(inputs));
  std::memcpy(blocks.data(), bytes.data() + row * quantized_row_bytes(inputs),
              quantized_row_bytes(inputs));
  for (std::size_t k = 0; k < inputs; ++k) {
    const QuantizedBlock& block = blocks[k / kBlock];
    numbers[k] = static_cast<double>(block.scale) * block.bytes[k % kBlock];
  }
  return numbers;
}

struct Sum {
  double value = 0, size = 0;  // the sum of products, and of their absolute values
};

Sum textbook_sum(const LinearCase& test, const std::vector<std::byte>& plain, std::size_t row,
                 std::size_t output) {
  const std::vector<double> x = row_of_x(test, row);
  const std::size_t bytes = plain_row_bytes(test.attributes.format, x.size());
  std::vector<float> w(x.size());
  EXPECT_TRUE(
      dequantize_row(test.attributes.format, ByteSpan(plain).subspan(output * bytes, bytes), w));
  Sum sum;
  for (std::size_t k = 0; k < x.size(); ++k) {
    sum.value += x[k] * static_cast<double>(w[k]);
    sum.size += std::fabs(x[k] * static_cast<double>(w[k]));
  }
  return sum;
}

constexpr double kUnit = 1.01 / (1 << 24);

// docs/numerics.md: K roundings of a chain of fma; in blocks, one of each fma, one of the product
// of scales.
double roundings(const LinearAttributes& attributes) {
  const double inputs = attributes.inputs;
  return quantized(attributes.format) ? std::ceil(inputs / 32) + 1 : inputs;
}

TEST(Linear, IsTheTextbooksSumWithinItsBound) {
  SingleWorker single;
  for (const BlockFormat format : kFormats) {
    for (const LinearEpilogue epilogue : {LinearEpilogue::kNone, LinearEpilogue::kResidual}) {
      for (std::uint64_t i = 0; i < 10; ++i) {
        Random random(test_seed() + i);
        const LinearShape shape{2, random.integer(1, 300), random.integer(1, 40)};
        const LinearCase test = linear_case(random, format, epilogue, shape, false);
        const auto bytes = run_bytes(test.step, Kernel::kReference, single);
        for (std::size_t at = 0; at < std::size_t{2} * shape.outputs; ++at) {
          float y;
          std::memcpy(&y, &bytes[4 * at], 4);
          const Sum sum = textbook_sum(test, test.plain[0], at / shape.outputs, at % shape.outputs);
          double expected = sum.value, bound = roundings(test.attributes) * kUnit * sum.size;
          if (epilogue == LinearEpilogue::kResidual) {
            expected += static_cast<double>(test.step.inputs[2].get<float>(at));
            bound += kUnit * std::fabs(expected) + kUnit * bound;
          }
          ASSERT_LE(std::fabs(static_cast<double>(y) - expected), bound)
              << static_cast<int>(format) << " " << at;
        }
      }
    }
  }
}

double silu(double x) { return x / (1 + std::exp(-x)); }

// silu' is at most 1.1; three roundings and exp's error, relative, beside those of the sums.
TEST(Linear, SwigluIsTheTextbooksWithinItsBound) {
  SingleWorker single;
  for (const BlockFormat format : kFormats) {
    Random random(test_seed());
    const LinearShape shape{2, 90, 50};
    const LinearCase test = linear_case(random, format, LinearEpilogue::kSwiglu, shape, false);
    const auto bytes = run_bytes(test.step, Kernel::kReference, single);
    for (std::size_t at = 0; at < std::size_t{2} * shape.outputs; ++at) {
      float y;
      std::memcpy(&y, &bytes[4 * at], 4);
      const std::size_t row = at / shape.outputs, output = at % shape.outputs;
      const Sum gate = textbook_sum(test, test.plain[0], row, output);
      const Sum up = textbook_sum(test, test.plain[1], row, output);
      const double expected = silu(gate.value) * up.value;
      const double each = roundings(test.attributes) * kUnit;
      const double bound = 1.1 * each * gate.size * std::fabs(up.value) +
                           each * up.size * std::fabs(silu(gate.value)) +
                           6 * kUnit * std::fabs(expected) + 1e-9;
      ASSERT_LE(std::fabs(static_cast<double>(y) - expected), bound) << static_cast<int>(format);
    }
  }
}

TEST(Linear, ARowDoesNotDependOnTheOthers) {
  SingleWorker single;
  for (const BlockFormat format : kFormats) {
    Random random(test_seed());
    const LinearShape shape{37, 100, 70};
    const LinearCase test = linear_case(random, format, LinearEpilogue::kNone, shape, false);
    const auto all = run_bytes(test.step, Kernel::kVector, single);
    for (std::uint32_t row = 0; row < shape.rows; ++row) {
      ByteCase one = test.step;
      const std::vector<std::byte> x = test.step.inputs[0].bytes();
      const std::size_t bytes = x.size() / shape.rows;
      one.inputs[0] = ByteTensor(one.inputs[0].type(), {1, test.step.inputs[0].view().dims[1]});
      std::memcpy(one.inputs[0].data(), x.data() + row * bytes, bytes);
      one.outputs[0] = ByteTensor(DType::kF32, {1, shape.outputs});
      const auto alone = run_bytes(one, Kernel::kVector, single);
      ASSERT_EQ(std::memcmp(alone.data(), all.data() + row * alone.size(), alone.size()), 0);
    }
  }
}

TEST(Linear, TouchesTheRowsInUseOnly) {
  SingleWorker single;
  Random random(test_seed());
  for (const BlockFormat format : kFormats) {
    LinearCase test = linear_case(random, format, LinearEpilogue::kNone, {9, 40, 20}, false);
    const auto all = run_bytes(test.step, Kernel::kVector, single);
    test.step.rows = 4;
    const auto some = run_bytes(test.step, Kernel::kVector, single);
    const std::vector<std::byte> untouched = test.step.outputs[0].bytes();
    const std::size_t used = 4 * 20 * sizeof(float);
    EXPECT_EQ(std::memcmp(some.data(), all.data(), used), 0);
    EXPECT_EQ(std::memcmp(some.data() + used, untouched.data() + used, some.size() - used), 0);
  }
}

TEST(Linear, ChecksumsAreTheSameOnEveryMachine) {
  // Of each format, its epilogues in order.
  constexpr std::uint64_t kGolden[4][3] = {
      {0x340e0d663a5e98dfull, 0x380687d194602c14ull, 0xc01609e7de1b895full},
      {0x55b526433b7cf62ull, 0xcae508e7b108a667ull, 0x117779c7e43428faull},
      {0xa0e11cc8d8e3aa69ull, 0xf8f3c2f0143d14d6ull, 0xbd7f80e6a1a0607bull},
      {0xd34cc37c99baef3ull, 0xd14833b2ee544ee2ull, 0x72e67041d69b1ad6ull},
  };
  SingleWorker single;
  for (const BlockFormat format : kFormats) {
    for (const LinearEpilogue epilogue : kEpilogues) {
      std::uint64_t sum = 14695981039346656037ull;
      for (std::uint64_t i = 0; i < 20; ++i) {
        Random random(2026000 + i);
        const auto bytes =
            run_bytes(random_linear(random, format, epilogue).step, Kernel::kVector, single);
        sum =
            checksum({reinterpret_cast<const std::uint32_t*>(bytes.data()), bytes.size() / 4}, sum);
      }
      EXPECT_EQ(sum, kGolden[static_cast<int>(format)][static_cast<int>(epilogue)])
          << static_cast<int>(format) << ", " << static_cast<int>(epilogue) << ": 0x" << std::hex
          << sum;
    }
  }
}

// --- what check refuses ---

LinearCase fine(BlockFormat format = BlockFormat::kQ8_0,
                LinearEpilogue epilogue = LinearEpilogue::kNone) {
  Random random(1);
  return linear_case(random, format, epilogue, {3, 40, 20}, false);
}

template <typename Change>
Status after(LinearCase test, Change change) {
  EXPECT_EQ(check_bytes(test.step), Status::kOk);
  change(test.attributes);
  test.step.attributes = words_of(test.attributes);
  return check_bytes(test.step);
}

TEST(HostileLinear, Attributes) {
  using A = LinearAttributes;
  EXPECT_EQ(after(fine(), [](A& a) { a.format = static_cast<BlockFormat>(4); }),
            Status::kBadAttribute);
  EXPECT_EQ(after(fine(), [](A& a) { a.epilogue = static_cast<LinearEpilogue>(3); }),
            Status::kBadAttribute);
  EXPECT_EQ(after(fine(), [](A& a) { a.inputs = 0; }), Status::kBadAttribute);
  EXPECT_EQ(after(fine(), [](A& a) { a.outputs = 0; }), Status::kBadAttribute);
  EXPECT_EQ(after(fine(), [](A& a) { a.inputs = (1u << 24) + 1; }), Status::kBadAttribute);
  EXPECT_EQ(after(fine(), [](A& a) { a.inputs = 0xffffffffu; }), Status::kBadAttribute);
  // Products of sizes that are the true one modulo 2^32 or so.
  EXPECT_EQ(after(fine(), [](A& a) { a.outputs = 0xffffffffu; }), Status::kShapeMismatch);
  EXPECT_EQ(after(fine(), [](A& a) { a.outputs = 20 + (1u << 31); }), Status::kShapeMismatch);
  EXPECT_EQ(after(fine(), [](A& a) { a.inputs = 1u << 24; }), Status::kShapeMismatch);
  LinearCase test = fine();
  test.step.attributes.push_back(0);
  EXPECT_EQ(check_bytes(test.step), Status::kBadAttribute);
}

TEST(HostileLinear, FormatsAndEpiloguesThatTheOperandsAreNot) {
  using A = LinearAttributes;
  EXPECT_EQ(after(fine(), [](A& a) { a.format = BlockFormat::kF32; }), Status::kShapeMismatch);
  EXPECT_EQ(after(fine(), [](A& a) { a.format = BlockFormat::kQ4_0; }), Status::kShapeMismatch);
  EXPECT_EQ(after(fine(), [](A& a) { a.epilogue = LinearEpilogue::kSwiglu; }),
            Status::kShapeMismatch);
  EXPECT_EQ(after(fine(), [](A& a) { a.epilogue = LinearEpilogue::kResidual; }),
            Status::kShapeMismatch);
  const LinearCase residual = fine(BlockFormat::kF32, LinearEpilogue::kResidual);
  EXPECT_EQ(after(residual, [](A& a) { a.epilogue = LinearEpilogue::kNone; }),
            Status::kShapeMismatch);
  // An output or input more: the padding hides it from the weights, but not from the others.
  EXPECT_EQ(after(fine(), [](A& a) { a.outputs = 21; }), Status::kShapeMismatch);
  EXPECT_EQ(after(fine(BlockFormat::kF32), [](A& a) { a.inputs = 41; }), Status::kShapeMismatch);
}

TEST(HostileLinear, Operands) {
  const auto with = [](std::size_t place, ByteTensor tensor) {
    LinearCase test = fine(BlockFormat::kQ8_0, LinearEpilogue::kResidual);
    EXPECT_EQ(check_bytes(test.step), Status::kOk);
    if (place < 3) {
      test.step.inputs[place] = tensor;
    } else {
      test.step.outputs[0] = tensor;
    }
    return check_bytes(test.step);
  };
  const auto row = static_cast<std::uint32_t>(quantized_row_bytes(40));
  const auto bytes = static_cast<std::uint32_t>(packed_bytes(BlockFormat::kQ8_0, 20, 40));
  EXPECT_EQ(with(0, ByteTensor(DType::kU8, {3, row})), Status::kOk);
  EXPECT_EQ(with(0, ByteTensor(DType::kU8, {4, row})), Status::kShapeMismatch);
  EXPECT_EQ(with(0, ByteTensor(DType::kU8, {3, row}, 16)), Status::kShapeMismatch);
  EXPECT_EQ(with(0, ByteTensor(DType::kU8, {3, row - 1})), Status::kShapeMismatch);
  EXPECT_EQ(with(0, ByteTensor(DType::kF32, {3, 40})), Status::kDtypeMismatch);
  EXPECT_EQ(with(1, ByteTensor(DType::kU8, {bytes - 1})), Status::kShapeMismatch);
  EXPECT_EQ(with(1, ByteTensor(DType::kU8, {1, bytes})), Status::kShapeMismatch);
  EXPECT_EQ(with(1, ByteTensor(DType::kI8, {bytes})), Status::kDtypeMismatch);
  EXPECT_EQ(with(2, ByteTensor(DType::kF32, {2, 20})), Status::kShapeMismatch);
  EXPECT_EQ(with(2, ByteTensor(DType::kF32, {3, 20}, 1)), Status::kShapeMismatch);
  EXPECT_EQ(with(2, ByteTensor(DType::kI32, {3, 20})), Status::kDtypeMismatch);
  EXPECT_EQ(with(3, ByteTensor(DType::kF32, {3, 19})), Status::kShapeMismatch);
  EXPECT_EQ(with(3, ByteTensor(DType::kF32, {60})), Status::kShapeMismatch);
  EXPECT_EQ(with(3, ByteTensor(DType::kU8, {3, 20})), Status::kDtypeMismatch);
}

}  // namespace
}  // namespace sz::ops::testing
