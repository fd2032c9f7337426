// The baseline's TA in the TEE, over the GlobalPlatform client API.

#include <tee_client_api.h>

#include <cstdio>
#include <string>

#include "bench/original/channel.h"
#include "bench/original/protocol.h"

namespace sz::original {
namespace {

constexpr TEEC_UUID kUuid = ORIGINAL_TA_UUID;

void demand(TEEC_Result result, const char* what) {
  if (result == TEEC_SUCCESS) return;
  char code[16];
  std::snprintf(code, sizeof(code), "0x%08x", result);
  throw Error(ErrorKind::kDevice,
              std::string(what) + " failed with " + code +
                  " (is the baseline's TA " ORIGINAL_TA_UUID_TEXT
                  " installed, and has the device secure memory for its heap?)");
}

class Context {
 public:
  Context() { demand(TEEC_InitializeContext(nullptr, &context_), "connecting to the TEE"); }
  ~Context() { TEEC_FinalizeContext(&context_); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  TEEC_Context* get() { return &context_; }

 private:
  TEEC_Context context_{};
};

class TeecSession {
 public:
  explicit TeecSession(TEEC_Context* context) {
    demand(
        TEEC_OpenSession(context, &session_, &kUuid, TEEC_LOGIN_PUBLIC, nullptr, nullptr, nullptr),
        "opening a session of the baseline");
  }
  ~TeecSession() { TEEC_CloseSession(&session_); }
  TeecSession(const TeecSession&) = delete;
  TeecSession& operator=(const TeecSession&) = delete;
  TEEC_Session* get() { return &session_; }

 private:
  TEEC_Session session_{};
};

class SharedMemory {
 public:
  SharedMemory(TEEC_Context* context, std::size_t bytes) {
    memory_.size = bytes;
    memory_.flags = TEEC_MEM_INPUT | TEEC_MEM_OUTPUT;
    demand(TEEC_AllocateSharedMemory(context, &memory_), "sharing memory with the TEE");
  }
  ~SharedMemory() { TEEC_ReleaseSharedMemory(&memory_); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  TEEC_SharedMemory* get() { return &memory_; }

 private:
  TEEC_SharedMemory memory_{};
};

class TeecChannel final : public Channel {
 public:
  explicit TeecChannel(std::size_t shared_bytes)
      : session_(context_.get()), shared_(context_.get(), shared_bytes) {}

  std::span<std::byte> shared() override {
    return {static_cast<std::byte*>(shared_.get()->buffer), shared_.get()->size};
  }

  std::uint32_t invoke(std::uint32_t command, Call& call) override {
    constexpr std::uint32_t kMemory[] = {TEEC_NONE, TEEC_MEMREF_PARTIAL_INPUT,
                                         TEEC_MEMREF_PARTIAL_OUTPUT};
    TEEC_Operation operation{};
    operation.paramTypes = TEEC_PARAM_TYPES(kMemory[static_cast<int>(call.memory)],
                                            TEEC_VALUE_INPUT, TEEC_VALUE_OUTPUT, TEEC_NONE);
    if (call.memory != Call::Memory::kNone) {
      operation.params[0].memref = {shared_.get(), call.bytes, 0};
    }
    operation.params[1].value = {call.a, call.b};
    const TEEC_Result result = TEEC_InvokeCommand(session_.get(), command, &operation, nullptr);
    call.out_a = operation.params[2].value.a;
    call.out_b = operation.params[2].value.b;
    return result;
  }

 private:
  Context context_;  // declared first: closed last
  TeecSession session_;
  SharedMemory shared_;
};

}  // namespace

std::unique_ptr<Channel> open_teec_channel(std::size_t shared_bytes) {
  return std::make_unique<TeecChannel>(shared_bytes);
}

}  // namespace sz::original
