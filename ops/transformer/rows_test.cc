// RmsNorm, QuantizeRows and Embedding: the bits of the reference everywhere, the textbook's
// numbers, rows in use, and what their checks refuse. Checksums are the same on x86 and Arm.
#include "ops/transformer/rows.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/transformer/testing/linear_cases.h"

namespace sz::ops::testing {
namespace {

struct Family {
  const char* name;
  ByteCase (*draw)(Random&);
  std::uint64_t golden;  // checksum of the outputs of 60 cases
};

const Family kFamilies[] = {
    {"rms_norm", random_rms_norm, 0xf28e734bc930b54ull},
    {"quantize_rows", random_quantize_rows, 0xc953daf5f00ce888ull},
    {"embedding", random_embedding, 0xe774214372c7fdc3ull},
};

class TransformerRows : public ::testing::TestWithParam<Family> {};

TEST_P(TransformerRows, VectorKernelsHaveTheBitsOfTheReference) {
  for (std::uint64_t i = 0; i < 300; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    Random random(test_seed() * 1000003 + i);
    expect_same_bytes(GetParam().draw(random));
    if (HasFailure()) return;
  }
}

TEST_P(TransformerRows, ChecksumsAreTheSameOnEveryMachine) {
  std::uint64_t sum = 14695981039346656037ull;
  SingleWorker single;
  for (std::uint64_t i = 0; i < 60; ++i) {
    Random random(2026000 + i);
    const auto bytes = run_bytes(GetParam().draw(random), Kernel::kVector, single);
    sum = checksum({reinterpret_cast<const std::uint32_t*>(bytes.data()), bytes.size() / 4}, sum);
  }
  EXPECT_EQ(sum, GetParam().golden) << GetParam().name << ": 0x" << std::hex << sum;
}

INSTANTIATE_TEST_SUITE_P(All, TransformerRows, ::testing::ValuesIn(kFamilies),
                         [](const auto& family) { return std::string(family.param.name); });

// --- RmsNorm ---

struct NormCase {
  ByteTensor x, weight;
  RmsNormAttributes attributes;

  NormCase(Random& random, std::uint32_t rows, std::uint32_t width)
      : x(DType::kF32, {rows, width}), weight(DType::kF32, {width}) {
    x.fill_floats(random, 4.0f, false);
    weight.fill_floats(random, 2.0f, false);
    attributes.width = width;
  }
  ByteCase step(DType type, std::uint32_t rows) const {
    const std::uint32_t width = attributes.width;
    const bool bytes = type == DType::kU8;
    const auto columns = bytes ? static_cast<std::uint32_t>(quantized_row_bytes(width)) : width;
    return {
        OpCode::kRmsNorm, {x, weight}, {ByteTensor(type, {rows, columns})}, words_of(attributes)};
  }
};

TEST(RmsNorm, IsTheTextbooksWithinItsBound) {
  SingleWorker single;
  Random random(test_seed());
  for (int i = 0; i < 50; ++i) {
    const std::uint32_t width = random.integer(1, 300);
    NormCase test(random, 2, width);
    test.attributes.epsilon = random.pick({0.0f, 1e-5f, 0.3f});
    const auto bytes = run_bytes(test.step(DType::kF32, 2), Kernel::kReference, single);
    for (std::size_t at = 0; at < std::size_t{2} * width; ++at) {
      double squares = 0;
      for (std::size_t k = 0; k < width; ++k) {
        squares += std::pow(static_cast<double>(test.x.get<float>(at / width * width + k)), 2);
      }
      const double expected =
          static_cast<double>(test.x.get<float>(at)) /
          std::sqrt(squares / width + static_cast<double>(test.attributes.epsilon)) *
          static_cast<double>(test.weight.get<float>(at % width));
      float y;
      std::memcpy(&y, &bytes[4 * at], 4);
      const double roundings = (width / 16.0 + 7) / 2 + 5;
      ASSERT_LE(std::fabs(static_cast<double>(y) - expected),
                roundings * 1.01 / (1 << 24) * std::fabs(expected));
    }
  }
}

TEST(RmsNorm, TheLastRowInUseIsTheRowThatAllWouldGive) {
  SingleWorker single;
  Random random(test_seed());
  for (const DType type : {DType::kF32, DType::kU8}) {
    NormCase test(random, 7, 45);
    const auto all = run_bytes(test.step(type, 7), Kernel::kVector, single);
    test.attributes.last = 1;
    for (std::uint32_t rows = 1; rows <= 9; ++rows) {
      ByteCase last = test.step(type, 1);
      last.rows = rows;
      const auto one = run_bytes(last, Kernel::kVector, single);
      const std::size_t row = std::min(rows, 7u) - 1;
      ASSERT_EQ(std::memcmp(one.data(), all.data() + row * one.size(), one.size()), 0) << rows;
    }
  }
}

TEST(RmsNorm, QuantisedIsTheNormQuantised) {
  SingleWorker single;
  Random random(test_seed());
  NormCase test(random, 5, 77);
  const auto fused = run_bytes(test.step(DType::kU8, 5), Kernel::kVector, single);
  const auto plain = run_bytes(test.step(DType::kF32, 5), Kernel::kVector, single);
  ByteTensor y(DType::kF32, {5, 77});
  std::memcpy(y.data(), plain.data(), plain.size());
  y.refresh();
  EXPECT_EQ(quantized_rows(y).bytes(), fused);
}

// --- QuantizeRows ---

std::vector<QuantizedBlock> blocks_of_row(const std::vector<float>& row) {
  const auto width = static_cast<std::uint32_t>(row.size());
  ByteTensor x(DType::kF32, {1, width});
  for (std::uint32_t k = 0; k < width; ++k) x.set(k, row[k]);
  const std::vector<std::byte> bytes = quantized_rows(x).bytes();
  std::vector<QuantizedBlock> blocks(bytes.size() / sizeof(QuantizedBlock));
  std::memcpy(blocks.data(), bytes.data(), bytes.size());
  return blocks;
}

TEST(QuantizeRows, NumbersAreWithinHalfAStep) {
  Random random(test_seed());
  std::vector<float> row(333);
  for (float& x : row) x = random.real() * random.pick({1e-20f, 1.0f, 1e20f});
  const auto blocks = blocks_of_row(row);
  ASSERT_EQ(blocks.size(), 11u);
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    int sum = 0, largest = 0;
    for (std::size_t j = 0; j < kBlock; ++j) {
      const int byte = blocks[b].bytes[j];
      sum += byte;
      largest = std::max(largest, std::abs(byte));
      const std::size_t k = b * kBlock + j;
      const float x = k < row.size() ? row[k] : 0.0f;
      ASSERT_LE(std::fabs(static_cast<double>(x) - static_cast<double>(blocks[b].scale) * byte),
                0.50002 * static_cast<double>(blocks[b].scale));
    }
    EXPECT_EQ(largest, 127);
    EXPECT_EQ(blocks[b].minus_8_sums, -8 * sum);
    EXPECT_EQ(blocks[b].minus_128_sums, -128 * sum);
    EXPECT_EQ(blocks[b].zero, 0u);
  }
}

TEST(QuantizeRows, ZeroesAndWhatIsNoNumber) {
  std::vector<float> row(128, 1.0f);
  std::fill_n(row.begin(), 32, 0.0f);
  row[3] = -0.0f;
  std::fill_n(row.begin() + 32, 32, 0x0.9p-100f);
  row[70] = std::nanf("");
  row[100] = -INFINITY;
  const auto blocks = blocks_of_row(row);
  EXPECT_EQ(blocks[0].scale, 0.0f);
  EXPECT_EQ(blocks[1].scale, 0.0f);
  EXPECT_TRUE(std::isnan(blocks[2].scale));
  EXPECT_TRUE(std::isnan(blocks[3].scale));
  for (const QuantizedBlock& block : blocks) {
    for (const std::int8_t byte : block.bytes) EXPECT_EQ(byte, 0);
  }
}

// --- Embedding ---

TEST(Embedding, GivesRowsOfTheMatrix) {
  Random random(test_seed());
  SingleWorker single;
  for (const BlockFormat format :
       {BlockFormat::kF32, BlockFormat::kF16, BlockFormat::kQ8_0, BlockFormat::kQ4_0}) {
    const std::uint32_t vocabulary = 37, width = 70;
    const auto plain = random_plain(random, format, vocabulary, width, false);
    const auto bytes = static_cast<std::uint32_t>(packed_bytes(format, vocabulary, width));
    ByteTensor tokens(DType::kI32, {vocabulary}), matrix(DType::kU8, {bytes});
    ASSERT_TRUE(pack_matrix(format, plain, vocabulary, width, {matrix.data(), bytes}));
    for (std::uint32_t i = 0; i < vocabulary; ++i) tokens.set(i, static_cast<int>(i * 5 % 37));
    const ByteCase test{OpCode::kEmbedding,
                        {tokens, matrix},
                        {ByteTensor(DType::kF32, {vocabulary, width})},
                        words_of(EmbeddingAttributes{format, vocabulary, width})};
    const auto result = run_bytes(test, Kernel::kVector, single);
    const std::size_t row = plain_row_bytes(format, width);
    for (std::uint32_t i = 0; i < vocabulary; ++i) {
      std::vector<float> expected(width), given(width);
      ASSERT_TRUE(dequantize_row(format, ByteSpan(plain).subspan(i * 5 % 37 * row, row), expected));
      std::memcpy(given.data(), &result[i * width * 4], width * 4);
      ASSERT_EQ(given, expected);
    }
  }
}

TEST(Embedding, RefusesTokensOutOfRangeAmongThoseInUse) {
  const std::uint32_t bytes = packed_bytes(BlockFormat::kF32, 5, 3);
  for (const std::int32_t bad : {-1, 5, 0x7fffffff, -0x7fffffff - 1}) {
    std::vector<std::int32_t> tokens = {4, 0, bad};
    std::vector<std::byte> matrix(bytes), y(3 * 3 * 4, std::byte{0xa5});
    TensorView views[3];
    views[0] = {reinterpret_cast<std::byte*>(tokens.data()), {3}, 3, DType::kI32, 1};
    views[1] = {matrix.data(), {bytes}, bytes, DType::kU8, 1};
    views[2] = {y.data(), {3, 3}, 3, DType::kF32, 2};
    const TensorView* pointers[] = {&views[0], &views[1], &views[2]};
    const auto words = words_of(EmbeddingAttributes{BlockFormat::kF32, 5, 3});
    const std::span<const TensorView* const> all(pointers);
    const Step step{Kernel::kVector, all.first(2), all.subspan(2), words};
    const Operator& embedding = *find_operator(static_cast<std::uint16_t>(OpCode::kEmbedding));
    ASSERT_EQ(embedding.check(step), Status::kOk);
    SingleWorker single;
    RunContext context{single};
    EXPECT_EQ(embedding.run(step, context), Status::kIndexOutOfRange) << bad;
    for (const std::byte byte : y) EXPECT_EQ(byte, std::byte{0xa5}) << "wrote before it refused";
    context.rows = 2;
    EXPECT_EQ(embedding.run(step, context), Status::kOk);
  }
}

// --- what the checks refuse ---

template <typename Attributes, typename Change>
Status after(ByteCase test, Change change) {
  EXPECT_EQ(check_bytes(test), Status::kOk);
  Attributes attributes;
  EXPECT_TRUE(read_attributes(test.attributes, &attributes));
  change(attributes);
  test.attributes = words_of(attributes);
  return check_bytes(test);
}

TEST(HostileRows, RmsNorm) {
  using A = RmsNormAttributes;
  Random random(1);
  const NormCase norm(random, 3, 40);
  const ByteCase fine = norm.step(DType::kF32, 3);
  for (const float epsilon : {-1e-9f, std::nanf(""), INFINITY}) {
    EXPECT_EQ(after<A>(fine, [=](A& a) { a.epsilon = epsilon; }), Status::kBadAttribute);
  }
  EXPECT_EQ(after<A>(fine, [](A& a) { a.width = 0; }), Status::kBadAttribute);
  EXPECT_EQ(after<A>(fine, [](A& a) { a.width = 0xffffffffu; }), Status::kBadAttribute);
  EXPECT_EQ(after<A>(fine, [](A& a) { a.width = 41; }), Status::kShapeMismatch);
  EXPECT_EQ(after<A>(fine, [](A& a) { a.last = 2; }), Status::kBadAttribute);
  EXPECT_EQ(after<A>(fine, [](A& a) { a.last = 1; }), Status::kShapeMismatch);
  EXPECT_EQ(check_bytes(norm.step(DType::kU8, 3)), Status::kOk);
  EXPECT_EQ(check_bytes(norm.step(DType::kF32, 4)), Status::kShapeMismatch);
  EXPECT_EQ(check_bytes(norm.step(DType::kI8, 3)), Status::kDtypeMismatch);
  ByteCase other = fine;
  other.inputs[1] = ByteTensor(DType::kF32, {39});
  EXPECT_EQ(check_bytes(other), Status::kShapeMismatch);
  other = fine;
  other.inputs[0] = ByteTensor(DType::kF32, {3, 40}, 1);
  EXPECT_EQ(check_bytes(other), Status::kShapeMismatch);
}

TEST(HostileRows, QuantizeRows) {
  using A = QuantizeRowsAttributes;
  const auto row = static_cast<std::uint32_t>(quantized_row_bytes(40));
  const auto step = [](ByteTensor x, ByteTensor y) {
    return ByteCase{OpCode::kQuantizeRows, {x}, {y}, words_of(A{40})};
  };
  const ByteTensor x(DType::kF32, {3, 40});
  const ByteCase fine = step(x, ByteTensor(DType::kU8, {3, row}));
  EXPECT_EQ(after<A>(fine, [](A& a) { a.width = 0; }), Status::kBadAttribute);
  EXPECT_EQ(after<A>(fine, [](A& a) { a.width = (1u << 24) + 1; }), Status::kBadAttribute);
  EXPECT_EQ(after<A>(fine, [](A& a) { a.width = 41; }), Status::kShapeMismatch);
  EXPECT_EQ(check_bytes(step(x, ByteTensor(DType::kU8, {3, row - 48}))), Status::kShapeMismatch);
  EXPECT_EQ(check_bytes(step(x, ByteTensor(DType::kU8, {2, row}))), Status::kShapeMismatch);
  EXPECT_EQ(check_bytes(step(x, ByteTensor(DType::kI8, {3, row}))), Status::kDtypeMismatch);
  EXPECT_EQ(check_bytes(step(x, ByteTensor(DType::kU8, {3, row}, 16))), Status::kShapeMismatch);
}

TEST(HostileRows, Embedding) {
  using A = EmbeddingAttributes;
  Random random(3);
  ByteCase fine = random_embedding(random);
  A attributes;
  EXPECT_TRUE(read_attributes(fine.attributes, &attributes));
  EXPECT_EQ(after<A>(fine, [](A& a) { a.format = static_cast<BlockFormat>(4); }),
            Status::kBadAttribute);
  EXPECT_EQ(after<A>(fine, [](A& a) { a.vocabulary = 0; }), Status::kBadAttribute);
  EXPECT_EQ(after<A>(fine, [](A& a) { a.vocabulary = 0x80000000u; }), Status::kBadAttribute);
  EXPECT_EQ(after<A>(fine, [](A& a) { a.vocabulary += 16; }), Status::kShapeMismatch);
  EXPECT_EQ(after<A>(fine, [](A& a) { a.width += 1; }), Status::kShapeMismatch);
  EXPECT_EQ(after<A>(fine, [](A& a) { a.width = 0; }), Status::kBadAttribute);
  fine.inputs[0] = ByteTensor(DType::kI64, {fine.inputs[0].view().dims[0]});
  EXPECT_EQ(check_bytes(fine), Status::kDtypeMismatch);
}

}  // namespace
}  // namespace sz::ops::testing
