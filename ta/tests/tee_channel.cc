#include "ta/tests/tee_channel.h"

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "protocol/commands.h"

namespace sz::ta::testing {
namespace {

constexpr TEEC_UUID kTaUuid = SMARTZONE_TA_UUID;

// OP-TEE's statistics pseudo-TA: command 1 fills an array with the record of one allocator.
constexpr TEEC_UUID kStatisticsUuid = {
    0xd96a5b40, 0xe2c7, 0xb1af, {0x87, 0x94, 0x10, 0x02, 0xa5, 0xd5, 0xc6, 0x1b}};
constexpr std::uint32_t kCommandAllocators = 1;

struct AllocatorRecord {
  std::array<char, 32> description;
  std::uint64_t free_squares;
  std::uint32_t allocated;
  std::uint32_t max_allocated;
  std::uint32_t size;
  std::uint32_t rest[3];
};
static_assert(sizeof(AllocatorRecord) == 64);

// As it was before OP-TEE 4.6.
struct OldAllocatorRecord {
  std::array<char, 32> description;
  std::uint32_t allocated;
  std::uint32_t max_allocated;
  std::uint32_t size;
  std::uint32_t rest[3];
};
static_assert(sizeof(OldAllocatorRecord) == 56);

// libteec's parameter types have the numbers of the GlobalPlatform internal API.
std::uint32_t teec_type(shim::Param::Kind kind) { return static_cast<std::uint32_t>(kind); }

}  // namespace

TeeContext::TeeContext() {
  const TEEC_Result result = TEEC_InitializeContext(nullptr, &context_);
  if (result == TEEC_SUCCESS) return;
  std::fprintf(stderr, "no TEE here: TEEC_InitializeContext gives 0x%08x\n", result);
  std::exit(2);
}

TeeContext::~TeeContext() { TEEC_FinalizeContext(&context_); }

TeeSession::TeeSession(TeeContext& context) {
  std::uint32_t origin = 0;
  open_result_ = TEEC_OpenSession(context.get(), &session_, &kTaUuid, TEEC_LOGIN_PUBLIC, nullptr,
                                  nullptr, &origin);
}

void TeeSession::close() {
  if (open_result_ != TEEC_SUCCESS) return;
  TEEC_CloseSession(&session_);
  open_result_ = TEEC_ERROR_BAD_STATE;
}

std::uint32_t TeeSession::invoke(std::uint32_t command, shim::Params& params) {
  TEEC_Operation operation{};
  for (std::size_t i = 0; i < params.size(); ++i) {
    const shim::Param& param = params[i];
    operation.paramTypes |= teec_type(param.kind) << (4 * i);
    if (param.kind >= shim::Param::Kind::kMemrefIn) {
      operation.params[i].tmpref = {param.data, param.size};
    } else {
      operation.params[i].value = {param.a, param.b};
    }
  }
  std::uint32_t origin = 0;
  const TEEC_Result result = TEEC_InvokeCommand(&session_, command, &operation, &origin);
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (params[i].kind >= shim::Param::Kind::kMemrefIn) {
      params[i].size = operation.params[i].tmpref.size;
    } else {
      params[i].a = operation.params[i].value.a;
      params[i].b = operation.params[i].value.b;
    }
  }
  return result;
}

std::optional<AllocatorStatistics> read_statistics(TeeContext& context, Allocator allocator) {
  TEEC_Session session{};
  std::uint32_t origin = 0;
  if (TEEC_OpenSession(context.get(), &session, &kStatisticsUuid, TEEC_LOGIN_PUBLIC, nullptr,
                       nullptr, &origin) != TEEC_SUCCESS) {
    return std::nullopt;
  }
  AllocatorRecord record{};
  TEEC_Operation operation{};
  operation.paramTypes =
      TEEC_PARAM_TYPES(TEEC_VALUE_INPUT, TEEC_MEMREF_TEMP_OUTPUT, TEEC_NONE, TEEC_NONE);
  operation.params[0].value.a = static_cast<std::uint32_t>(allocator);
  operation.params[1].tmpref = {&record, sizeof(record)};
  const TEEC_Result result = TEEC_InvokeCommand(&session, kCommandAllocators, &operation, &origin);
  TEEC_CloseSession(&session);
  if (result != TEEC_SUCCESS) return std::nullopt;
  if (operation.params[1].tmpref.size == sizeof(OldAllocatorRecord)) {
    OldAllocatorRecord old{};
    std::memcpy(&old, &record, sizeof(old));
    return AllocatorStatistics{old.allocated, old.max_allocated, old.size};
  }
  return AllocatorStatistics{record.allocated, record.max_allocated, record.size};
}

}  // namespace sz::ta::testing
