// The entry points of the test TA.

#include <cstdint>
#include <new>

#include "tests/cores/ta/raw_group.h"
#include "tests/cores/ta/shared_job.h"
#include "tests/cores/test_commands.h"

// Last: see ta/gp.h.
#include "tests/cores/ta/gp_helpers.h"

namespace sz::cores_test {
namespace {

struct Session {
  SharedJobs jobs;
  RawGroup raw;
};

std::uint32_t perform(Session* session, Command command, const Request& request,
                      const void* outside, Report* report) {
  switch (command) {
    case Command::kStart:
      return session->jobs.start(request.cores);
    case Command::kRun:
      return session->jobs.run(request, outside, report);
    case Command::kStop:
      return session->jobs.stop();
    case Command::kFacts:
      return TEE_SUCCESS;
    case Command::kRawStart:
      return session->raw.start(request, report);
    case Command::kRawStatus:
      return session->raw.status(report);
    case Command::kRawStop:
      return session->raw.stop(request, report);
    case Command::kRawMisuse:
      return session->raw.misuse(request, outside, report);
  }
  return TEE_ERROR_NOT_SUPPORTED;
}

TEE_Result invoke(Session* session, std::uint32_t command, std::uint32_t types,
                  TEE_Param params[4]) {
  if (types != TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_INPUT, TEE_PARAM_TYPE_MEMREF_OUTPUT,
                               TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE) ||
      params[0].memref.size != sizeof(Request) || params[1].memref.size != sizeof(Report)) {
    return TEE_ERROR_BAD_PARAMETERS;
  }
  Request request;
  TEE_MemMove(&request, params[0].memref.buffer, sizeof(request));
  Report report;
  const std::uint32_t result =
      perform(session, static_cast<Command>(command), request, params[0].memref.buffer, &report);
  session->jobs.describe(&report);
  if (report.group == 0) report.group = report.facts.group;
  TEE_MemMove(params[1].memref.buffer, &report, sizeof(report));
  return result;
}

}  // namespace
}  // namespace sz::cores_test

extern "C" {

TEE_Result TA_CreateEntryPoint(void) { return TEE_SUCCESS; }

void TA_DestroyEntryPoint(void) {}

TEE_Result TA_OpenSessionEntryPoint(std::uint32_t, TEE_Param*, void** context) {
  void* memory = TEE_Malloc(sizeof(sz::cores_test::Session), TEE_MALLOC_FILL_ZERO);
  if (memory == nullptr) return TEE_ERROR_OUT_OF_MEMORY;
  *context = new (memory) sz::cores_test::Session();
  return TEE_SUCCESS;
}

void TA_CloseSessionEntryPoint(void* context) {
  auto* session = static_cast<sz::cores_test::Session*>(context);
  session->~Session();
  TEE_Free(session);
}

TEE_Result TA_InvokeCommandEntryPoint(void* context, std::uint32_t command, std::uint32_t types,
                                      TEE_Param params[4]) {
  return sz::cores_test::invoke(static_cast<sz::cores_test::Session*>(context), command, types,
                                params);
}

}  // extern "C"
