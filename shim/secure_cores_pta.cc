#include "shim/secure_cores_pta.h"

#include <algorithm>
#include <condition_variable>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <string_view>
#include <thread>

#include "protocol/secure_cores.h"
#include "shim/gp.h"
#include "shim/gp_event.h"
#include "shim/helper_visit.h"
#include "shim/pseudo_ta.h"
#include "shim/secure_pool.h"

namespace sz::shim {
namespace {

// entry(slot, argument), as the registers carry them.
using Entry = void (*)(std::uintptr_t slot, std::uintptr_t argument);

struct Start {
  std::uint64_t entry = 0;
  std::uint64_t argument = 0;
  std::uint64_t stacks = 0;
  std::uint32_t slots = 0;
  std::uint32_t stack_bytes = 0;
};

struct Status {
  std::uint32_t faults = 0;
  std::uint32_t panic_code = 0;
  std::uint32_t inside = 0;
  std::uint32_t entries = 0;
};

// An owner's group. The owner and its helpers share it.
class Group {
 public:
  TEE_Result start(const Start& start) {
    const std::lock_guard lock(mutex_);
    if (started_) return TEE_ERROR_BAD_STATE;
    start_ = start;
    status_ = {};
    started_ = true;
    return TEE_SUCCESS;
  }

  TEE_Result stop() {
    std::unique_lock lock(mutex_);
    if (!started_) return TEE_ERROR_BAD_STATE;
    started_ = false;
    left_.wait(lock, [&] { return status_.inside == 0; });
    return TEE_SUCCESS;
  }

  TEE_Result status(Status* status) {
    const std::lock_guard lock(mutex_);
    if (!started_) return TEE_ERROR_BAD_STATE;
    *status = status_;
    return TEE_SUCCESS;
  }

  bool started() {
    const std::lock_guard lock(mutex_);
    return started_;
  }

  // Claims a slot for a helper.
  TEE_Result enter(std::uint32_t* slot, Start* start) {
    const std::lock_guard lock(mutex_);
    if (!started_) return TEE_ERROR_ITEM_NOT_FOUND;
    if (status_.faults != 0 || status_.inside == start_.slots) return TEE_ERROR_BUSY;
    *slot = 0;
    while ((taken_ >> *slot & 1u) != 0) ++*slot;
    taken_ |= 1u << *slot;
    ++status_.inside;
    ++status_.entries;
    *start = start_;
    return TEE_SUCCESS;
  }

  // The helper in this slot has left. Wakes while the lock is held: the owner may destroy the
  // group as soon as it is free.
  void leave(std::uint32_t slot, bool faulted, std::uint32_t panic_code) {
    const std::lock_guard lock(mutex_);
    taken_ &= ~(1u << slot);
    --status_.inside;
    if (faulted && status_.faults++ == 0) status_.panic_code = panic_code;
    left_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable left_;
  bool started_ = false;
  Start start_;
  Status status_;
  std::uint32_t taken_ = 0;  // one bit for each slot
};

bool present_at_start() {
  const char* text = std::getenv("SMARTZONE_SHIM_SECURE_CORES");
  return text == nullptr || std::string_view(text) != "off";
}

struct PseudoTa {
  std::mutex mutex;
  bool present = present_at_start();
  std::map<std::uint64_t, std::shared_ptr<Group>> groups;
};

// Lives until the process ends, whoever still uses it then.
PseudoTa& pseudo_ta() {
  static PseudoTa& instance = *new PseudoTa;
  return instance;
}

// Adds a group under an id that cannot be guessed.
std::uint64_t add_group(const std::shared_ptr<Group>& group) {
  static std::random_device source;
  PseudoTa& state = pseudo_ta();
  const std::lock_guard lock(state.mutex);
  for (;;) {
    const std::uint64_t id = std::uint64_t{source()} << 32 | source();
    if (id != 0 && state.groups.emplace(id, group).second) return id;
  }
}

std::shared_ptr<Group> find_group(std::uint64_t id) {
  PseudoTa& state = pseudo_ta();
  const std::lock_guard lock(state.mutex);
  const auto found = state.groups.find(id);
  return found == state.groups.end() ? nullptr : found->second;
}

// One helper's visit, from its entry to its end.
struct Visit {
  std::jmp_buf back;
  std::uint32_t exit = SECURE_CORES_EXIT_FAULT;
  std::uint32_t value = 0;
};

thread_local Visit* current_visit = nullptr;

[[noreturn]] void end_visit(std::uint32_t exit, std::uint32_t value) {
  current_visit->exit = exit;
  current_visit->value = value;
  std::longjmp(current_visit->back, 1);
}

// Not inlined, and nothing of its own that changes: safe for longjmp. The type of the trusted
// application's function is known to the trusted application only.
[[gnu::noinline]]
#if defined(__clang__)
[[clang::no_sanitize("function")]]
#endif
void run_helper(Visit& visit, const Start& start, std::uint32_t slot) {
  if (setjmp(visit.back) != 0) return;
  reinterpret_cast<Entry>(start.entry)(slot, static_cast<std::uintptr_t>(start.argument));
}

void fill(const SecureCoresFacts& facts, TEE_Param params[4]) {
  params[0].value = {facts.version, facts.max_slots};
  params[1].value = {facts.cores, facts.threads};
}

SecureCoresFacts facts_of_this_machine() {
  return {SECURE_CORES_VERSION, SECURE_CORES_MAX_SLOTS,
          std::max(1u, std::thread::hardware_concurrency()), UINT32_MAX};
}

std::uint64_t word_pair(const TEE_Param& param) {
  return std::uint64_t{param.value.b} << 32 | param.value.a;
}

}  // namespace

std::uint32_t query_secure_cores(SecureCoresFacts* facts) {
  PseudoTa& state = pseudo_ta();
  const std::lock_guard lock(state.mutex);
  if (!state.present) return TEE_ERROR_ITEM_NOT_FOUND;
  *facts = facts_of_this_machine();
  return TEE_SUCCESS;
}

Loan lend(std::uint64_t id) {
  const std::shared_ptr<Group> group = find_group(id);
  Loan loan{.result = TEE_ERROR_ITEM_NOT_FOUND};
  if (group == nullptr) return loan;
  std::uint32_t slot = 0;
  Start start;
  loan.result = group->enter(&slot, &start);
  if (loan.result != TEE_SUCCESS) return loan;
  Visit visit;
  current_visit = &visit;
  run_helper(visit, start, slot);
  current_visit = nullptr;
  const bool faulted = visit.exit == SECURE_CORES_EXIT_FAULT;
  group->leave(slot, faulted, faulted ? visit.value : 0);
  loan.exit = visit.exit;
  loan.value = faulted ? 0 : visit.value;
  return loan;
}

void set_secure_cores_present(bool present) {
  PseudoTa& state = pseudo_ta();
  const std::lock_guard lock(state.mutex);
  state.present = present;
}

std::uint32_t secure_cores_groups() {
  PseudoTa& state = pseudo_ta();
  const std::lock_guard lock(state.mutex);
  std::uint32_t count = 0;
  for (const auto& [id, group] : state.groups) count += group->started() ? 1 : 0;
  return count;
}

void end_visit_by_panic(std::uint32_t code) {
  if (current_visit != nullptr) end_visit(SECURE_CORES_EXIT_FAULT, code);
}

void refuse_system_call_of_helper() { end_visit_by_panic(TEE_ERROR_ACCESS_DENIED); }

namespace {

// An owner's session.
class OwnerSession final : public PseudoTaSession {
 public:
  ~OwnerSession() override {
    static_cast<void>(group_->stop());  // nothing to do where it is not started
    PseudoTa& state = pseudo_ta();
    const std::lock_guard lock(state.mutex);
    state.groups.erase(id_);
  }

  TEE_Result invoke(std::uint32_t command, std::uint32_t types, TEE_Param params[4]) override;

 private:
  TEE_Result start(TEE_Param params[4]);
  TEE_Result status(TEE_Param params[4]);
  TEE_Result stop(TEE_Param params[4]);

  std::shared_ptr<Group> group_ = std::make_shared<Group>();
  std::uint64_t id_ = 0;  // 0: never started
};

constexpr std::uint32_t kTwoOutputs =
    TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_NONE,
                    TEE_PARAM_TYPE_NONE);
constexpr std::uint32_t kStartTypes =
    TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_INPUT, TEE_PARAM_TYPE_VALUE_INPUT,
                    TEE_PARAM_TYPE_VALUE_INPUT, TEE_PARAM_TYPE_VALUE_INOUT);
constexpr std::uint32_t kStopTypes = TEE_PARAM_TYPES(
    TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE);

bool makes_sense(const Start& start) {
  if (start.entry == 0 || start.slots < 1 || start.slots > SECURE_CORES_MAX_SLOTS) return false;
  if (start.stack_bytes == 0 || start.stack_bytes % SECURE_CORES_PAGE != 0) return false;
  const std::uint64_t area = SECURE_CORES_PAGE + std::uint64_t{start.slots} * start.stack_bytes;
  return region_bytes(reinterpret_cast<const void*>(start.stacks)) == area;
}

TEE_Result OwnerSession::start(TEE_Param params[4]) {
  const Start start = {.entry = word_pair(params[0]),
                       .argument = word_pair(params[1]),
                       .stacks = word_pair(params[2]),
                       .slots = params[3].value.a,
                       .stack_bytes = params[3].value.b};
  if (group_->started()) return TEE_ERROR_BAD_STATE;
  if (!makes_sense(start)) return TEE_ERROR_BAD_PARAMETERS;
  if (start_fails_now()) return TEE_ERROR_OUT_OF_MEMORY;
  if (id_ == 0) id_ = add_group(group_);
  const TEE_Result result = group_->start(start);
  if (result != TEE_SUCCESS) return result;
  params[3].value = {static_cast<std::uint32_t>(id_), static_cast<std::uint32_t>(id_ >> 32)};
  return TEE_SUCCESS;
}

TEE_Result OwnerSession::status(TEE_Param params[4]) {
  Status status;
  const TEE_Result result = group_->status(&status);
  if (result != TEE_SUCCESS) return result;
  params[0].value = {status.faults, status.panic_code};
  params[1].value = {status.inside, status.entries};
  return TEE_SUCCESS;
}

TEE_Result OwnerSession::stop(TEE_Param params[4]) {
  const TEE_Result result = group_->stop();
  if (result == TEE_SUCCESS) params[0].value = {0, 0};
  return result;
}

TEE_Result OwnerSession::invoke(std::uint32_t command, std::uint32_t types, TEE_Param params[4]) {
  switch (command) {
    case SECURE_CORES_CMD_QUERY:
      if (types != kTwoOutputs) return TEE_ERROR_BAD_PARAMETERS;
      fill(facts_of_this_machine(), params);
      return TEE_SUCCESS;
    case SECURE_CORES_CMD_START:
      return types == kStartTypes ? start(params) : TEE_ERROR_BAD_PARAMETERS;
    case SECURE_CORES_CMD_STATUS:
      return types == kTwoOutputs ? status(params) : TEE_ERROR_BAD_PARAMETERS;
    case SECURE_CORES_CMD_STOP:
      return types == kStopTypes ? stop(params) : TEE_ERROR_BAD_PARAMETERS;
    case SECURE_CORES_CMD_LEND:
      return TEE_ERROR_ACCESS_DENIED;  // for lenders only
    default:
      return TEE_ERROR_NOT_SUPPORTED;
  }
}

}  // namespace

TEE_Result open_secure_cores(std::unique_ptr<PseudoTaSession>* session) {
  SecureCoresFacts facts;
  if (query_secure_cores(&facts) != TEE_SUCCESS) return TEE_ERROR_ITEM_NOT_FOUND;
  if (heap_fails_now()) return TEE_ERROR_OUT_OF_MEMORY;
  *session = std::make_unique<OwnerSession>();
  return TEE_SUCCESS;
}

}  // namespace sz::shim

void _utee_return(unsigned long value) {
  if (sz::shim::current_visit == nullptr) {
    std::fprintf(stderr, "smartzone: _utee_return outside of a helper\n");
    std::abort();
  }
  sz::shim::end_visit(SECURE_CORES_EXIT_RETURN, static_cast<std::uint32_t>(value));
}
