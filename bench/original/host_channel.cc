// The baseline's own TA sources in this process, over shim/'s heap. A call costs nothing but a
// function call, and shared memory is passed without a copy: the baseline loses no time here.

#include <vector>

#include "bench/original/channel.h"

// Last: see gp.h.
#include "bench/original/gp.h"

namespace sz::original {
namespace {

class HostChannel final : public Channel {
 public:
  explicit HostChannel(std::size_t shared_bytes) : shared_(shared_bytes) {
    TEE_Param params[4] = {};
    if (TA_CreateEntryPoint() != TEE_SUCCESS ||
        TA_OpenSessionEntryPoint(0, params, &context_) != TEE_SUCCESS) {
      throw Error(ErrorKind::kDevice, "the baseline's session could not be opened");
    }
  }
  ~HostChannel() override {
    TA_CloseSessionEntryPoint(context_);
    TA_DestroyEntryPoint();
  }

  std::span<std::byte> shared() override { return shared_; }

  std::uint32_t invoke(std::uint32_t command, Call& call) override {
    constexpr std::uint32_t kMemory[] = {TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_MEMREF_INPUT,
                                         TEE_PARAM_TYPE_MEMREF_OUTPUT};
    TEE_Param params[4] = {};
    params[0].memref = {shared_.data(), call.bytes};
    params[1].value = {call.a, call.b};
    const TEE_Result result = TA_InvokeCommandEntryPoint(
        context_, command,
        TEE_PARAM_TYPES(kMemory[static_cast<int>(call.memory)], TEE_PARAM_TYPE_VALUE_INPUT,
                        TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_NONE),
        params);
    call.out_a = params[2].value.a;
    call.out_b = params[2].value.b;
    return result;
  }

 private:
  std::vector<std::byte> shared_;
  void* context_ = nullptr;
};

}  // namespace

std::unique_ptr<Channel> open_host_channel(std::size_t shared_bytes) {
  return std::make_unique<HostChannel>(shared_bytes);
}

}  // namespace sz::original
