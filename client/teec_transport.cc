// The TEE back end, over the GlobalPlatform client API (libteec).

#include <tee_client_api.h>

#include <cstring>

#include "client/errors.h"
#include "client/tee_statistics.h"
#include "client/teec_context.h"
#include "client/transport.h"
#include "protocol/commands.h"

namespace sz::client {
namespace {

constexpr TEEC_UUID kTaUuid = SMARTZONE_TA_UUID;

class TeecBuffer final : public SharedBuffer {
 public:
  TeecBuffer(TEEC_Context& context, std::size_t bytes) {
    memory_.size = bytes;
    memory_.flags = TEEC_MEM_INPUT | TEEC_MEM_OUTPUT;
    const TEEC_Result result = TEEC_AllocateSharedMemory(&context, &memory_);
    if (result != TEEC_SUCCESS) throw tee_error(Stage::kShareMemory, result, kOriginApi);
    std::memset(memory_.buffer, 0, bytes);
  }
  ~TeecBuffer() override { TEEC_ReleaseSharedMemory(&memory_); }

  std::span<std::byte> bytes() override {
    return {static_cast<std::byte*>(memory_.buffer), memory_.size};
  }
  TEEC_SharedMemory* memory() { return &memory_; }

 private:
  TEEC_SharedMemory memory_{};
};

// Fills parameter i of an operation and returns its type.
std::uint32_t fill(const Parameter& from, TEEC_Parameter* to) {
  switch (from.kind) {
    case Parameter::Kind::kNone:
      return TEEC_NONE;
    case Parameter::Kind::kValueIn:
      to->value.a = from.a;
      to->value.b = from.b;
      return TEEC_VALUE_INPUT;
    case Parameter::Kind::kValueOut:
      return TEEC_VALUE_OUTPUT;
    case Parameter::Kind::kMemoryIn:
    case Parameter::Kind::kMemoryOut:
      to->memref.parent = static_cast<TeecBuffer*>(from.buffer)->memory();
      to->memref.offset = 0;
      to->memref.size = from.size;
      return from.kind == Parameter::Kind::kMemoryIn ? TEEC_MEMREF_PARTIAL_INPUT
                                                     : TEEC_MEMREF_PARTIAL_OUTPUT;
  }
  return TEEC_NONE;
}

class TeecTransport final : public Transport {
 public:
  TeecTransport() {
    std::uint32_t origin = 0;
    const TEEC_Result result = TEEC_OpenSession(&context_.get(), &session_, &kTaUuid,
                                                TEEC_LOGIN_PUBLIC, nullptr, nullptr, &origin);
    if (result != TEEC_SUCCESS) throw tee_error(Stage::kOpenSession, result, origin);
  }
  ~TeecTransport() override { TEEC_CloseSession(&session_); }

  Backend backend() const override { return Backend::kTee; }

  std::unique_ptr<SharedBuffer> allocate(std::size_t bytes) override {
    return std::make_unique<TeecBuffer>(context_.get(), bytes);
  }

  CallResult invoke(std::uint32_t command, Parameters& parameters) override {
    TEEC_Operation operation{};
    std::array<std::uint32_t, 4> types{};
    for (std::size_t i = 0; i < types.size(); ++i) {
      types[i] = fill(parameters[i], &operation.params[i]);
    }
    operation.paramTypes = TEEC_PARAM_TYPES(types[0], types[1], types[2], types[3]);
    std::uint32_t origin = 0;
    const TEEC_Result result = TEEC_InvokeCommand(&session_, command, &operation, &origin);
    if (result == TEEC_SUCCESS) store(operation, parameters);
    return {result, origin};
  }

  SecurePool pool() override { return tee_pool(context_.get()); }
  std::string description() override { return tee_version(); }
  SecureCores secure_cores() override { return query_tee_secure_cores(); }
  OpenLender lender_opener() override { return open_tee_lender; }

 private:
  static void store(const TEEC_Operation& operation, Parameters& parameters) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i].kind == Parameter::Kind::kValueOut) {
        parameters[i].a = operation.params[i].value.a;
        parameters[i].b = operation.params[i].value.b;
      } else if (parameters[i].kind == Parameter::Kind::kMemoryOut) {
        parameters[i].size = operation.params[i].memref.size;
      }
    }
  }

  TeecContext context_;  // declared first: closed last
  TEEC_Session session_{};
};

}  // namespace

std::unique_ptr<Transport> open_teec_transport() { return std::make_unique<TeecTransport>(); }

}  // namespace sz::client
