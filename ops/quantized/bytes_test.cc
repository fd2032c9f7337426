// Every quantised operator: the vector kernels give the reference's bytes, for every instruction
// set, any workers and pitches; and write nothing else. Checksums are the same on x86 and Arm.
#include <gtest/gtest.h>

#include <cstring>

#include "ops/quantized/testing/byte_cases.h"
#include "ops/quantized/testing/product_cases.h"

namespace sz::ops::testing {
namespace {

struct Family {
  const char* name;
  ByteCase (*draw)(Random&);
  std::uint64_t golden;  // checksum of the outputs of kGoldenCases cases from seed 2026
};

constexpr int kGoldenCases = 60;

const Family kFamilies[] = {
    {"quantize", random_quantize, 0x93257ce86280d424ull},
    {"dequantize", random_dequantize, 0xbcc623fd8d026160ull},
    {"requantize", random_requantize, 0xf7452fb17c893909ull},
    {"lookup", random_lookup, 0x188f6728ae31bd77ull},
    {"qconv", [](Random& r) { return random_qconv(r, QConvKind::kDense).step; },
     0x97ec35b18a24348ull},
    {"grouped_qconv", [](Random& r) { return random_qconv(r, QConvKind::kGrouped).step; },
     0x863019745857ecdaull},
    {"depthwise_qconv", [](Random& r) { return random_qconv(r, QConvKind::kDepthwise).step; },
     0x12019e89fccc4d03ull},
    {"few_channels_qconv", [](Random& r) { return random_qconv(r, QConvKind::kFewChannels).step; },
     0x3721cc6d8a10d552ull},
    {"pointwise_qconv", [](Random& r) { return random_qconv(r, QConvKind::kPointwise).step; },
     0x61ff3cbbde42328eull},
    {"qfully_connected", [](Random& r) { return random_qfully_connected(r).step; },
     0x6ee97d4992ad16a3ull},
    {"qbinary", random_qbinary, 0x9b9e0c556cc7109dull},
    {"qpool", random_qpool, 0x5c8388a802e5f6b6ull},
    {"byte_max_pool", random_byte_max_pool, 0x41a16e18b556f164ull},
    {"qglobal_average_pool", random_qglobal_average_pool, 0xfe39a7c6c73a4378ull},
    {"qsoftmax", random_qsoftmax, 0x74a9ce2a22e7a993ull},
    {"qmatmul", random_qmatmul, 0x57059f517acf9249ull},
    {"dynamic_quantize", random_dynamic_quantize, 0xf4d732b62a900236ull},
};

std::vector<std::uint32_t> as_words(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()),
          reinterpret_cast<const std::uint8_t*>(bytes.data()) + bytes.size()};
}

class QuantizedBytes : public ::testing::TestWithParam<Family> {};

TEST_P(QuantizedBytes, OfVectorKernelsAreThoseOfTheReference) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t i = 0; i < 300; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 1000003 + i);
    expect_same_bytes(GetParam().draw(random));
    if (HasFailure()) return;
  }
}

TEST_P(QuantizedBytes, AreTheSameOnEveryMachine) {
  std::uint64_t sum = 14695981039346656037ull;
  SingleWorker single;
  for (int i = 0; i < kGoldenCases; ++i) {
    Random random(2026000 + static_cast<std::uint64_t>(i));
    sum = checksum(as_words(run_bytes(GetParam().draw(random), Kernel::kVector, single)), sum);
  }
  EXPECT_EQ(sum, GetParam().golden) << GetParam().name << ": 0x" << std::hex << sum;
}

INSTANTIATE_TEST_SUITE_P(All, QuantizedBytes, ::testing::ValuesIn(kFamilies),
                         [](const auto& family) { return std::string(family.param.name); });

}  // namespace
}  // namespace sz::ops::testing
