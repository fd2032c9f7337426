// The five entry points of a trusted application: parameters in, parameters out, nothing else.
// All state is in the session, so that several instances can live in one process (see shim/).

#include <cstdint>
#include <new>

#include "base/memory.h"
#include "base/status.h"
#include "protocol/commands.h"
#include "ta/session.h"

// Last: see ta/gp.h.
#include "ta/gp.h"

namespace sz::ta {
namespace {

constexpr std::uint32_t kNoInputs = TEE_PARAM_TYPES(
    TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_VALUE_OUTPUT);
constexpr std::uint32_t kBytesAndValue =
    TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_INPUT, TEE_PARAM_TYPE_VALUE_INPUT, TEE_PARAM_TYPE_NONE,
                    TEE_PARAM_TYPE_VALUE_OUTPUT);

constexpr std::uint32_t kFacts = TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_OUTPUT, TEE_PARAM_TYPE_NONE,
                                                 TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_VALUE_OUTPUT);

constexpr std::uint32_t kComputes =
    TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_OUTPUT, TEE_PARAM_TYPE_MEMREF_OUTPUT,
                    TEE_PARAM_TYPE_VALUE_INPUT, TEE_PARAM_TYPE_VALUE_OUTPUT);

// A command: the only parameter types that it takes, and what it does.
struct Command {
  std::uint32_t number;
  std::uint32_t types;
  Failure (*call)(Session* session, TEE_Param params[4]);
};

// NULL counts as no bytes, whatever size came with it.
std::size_t usable_bytes(const TEE_Param& param) {
  return param.memref.buffer == nullptr ? 0 : param.memref.size;
}

ByteSpan input_bytes(const TEE_Param& param) {
  return {static_cast<const std::byte*>(param.memref.buffer), usable_bytes(param)};
}

// Writes what the session says of itself: smartzone_info or smartzone_cores.
template <typename Facts>
Failure call_describe(Session* session, TEE_Param params[4]) {
  const std::size_t room = usable_bytes(params[0]);
  params[0].memref.size = 0;
  if (room < sizeof(Facts)) return {Status::kBufferTooSmall, sizeof(Facts)};
  Facts facts;
  session->describe(&facts);
  TEE_MemMove(params[0].memref.buffer, &facts, sizeof(facts));
  params[0].memref.size = sizeof(facts);
  return kSuccess;
}

Failure call_load_begin(Session* session, TEE_Param params[4]) {
  return session->load_begin(input_bytes(params[0]), params[1].value.a, params[1].value.b);
}

Failure call_load_weights(Session* session, TEE_Param params[4]) {
  const std::uint64_t offset = std::uint64_t{params[1].value.b} << 32 | params[1].value.a;
  return session->load_weights(input_bytes(params[0]), offset);
}

Failure call_load_end(Session* session, TEE_Param*) { return session->load_end(); }

MutableByteSpan output_bytes(const TEE_Param& param) {
  return {static_cast<std::byte*>(param.memref.buffer), usable_bytes(param)};
}

// Writes a reply as a whole; no bytes if there is a failure.
template <typename Reply>
void write_reply(const Reply& reply, Failure failure, TEE_Param* param) {
  if (failure.ok()) TEE_MemMove(param->memref.buffer, &reply, sizeof(reply));
  param->memref.size = failure.ok() ? sizeof(reply) : 0;
}

Failure call_run(Session* session, TEE_Param params[4]) {
  const MutableByteSpan outputs = output_bytes(params[1]);
  std::uint64_t written = 0;
  const Failure failure =
      session->run(params[2].value.a, params[2].value.b, input_bytes(params[0]), outputs, &written);
  params[1].memref.size = static_cast<std::size_t>(written);
  return failure;
}

Failure call_prompt(Session* session, TEE_Param params[4]) {
  params[2].value = {0, 0};
  return session->prompt(input_bytes(params[0]), input_bytes(params[1]), &params[2].value.a,
                         &params[2].value.b);
}

Failure call_next(Session* session, TEE_Param params[4]) {
  smartzone_next reply = {};
  const Failure failure =
      usable_bytes(params[1]) < sizeof(reply)
          ? Failure{Status::kBufferTooSmall, sizeof(reply)}
          : session->next(params[2].value.a, params[2].value.b, output_bytes(params[0]), &reply);
  params[0].memref.size = failure.ok() ? reply.text_bytes : 0;
  write_reply(reply, failure, &params[1]);
  return failure;
}

Failure call_score(Session* session, TEE_Param params[4]) {
  const MutableByteSpan logits = output_bytes(params[0]);
  smartzone_score reply = {};
  std::uint64_t written = 0;
  const Failure failure =
      usable_bytes(params[1]) < sizeof(reply)
          ? Failure{Status::kBufferTooSmall, sizeof(reply)}
          : session->score(params[2].value.a, params[2].value.b, logits, &written, &reply);
  params[0].memref.size = static_cast<std::size_t>(written);
  write_reply(reply, failure, &params[1]);
  return failure;
}

Failure call_save(Session* session, TEE_Param params[4]) {
  std::uint64_t written = 0;
  params[2].value = {0, 0};
  const Failure failure =
      session->save(params[1].value.a, output_bytes(params[0]), &written, &params[2].value.a);
  params[0].memref.size = static_cast<std::size_t>(written);
  return failure;
}

Failure call_resume(Session* session, TEE_Param params[4]) {
  params[2].value = {0, 0};
  return session->resume(params[1].value.a, input_bytes(params[0]), &params[2].value.a);
}

Failure call_unload(Session* session, TEE_Param*) { return session->unload(); }

constexpr Command kCommands[] = {
    {SMARTZONE_CMD_INFO, kFacts, call_describe<smartzone_info>},
    {SMARTZONE_CMD_CORES, kFacts, call_describe<smartzone_cores>},
    {SMARTZONE_CMD_LOAD_BEGIN, kBytesAndValue, call_load_begin},
    {SMARTZONE_CMD_LOAD_WEIGHTS, kBytesAndValue, call_load_weights},
    {SMARTZONE_CMD_LOAD_END, kNoInputs, call_load_end},
    {SMARTZONE_CMD_RUN,
     TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_INPUT, TEE_PARAM_TYPE_MEMREF_OUTPUT,
                     TEE_PARAM_TYPE_VALUE_INPUT, TEE_PARAM_TYPE_VALUE_OUTPUT),
     call_run},
    {SMARTZONE_CMD_UNLOAD, kNoInputs, call_unload},
    {SMARTZONE_CMD_PROMPT,
     TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_INPUT, TEE_PARAM_TYPE_MEMREF_INPUT,
                     TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_VALUE_OUTPUT),
     call_prompt},
    {SMARTZONE_CMD_NEXT, kComputes, call_next},
    {SMARTZONE_CMD_SCORE, kComputes, call_score},
    {SMARTZONE_CMD_SAVE,
     TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_OUTPUT, TEE_PARAM_TYPE_VALUE_INPUT,
                     TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_VALUE_OUTPUT),
     call_save},
    {SMARTZONE_CMD_RESUME,
     TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_INPUT, TEE_PARAM_TYPE_VALUE_INPUT,
                     TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_VALUE_OUTPUT),
     call_resume},
};

const Command* find_command(std::uint32_t number) {
  for (const Command& command : kCommands) {
    if (command.number == number) return &command;
  }
  return nullptr;
}

TEE_Result invoke(Session* session, std::uint32_t number, std::uint32_t types,
                  TEE_Param params[4]) {
  const Command* command = find_command(number);
  if (command != nullptr && types != command->types) return TEE_ERROR_BAD_PARAMETERS;
  if (TEE_PARAM_TYPE_GET(types, 3) != TEE_PARAM_TYPE_VALUE_OUTPUT) return TEE_ERROR_BAD_PARAMETERS;
  const Failure failure =
      command == nullptr ? Failure{Status::kBadCommand, number} : command->call(session, params);
  params[3].value.a = static_cast<std::uint32_t>(failure.status);
  params[3].value.b = failure.detail;
  return TEE_SUCCESS;
}

}  // namespace
}  // namespace sz::ta

extern "C" {

TEE_Result TA_CreateEntryPoint(void) { return TEE_SUCCESS; }

void TA_DestroyEntryPoint(void) {}

TEE_Result TA_OpenSessionEntryPoint(std::uint32_t types, TEE_Param*, void** context) {
  *context = nullptr;
  if (types != TEE_PARAM_TYPES(TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE,
                               TEE_PARAM_TYPE_NONE)) {
    return TEE_ERROR_BAD_PARAMETERS;
  }
  void* memory = TEE_Malloc(sizeof(sz::ta::Session), TEE_MALLOC_FILL_ZERO);
  if (memory == nullptr) return TEE_ERROR_OUT_OF_MEMORY;
  *context = new (memory) sz::ta::Session();
  return TEE_SUCCESS;
}

void TA_CloseSessionEntryPoint(void* context) {
  auto* session = static_cast<sz::ta::Session*>(context);
  session->~Session();
  TEE_Free(session);
}

TEE_Result TA_InvokeCommandEntryPoint(void* context, std::uint32_t command, std::uint32_t types,
                                      TEE_Param params[4]) {
  return sz::ta::invoke(static_cast<sz::ta::Session*>(context), command, types, params);
}

}  // extern "C"
