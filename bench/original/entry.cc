// The baseline's trusted application: entry points that hand everything to the Network.

#include <cstdint>
#include <new>

#include "bench/original/network.h"
#include "bench/original/protocol.h"

// Last: see gp.h.
#include "bench/original/gp.h"

namespace sz::original {
namespace {

void* allocate(std::size_t bytes) { return TEE_Malloc(bytes, TEE_MALLOC_FILL_ZERO); }
void release(void* memory) { TEE_Free(memory); }

constexpr std::uint32_t kNothing = TEE_PARAM_TYPE_NONE;
constexpr std::uint32_t kIn = TEE_PARAM_TYPE_MEMREF_INPUT;
constexpr std::uint32_t kOut = TEE_PARAM_TYPE_MEMREF_OUTPUT;

std::uint32_t wanted_memory(std::uint32_t command) {
  switch (command) {
    case ORIGINAL_CMD_ADD_LAYER:
    case ORIGINAL_CMD_PUSH_WEIGHTS:
    case ORIGINAL_CMD_SET_INPUT:
      return kIn;
    case ORIGINAL_CMD_GET_OUTPUT:
      return kOut;
    default:
      return kNothing;
  }
}

TEE_Result result_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return TEE_SUCCESS;
    case Outcome::kBadParameters:
      return TEE_ERROR_BAD_PARAMETERS;
    case Outcome::kBadState:
      return TEE_ERROR_BAD_STATE;
    case Outcome::kOutOfMemory:
      return TEE_ERROR_OUT_OF_MEMORY;
  }
  return TEE_ERROR_GENERIC;
}

Outcome call(Network* network, std::uint32_t command, TEE_Param params[4]) {
  auto* memory = static_cast<std::byte*>(params[0].memref.buffer);
  const std::size_t bytes = memory == nullptr ? 0 : params[0].memref.size;
  const std::uint32_t a = params[1].value.a;
  switch (command) {
    case ORIGINAL_CMD_ADD_INPUT:
      return network->add_input(a);
    case ORIGINAL_CMD_ADD_LAYER:
      return network->add_layer({memory, bytes});
    case ORIGINAL_CMD_PUSH_WEIGHTS:
      return network->push_weights(a, params[1].value.b, {memory, bytes});
    case ORIGINAL_CMD_FINISH:
      return network->finish();
    case ORIGINAL_CMD_SET_INPUT:
      return network->set_input(a, {memory, bytes});
    case ORIGINAL_CMD_FORWARD:
      return network->forward(a);
    case ORIGINAL_CMD_GET_OUTPUT:
      return network->get_output(a, {memory, bytes});
    case ORIGINAL_CMD_MEMORY:
      params[2].value.a = static_cast<std::uint32_t>(network->taken());
      params[2].value.b = static_cast<std::uint32_t>(network->taken() >> 32);
      return Outcome::kOk;
    default:
      return Outcome::kBadParameters;
  }
}

}  // namespace
}  // namespace sz::original

extern "C" {

TEE_Result TA_CreateEntryPoint(void) { return TEE_SUCCESS; }

void TA_DestroyEntryPoint(void) {}

TEE_Result TA_OpenSessionEntryPoint(std::uint32_t types, TEE_Param*, void** context) {
  *context = nullptr;
  if (types != 0) return TEE_ERROR_BAD_PARAMETERS;
  void* memory = sz::original::allocate(sizeof(sz::original::Network));
  if (memory == nullptr) return TEE_ERROR_OUT_OF_MEMORY;
  *context = new (memory) sz::original::Network(sz::original::allocate, sz::original::release);
  return TEE_SUCCESS;
}

void TA_CloseSessionEntryPoint(void* context) {
  auto* network = static_cast<sz::original::Network*>(context);
  network->~Network();
  TEE_Free(network);
}

TEE_Result TA_InvokeCommandEntryPoint(void* context, std::uint32_t command, std::uint32_t types,
                                      TEE_Param params[4]) {
  if (types != TEE_PARAM_TYPES(sz::original::wanted_memory(command), TEE_PARAM_TYPE_VALUE_INPUT,
                               TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_NONE)) {
    return TEE_ERROR_BAD_PARAMETERS;
  }
  params[2].value.a = params[2].value.b = 0;
  return sz::original::result_of(
      sz::original::call(static_cast<sz::original::Network*>(context), command, params));
}

}  // extern "C"
