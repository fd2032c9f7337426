// What the entry points say to parameters of the wrong type, size or value.

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "shim/loopback.h"
#include "ta/testing/commands.h"
#include "ta/testing/fixture.h"

namespace sz::ta::testing {
namespace {

using shim::Param;
using shim::Params;

constexpr std::uint32_t kBadParametersResult = 0xffff0006;  // TEE_ERROR_BAD_PARAMETERS

// Every parameter-type word of 16 bits, the senseless ones included, for every command.
TEST_F(TrustedApplication, RefusesEveryWrongCombinationOfParameterTypes) {
  ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights).ok());
  const std::array<std::uint32_t, 12> right = {0x2006, 0x2015, 0x2015, 0x2000, 0x2165, 0x2000,
                                               0x2006, 0x2255, 0x2166, 0x2166, 0x2216, 0x2215};
  for (std::uint32_t command = 0; command < right.size(); ++command) {
    for (std::uint32_t types = 0; types < 0x10000; ++types) {
      if (types == right[command]) continue;
      Params params;
      for (std::size_t i = 0; i < 4; ++i) {
        params[i].kind = static_cast<Param::Kind>(types >> (4 * i) & 0xf);
      }
      ASSERT_EQ(session_->invoke(command, params), kBadParametersResult)
          << "command " << command << " types 0x" << std::hex << types;
    }
  }
  EXPECT_EQ(facts().state, static_cast<std::uint32_t>(SMARTZONE_STATE_READY));
}

TEST_F(TrustedApplication, NamesAnUnknownCommand) {
  for (const std::uint32_t command : {12u, 13u, 1000u, 0xffffffffu}) {
    Params params;
    EXPECT_EQ(session_->invoke(command, params), kBadParametersResult);
    params[3].kind = Param::Kind::kValueOut;
    EXPECT_EQ(session_->invoke(command, params), 0u);
    EXPECT_EQ(params[3].a, static_cast<std::uint32_t>(Status::kBadCommand));
    EXPECT_EQ(params[3].b, command);
  }
}

TEST_F(TrustedApplication, InfoWantsRoomForTheWholeReply) {
  smartzone_info reply;
  std::memset(&reply, 0x5a, sizeof(reply));
  for (const std::size_t room : {std::size_t{0}, std::size_t{1}, sizeof(reply) - 1}) {
    Params params;
    params[0] = {.kind = Param::Kind::kMemrefOut, .data = &reply, .size = room};
    params[3].kind = Param::Kind::kValueOut;
    EXPECT_EQ(session_->invoke(SMARTZONE_CMD_INFO, params), 0u);
    EXPECT_EQ(params[3].a, static_cast<std::uint32_t>(Status::kBufferTooSmall));
    EXPECT_EQ(params[3].b, sizeof(reply));
    EXPECT_EQ(params[0].size, 0u);
  }
  EXPECT_EQ(reply.protocol_version, 0x5a5a5a5au);
}

TEST_F(TrustedApplication, TakesNullForNoBytesWhateverTheSizeSays) {
  const Bytes null_with_size(static_cast<const std::byte*>(nullptr), 4096);
  EXPECT_EQ(load_begin(invoke_, null_with_size).status, Status::kPlanTruncated);
  ASSERT_TRUE(load_begin(invoke_, plan_.plan).ok());
  EXPECT_EQ(load_weights(invoke_, null_with_size, 0).status, Status::kBadParameters);
  ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights).ok());
  std::vector<std::byte> outputs(64);
  EXPECT_EQ(run(invoke_, null_with_size, &outputs).status, Status::kInputSize);

  Params params;
  const std::vector<std::byte> image = inputs();
  params[0] = {.kind = Param::Kind::kMemrefIn,
               .data = const_cast<std::byte*>(image.data()),
               .size = image.size()};
  params[1] = {.kind = Param::Kind::kMemrefOut, .data = nullptr, .size = 64};
  params[2] = {.kind = Param::Kind::kValueIn, .a = 0, .b = 1};
  params[3] = {.kind = Param::Kind::kValueOut};
  EXPECT_EQ(session_->invoke(SMARTZONE_CMD_RUN, params), 0u);
  EXPECT_EQ(params[3].a, static_cast<std::uint32_t>(Status::kBufferTooSmall));
  EXPECT_EQ(params[1].size, 0u);
}

TEST_F(TrustedApplication, RunChecksSizesEntryAndCores) {
  ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights, 2).ok());
  const std::vector<std::byte> image = inputs();
  const smartzone_info now = facts();
  const auto attempt = [&](std::size_t in, std::size_t out, std::uint32_t entry,
                           std::uint32_t cores) {
    std::vector<std::byte> bytes = image;
    bytes.resize(in);
    std::vector<std::byte> outputs(out);
    const Reply reply = run(invoke_, bytes, &outputs, entry, cores);
    EXPECT_EQ(outputs.size(), reply.ok() ? now.outputs_bytes : 0u);
    return reply;
  };
  const std::size_t in = now.inputs_bytes;
  const std::size_t out = now.outputs_bytes;
  EXPECT_EQ(attempt(in - 1, out, 0, 1).status, Status::kInputSize);
  EXPECT_EQ(attempt(in + 1, out, 0, 1).detail, in);
  EXPECT_EQ(attempt(in, out - 1, 0, 1).status, Status::kBufferTooSmall);
  EXPECT_EQ(attempt(in, 0, 0, 1).detail, out);
  EXPECT_EQ(attempt(in, out, 1, 1).status, Status::kBadEntryPoint);
  EXPECT_EQ(attempt(in, out, 0xffffffff, 1).status, Status::kBadEntryPoint);
  EXPECT_EQ(attempt(in, out, 0, 0).status, Status::kBadParameters);
  EXPECT_EQ(attempt(in, out, 0, 3).status, Status::kBadParameters);
  EXPECT_TRUE(attempt(in, out, 0, 2).ok());
  EXPECT_TRUE(attempt(in, out + 1, 0, 1).ok());
  EXPECT_EQ(facts().state, static_cast<std::uint32_t>(SMARTZONE_STATE_READY));
}

TEST_F(TrustedApplication, LoadBeginChecksTheCores) {
  for (const std::uint32_t cores : {0u, SMARTZONE_MAX_CORES + 1u, 0xffffffffu}) {
    EXPECT_EQ(load_begin(invoke_, plan_.plan, cores).status, Status::kBadParameters);
    expect_empty();
  }
  EXPECT_TRUE(load_begin(invoke_, plan_.plan, SMARTZONE_MAX_CORES).ok());
}

}  // namespace
}  // namespace sz::ta::testing
