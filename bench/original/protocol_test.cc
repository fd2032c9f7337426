// The baseline's TA and what it refuses, through the entry points that the device has too.

#include "bench/original/protocol.h"

#include <gtest/gtest.h>

#include <cstring>

#include "bench/original/channel.h"
#include "bench/original/layer.h"

namespace sz::original {
namespace {

constexpr std::uint32_t kSuccess = 0;
constexpr std::uint32_t kBadParameters = 0xffff0006;
constexpr std::uint32_t kBadState = 0xffff0007;

class OriginalProtocol : public ::testing::Test {
 protected:
  std::uint32_t invoke(std::uint32_t command, Call call) { return channel_->invoke(command, call); }
  std::uint32_t add(const LayerRecord& record) {
    std::memcpy(channel_->shared().data(), &record, sizeof(record));
    return invoke(ORIGINAL_CMD_ADD_LAYER, {.memory = Call::Memory::kIn, .bytes = sizeof(record)});
  }
  static LayerRecord relu(std::uint32_t input) {
    LayerRecord record;
    record.kind = static_cast<std::uint32_t>(LayerKind::kClamp);
    record.input_count = 1;
    record.inputs[0] = input;
    record.output_elements = 4;
    record.clamp.low = 0;
    return record;
  }

  std::unique_ptr<Channel> channel_ = open_host_channel(4096);
};

TEST_F(OriginalProtocol, BuildsRunsAndAccountsForItsMemory) {
  ASSERT_EQ(invoke(ORIGINAL_CMD_ADD_INPUT, {.a = 4}), kSuccess);
  ASSERT_EQ(add(relu(0)), kSuccess);
  ASSERT_EQ(invoke(ORIGINAL_CMD_FINISH, {}), kSuccess);
  const float input[4] = {-1, 2, -3, 4};
  std::memcpy(channel_->shared().data(), input, sizeof(input));
  ASSERT_EQ(invoke(ORIGINAL_CMD_SET_INPUT, {.memory = Call::Memory::kIn, .bytes = 16}), kSuccess);
  ASSERT_EQ(invoke(ORIGINAL_CMD_FORWARD, {}), kSuccess);
  ASSERT_EQ(invoke(ORIGINAL_CMD_GET_OUTPUT, {.memory = Call::Memory::kOut, .bytes = 16, .a = 1}),
            kSuccess);
  float output[4];
  std::memcpy(output, channel_->shared().data(), sizeof(output));
  EXPECT_EQ(output[0], 0);
  EXPECT_EQ(output[1], 2);
  EXPECT_EQ(output[2], 0);
  EXPECT_EQ(output[3], 4);
  Call call;
  ASSERT_EQ(channel_->invoke(ORIGINAL_CMD_MEMORY, call), kSuccess);
  EXPECT_EQ(call.out_a, 16u + sizeof(LayerRecord) + 16u);
  EXPECT_EQ(call.out_b, 0u);
}

TEST_F(OriginalProtocol, RefusesWhatDoesNotFit) {
  EXPECT_EQ(invoke(99, {}), kBadParameters);
  EXPECT_EQ(invoke(ORIGINAL_CMD_ADD_INPUT, {.a = 0}), kBadParameters);
  EXPECT_EQ(invoke(ORIGINAL_CMD_ADD_INPUT, {.a = kMaxElements + 1}), kBadParameters);
  // Other parameter types than the command's.
  EXPECT_EQ(invoke(ORIGINAL_CMD_ADD_INPUT, {.memory = Call::Memory::kIn, .bytes = 4, .a = 4}),
            kBadParameters);
  ASSERT_EQ(invoke(ORIGINAL_CMD_ADD_INPUT, {.a = 4}), kSuccess);
  EXPECT_EQ(invoke(ORIGINAL_CMD_FORWARD, {}), kBadState);
  EXPECT_EQ(invoke(ORIGINAL_CMD_ADD_LAYER, {.memory = Call::Memory::kIn, .bytes = 8}),
            kBadParameters);
  EXPECT_EQ(invoke(ORIGINAL_CMD_SET_INPUT, {.memory = Call::Memory::kIn, .bytes = 12}),
            kBadParameters);
  EXPECT_EQ(invoke(ORIGINAL_CMD_GET_OUTPUT, {.memory = Call::Memory::kOut, .bytes = 16, .a = 1}),
            kBadParameters);
  EXPECT_EQ(add(relu(7)), kBadParameters);  // a buffer that is not there
}

TEST_F(OriginalProtocol, RefusesWeightsPastTheEndAndLayersTooLate) {
  LayerRecord layer;
  layer.kind = static_cast<std::uint32_t>(LayerKind::kConnected);
  layer.input_count = 1;
  layer.axis = 4;
  layer.inner = 2;
  layer.output_elements = 2;
  layer.weight_elements = 10;
  ASSERT_EQ(invoke(ORIGINAL_CMD_ADD_INPUT, {.a = 4}), kSuccess);
  ASSERT_EQ(add(layer), kSuccess);
  const auto push = [&](std::size_t bytes, std::uint32_t offset) {
    return invoke(ORIGINAL_CMD_PUSH_WEIGHTS,
                  {.memory = Call::Memory::kIn, .bytes = bytes, .b = offset});
  };
  EXPECT_EQ(push(40, 0), kSuccess);
  EXPECT_EQ(push(8, 32), kSuccess);
  EXPECT_EQ(push(8, 36), kBadParameters);
  EXPECT_EQ(push(4, 0xfffffffc), kBadParameters);
  EXPECT_EQ(invoke(ORIGINAL_CMD_ADD_INPUT, {.a = 4}), kBadState);
  ASSERT_EQ(invoke(ORIGINAL_CMD_FINISH, {}), kSuccess);
  EXPECT_EQ(add(layer), kBadState);
  EXPECT_EQ(invoke(ORIGINAL_CMD_FORWARD, {.a = 1}), kBadParameters);
}

}  // namespace
}  // namespace sz::original
