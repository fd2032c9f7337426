#include "client/tee_statistics.h"

#include <sys/klog.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <vector>

#include "client/tee_revision.h"

namespace sz::client {
namespace {

// OP-TEE's statistics pseudo-TA, as its public header describes it: command 1 fills an array with
// the record of one allocator. (The header counts the memory reference from 0; the code wants it
// as parameter 1, and so does every version since.)
constexpr TEEC_UUID kStatisticsUuid = {
    0xd96a5b40, 0xe2c7, 0xb1af, {0x87, 0x94, 0x10, 0x02, 0xa5, 0xd5, 0xc6, 0x1b}};
constexpr std::uint32_t kCommandAllocators = 1;
constexpr std::uint32_t kAllocatorTaMemory = 3;

struct AllocatorRecord {
  std::array<char, 32> description;
  std::uint64_t sum_of_squares;
  std::uint32_t allocated;
  std::uint32_t max_allocated;
  std::uint32_t size;
  std::uint32_t failures;
  std::uint32_t biggest_failure;
  std::uint32_t biggest_failure_used;
};
static_assert(sizeof(AllocatorRecord) == 64);
static_assert(offsetof(AllocatorRecord, allocated) == 40);

// Before the 64-bit sum was added to the record (OP-TEE 4.1 and older) it was shorter.
struct OldAllocatorRecord {
  std::array<char, 32> description;
  std::uint32_t allocated;
  std::uint32_t max_allocated;
  std::uint32_t size;
  std::uint32_t failures;
  std::uint32_t biggest_failure;
  std::uint32_t biggest_failure_used;
};
static_assert(sizeof(OldAllocatorRecord) == 56);

template <typename Record>
SecurePool to_pool(const Record& record) {
  return {record.size != 0, record.size, record.allocated, record.max_allocated};
}

}  // namespace

SecurePool tee_pool(TEEC_Context& context) {
  TEEC_Session session{};
  std::uint32_t origin = 0;
  if (TEEC_OpenSession(&context, &session, &kStatisticsUuid, TEEC_LOGIN_PUBLIC, nullptr, nullptr,
                       &origin) != TEEC_SUCCESS) {
    return {};
  }
  alignas(8) std::array<std::byte, sizeof(AllocatorRecord)> reply{};
  TEEC_Operation operation{};
  operation.paramTypes =
      TEEC_PARAM_TYPES(TEEC_VALUE_INPUT, TEEC_MEMREF_TEMP_OUTPUT, TEEC_NONE, TEEC_NONE);
  operation.params[0].value.a = kAllocatorTaMemory;
  operation.params[1].tmpref.buffer = reply.data();
  operation.params[1].tmpref.size = reply.size();
  const TEEC_Result result = TEEC_InvokeCommand(&session, kCommandAllocators, &operation, &origin);
  const std::size_t written = operation.params[1].tmpref.size;
  TEEC_CloseSession(&session);
  if (result != TEEC_SUCCESS) return {};
  if (written == sizeof(AllocatorRecord)) {
    return to_pool(*reinterpret_cast<const AllocatorRecord*>(reply.data()));
  }
  if (written == sizeof(OldAllocatorRecord)) {
    return to_pool(*reinterpret_cast<const OldAllocatorRecord*>(reply.data()));
  }
  return {};
}

std::string tee_version() {
  std::ifstream sysfs("/sys/class/tee/tee0/revision");
  std::string line;
  if (sysfs && std::getline(sysfs, line) && !line.empty()) return "OP-TEE " + line;
  constexpr int kReadAll = 3;
  constexpr int kSizeOfLog = 10;
  const int size = klogctl(kSizeOfLog, nullptr, 0);
  if (size <= 0) return "OP-TEE";
  std::vector<char> log(static_cast<std::size_t>(size));
  const int read = klogctl(kReadAll, log.data(), size);
  if (read <= 0) return "OP-TEE";
  const std::string revision = revision_in_log(std::string(log.data(), log.data() + read));
  return revision.empty() ? "OP-TEE" : "OP-TEE " + revision;
}

}  // namespace sz::client
