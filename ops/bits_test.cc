// Every operator: the vector kernels give the reference's bits, for every instruction set, any
// workers, any pitches and the strangest values; and they write nothing else. The checksums below
// are the same on x86 and Arm: that is what proves one package gives one result everywhere.
#include <gtest/gtest.h>

#include "ops/testing/random_cases.h"
#include "ops/testing/random_matrix.h"

namespace sz::ops::testing {
namespace {

struct Family {
  const char* name;
  Case (*draw)(Random&);
  std::uint64_t golden;  // checksum of the outputs of kGoldenCases cases from seed 2026
};

constexpr int kGoldenCases = 60;

const Family kFamilies[] = {
    {"conv", [](Random& r) { return random_conv(r, ConvKind::kDense).step; },
     0x6741f85f3a287603ull},
    {"grouped_conv", [](Random& r) { return random_conv(r, ConvKind::kGrouped).step; },
     0x3292d245b342774eull},
    {"depthwise_conv", [](Random& r) { return random_conv(r, ConvKind::kDepthwise).step; },
     0x9cd9fe640f0c149eull},
    {"fused_conv", random_fused_conv, 0x53fcd3c78c2c2387ull},
    {"winograd", [](Random& r) { return random_winograd(r).step; }, 0xef84e65bf74fb383ull},
    {"fully_connected", [](Random& r) { return random_fully_connected(r).step; },
     0xee28341dbf836592ull},
    {"pool", random_pool, 0x0e1dd73c60a02a4bull},
    {"global_average_pool", random_global_average_pool, 0x659060aa9b307283ull},
    {"unary", random_unary, 0x978c293b01257ccaull},
    {"leaky_relu", random_leaky_relu, 0xb87e6c50c93bacbdull},
    {"binary", random_binary, 0xef4ee60a006f7277ull},
    {"activation", random_activation, 0x722431457b233cabull},
    {"operation", random_operation, 0xdc5f2725df830e10ull},
    {"softmax", random_softmax, 0x9319c1f90c5e731aull},
    {"log_softmax", random_log_softmax, 0xcbecba0445100003ull},
    {"reduce", random_reduce, 0xd6d08082f32c71ceull},
    {"copy", random_copy, 0xee83fd06db3e463dull},
    {"transpose", random_transpose, 0x5dd5a9e9788d4b50ull},
    {"upsample", random_upsample, 0xac1d7666c98d4f8cull},
    {"matmul", random_matmul, 0x5d6f84767b099690ull},
    {"recurrent", random_recurrent, 0x5a8704e93f7152cdull},
    {"lrn", random_lrn, 0xcad14e8efa5296baull},
    {"normalize", random_normalize, 0x451ef86f837e523eull},
};

class OperatorBits : public ::testing::TestWithParam<Family> {};

TEST_P(OperatorBits, OfVectorKernelsAreThoseOfTheReference) {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t i = 0; i < 300; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", case " + std::to_string(i));
    Random random(seed * 1000003 + i);
    expect_same_bits(GetParam().draw(random));
    if (HasFailure()) return;
  }
}

TEST_P(OperatorBits, AreTheSameOnEveryMachine) {
  std::uint64_t sum = 14695981039346656037ull;
  SingleWorker single;
  for (int i = 0; i < kGoldenCases; ++i) {
    Random random(2026000 + static_cast<std::uint64_t>(i));
    sum = checksum(run_case(GetParam().draw(random), Kernel::kVector, single), sum);
  }
  EXPECT_EQ(sum, GetParam().golden) << GetParam().name << ": " << std::hex << sum;
}

INSTANTIATE_TEST_SUITE_P(All, OperatorBits, ::testing::ValuesIn(kFamilies),
                         [](const auto& family) { return std::string(family.param.name); });

}  // namespace
}  // namespace sz::ops::testing
