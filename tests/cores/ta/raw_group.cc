#include "tests/cores/ta/raw_group.h"

#include "base/atomic.h"
#include "protocol/secure_cores.h"

// Last: see ta/gp.h.
#include "tests/cores/ta/gp_helpers.h"

namespace sz::cores_test {
namespace {

constexpr std::uint32_t kStackBytes = 2 * SECURE_CORES_PAGE;

constexpr std::uint32_t kNone = 0;
constexpr std::uint32_t kStartTypes =
    TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_INPUT, TEE_PARAM_TYPE_VALUE_INPUT,
                    TEE_PARAM_TYPE_VALUE_INPUT, TEE_PARAM_TYPE_VALUE_INOUT);
constexpr std::uint32_t kStatusTypes =
    TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_NONE,
                    TEE_PARAM_TYPE_NONE);
constexpr std::uint32_t kStopTypes = TEE_PARAM_TYPES(
    TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE);
constexpr std::uint32_t kLendTypes =
    TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_INPUT, TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_NONE,
                    TEE_PARAM_TYPE_NONE);

}  // namespace

// What owner and helpers share.
struct RawGroup::Page {
  Raw raw;
  Atomic<std::uint64_t> probe;  // address to read
  Atomic<std::uint64_t> counters[SECURE_CORES_MAX_SLOTS];
};

// The parameters of START.
struct RawGroup::Start {
  std::uint64_t entry;
  std::uint64_t argument;
  std::uint64_t area;
  std::uint32_t slots;
  std::uint32_t stack_bytes;
};

RawGroup::Page* RawGroup::page() const { return reinterpret_cast<Page*>(page_.bytes().data()); }

// Where the helpers begin. A capture-free function of this class: it needs Page.
RawGroup::Start RawGroup::good_start(std::uint32_t slots) const {
  constexpr auto kHelper = +[](unsigned long slot, void* argument) {
    auto* shared = static_cast<Page*>(argument);
    Atomic<std::uint64_t>& counter = shared->counters[slot];
    double beside = 0;
    if (shared->raw == Raw::kProbe) {
      while (shared->probe.load_acquire() == 0) relax_processor();
      static_cast<void>(*reinterpret_cast<const volatile std::uint32_t*>(
          static_cast<std::uintptr_t>(shared->probe.load_relaxed())));
      counter.store_release(1);
    }
    while (shared->raw == Raw::kCount) {
      beside += 1;
      counter.store_release(static_cast<std::uint64_t>(beside));
    }
    _utee_return(slot + 1);
  };
  return {reinterpret_cast<std::uintptr_t>(kHelper), address_of(page_.bytes().data()),
          address_of(stacks_.bytes().data()), slots, kStackBytes};
}

std::uint32_t RawGroup::open(std::uint32_t slots) {
  const std::uint32_t closed = close();
  if (closed != TEE_SUCCESS) return closed;
  if (!page_.map(sizeof(Page)) ||
      !stacks_.map(SECURE_CORES_PAGE + std::uint64_t{slots} * kStackBytes)) {
    static_cast<void>(close());
    return TEE_ERROR_OUT_OF_MEMORY;
  }
  const TEE_UUID uuid = SECURE_CORES_UUID;
  TEE_TASessionHandle session = TEE_HANDLE_NULL;
  const TEE_Result result =
      TEE_OpenTASession(&uuid, TEE_TIMEOUT_INFINITE, kNone, nullptr, &session, nullptr);
  if (result == TEE_SUCCESS) session_ = session;
  return result;
}

std::uint32_t RawGroup::close() {
  if (session_ != nullptr) TEE_CloseTASession(static_cast<TEE_TASessionHandle>(session_));
  session_ = nullptr;
  bool released = true;
  for (ta::SecureRegion* region : {&probe_, &stacks_, &page_}) {
    released = region->release() && released;
  }
  return released ? TEE_SUCCESS : TEE_ERROR_GENERIC;
}

std::uint32_t RawGroup::send_start(const Start& start, std::uint64_t* group) {
  TEE_Param params[4] = {};
  set_address(&params[0], start.entry);
  set_address(&params[1], start.argument);
  set_address(&params[2], start.area);
  params[3].value.a = start.slots;
  params[3].value.b = start.stack_bytes;
  const TEE_Result result =
      TEE_InvokeTACommand(static_cast<TEE_TASessionHandle>(session_), TEE_TIMEOUT_INFINITE,
                          SECURE_CORES_CMD_START, kStartTypes, params, nullptr);
  *group = std::uint64_t{params[3].value.b} << 32 | params[3].value.a;
  return result;
}

std::uint32_t RawGroup::start(const Request& request, Report* report) {
  const std::uint32_t slots = request.cores - 1;
  if (slots < 1 || slots > SECURE_CORES_MAX_SLOTS) return TEE_ERROR_BAD_PARAMETERS;
  const std::uint32_t opened = open(slots);
  if (opened != TEE_SUCCESS) return opened;
  page()->raw = request.raw;
  const std::uint32_t result = send_start(good_start(slots), &report->group);
  if (result != TEE_SUCCESS || request.raw != Raw::kProbe) return result;
  if (!probe_.map(SECURE_CORES_PAGE)) return TEE_ERROR_OUT_OF_MEMORY;
  page()->probe.store_release(address_of(probe_.bytes().data()));
  return TEE_SUCCESS;
}

std::uint64_t RawGroup::counted() const {
  std::uint64_t sum = 0;
  for (const auto& counter : page()->counters) sum += counter.load_acquire();
  return sum;
}

std::uint32_t RawGroup::status(Report* report) {
  if (session_ == nullptr) return TEE_ERROR_BAD_STATE;
  TEE_Param params[4] = {};
  const TEE_Result result =
      TEE_InvokeTACommand(static_cast<TEE_TASessionHandle>(session_), TEE_TIMEOUT_INFINITE,
                          SECURE_CORES_CMD_STATUS, kStatusTypes, params, nullptr);
  report->faults = params[0].value.a;
  report->panic_code = params[0].value.b;
  report->inside = params[1].value.a;
  report->entries = params[1].value.b;
  report->counted = counted();
  return result;
}

std::uint32_t RawGroup::stop(const Request& request, Report* report) {
  if (session_ == nullptr) return TEE_ERROR_BAD_STATE;
  TEE_Param params[4] = {};
  const TEE_Result result =
      TEE_InvokeTACommand(static_cast<TEE_TASessionHandle>(session_), TEE_TIMEOUT_INFINITE,
                          SECURE_CORES_CMD_STOP, kStopTypes, params, nullptr);
  std::uint64_t at_stop[SECURE_CORES_MAX_SLOTS];
  for (std::uint32_t i = 0; i < SECURE_CORES_MAX_SLOTS; ++i) {
    at_stop[i] = page()->counters[i].load_acquire();
  }
  report->evicted = params[0].value.a;
  report->counted = counted();
  if (request.wait_ms != 0) static_cast<void>(TEE_Wait(request.wait_ms));
  for (std::uint32_t i = 0; i < SECURE_CORES_MAX_SLOTS; ++i) {
    if (page()->counters[i].load_acquire() != at_stop[i]) ++report->moved_after_stop;
  }
  return result;
}

std::uint32_t RawGroup::bad_start(std::uint32_t number, const void* outside) {
  Start start = good_start(2);
  switch (number) {
    case 0:
      start.entry = address_of(page_.bytes().data());
      break;  // not executable
    case 1:
      start.entry = 0;
      break;
    case 2:
      start.entry += 2;
      break;
    case 3:
      start.area += SECURE_CORES_PAGE;
      break;  // in the midst of a mapping
    case 4:
      start.area = 0;
      break;
    case 5:
      start.area = start.argument;
      break;  // of another size
    case 6:
      start.slots = 0;
      break;
    case 7:
      start.slots = SECURE_CORES_MAX_SLOTS + 1;
      break;
    case 8:
      start.stack_bytes = 0;
      break;
    case 9:
      start.stack_bytes += 16;
      break;
    case 10:
      start.stack_bytes = 0xfffff000;
      break;
    case 11:
      start.area = start.entry & ~std::uint64_t{SECURE_CORES_PAGE - 1};
      break;
    case 12:
      start.entry = address_of(outside) & ~std::uint64_t{3};
      break;
    default:
      start.area = address_of(outside) & ~std::uint64_t{SECURE_CORES_PAGE - 1};
      break;
  }
  std::uint64_t group = 0;
  return send_start(start, &group);
}

std::uint32_t RawGroup::bad_command(std::uint32_t number) {
  struct Call {
    std::uint32_t command;
    std::uint32_t types;
  };
  constexpr Call kCalls[] = {
      {SECURE_CORES_CMD_START, kStatusTypes}, {SECURE_CORES_CMD_STATUS, kStopTypes},
      {SECURE_CORES_CMD_STOP, kNone},         {SECURE_CORES_CMD_STATUS, kStatusTypes},
      {SECURE_CORES_CMD_STOP, kStopTypes},    {SECURE_CORES_CMD_LEND, kLendTypes},
      {SECURE_CORES_CMD_LEND + 1, kNone}};
  std::uint64_t group = 0;
  if (number == std::size(kCalls)) {
    const std::uint32_t first = send_start(good_start(2), &group);
    return first == TEE_SUCCESS ? send_start(good_start(2), &group) : first;
  }
  TEE_Param params[4] = {};
  const Call& call = kCalls[number];
  return TEE_InvokeTACommand(static_cast<TEE_TASessionHandle>(session_), TEE_TIMEOUT_INFINITE,
                             call.command, call.types, params, nullptr);
}

std::uint32_t RawGroup::misuse(const Request& request, const void* outside, Report* report) {
  constexpr std::uint32_t kBadStarts = 14;
  if (request.misuse >= kMisuses) return TEE_ERROR_BAD_PARAMETERS;
  const std::uint32_t opened = open(2);
  if (opened != TEE_SUCCESS) return opened;
  report->result = request.misuse < kBadStarts ? bad_start(request.misuse, outside)
                                               : bad_command(request.misuse - kBadStarts);
  return close();
}

}  // namespace sz::cores_test
