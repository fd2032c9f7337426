#include "ta/secure_cores.h"

#include <new>

#include "cores/footprint.h"
#include "protocol/ask_for_cores.h"
#include "protocol/secure_cores.h"

// Last: see ta/gp.h.
#include "ta/gp.h"

namespace sz::ta {
namespace {

static_assert(cores::kMaxWorkers == SECURE_CORES_MAX_SLOTS + 1);
static_assert(cores::kMaxWorkers == SMARTZONE_MAX_CORES);
static_assert(cores::kStackPage == SECURE_CORES_PAGE);

// Looks for work before a helper goes home: a millisecond or two on a slow core, which is longer
// than a step that is done by the owner alone.
constexpr std::uint32_t kPatience = 100'000;

// Looks at the last chunk before the owner asks the trusted OS what keeps it, and then sleeps between
// looks: on a busy machine the helper may be waiting for the very core that the owner spins on.
constexpr std::uint32_t kSpins = 50'000;
constexpr std::uint32_t kSleepMs = 1;

// A helper that keeps the owner waiting for so long is withheld by Linux: longer than its turns on
// a busy core, short enough that nobody takes it for a hang.
constexpr std::uint32_t kEvictAfterMs = 100;

// A normal world that withholds helpers again and again computes alone from then on, until the next
// run.
constexpr std::uint32_t kMostEvictionsInRun = 3;

constexpr std::uint32_t kNone =
    TEE_PARAM_TYPES(TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE,
                    TEE_PARAM_TYPE_NONE);
constexpr std::uint32_t kStartTypes =
    TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_INPUT, TEE_PARAM_TYPE_VALUE_INPUT,
                    TEE_PARAM_TYPE_VALUE_INPUT, TEE_PARAM_TYPE_VALUE_INOUT);
constexpr std::uint32_t kStatusTypes =
    TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_NONE,
                    TEE_PARAM_TYPE_NONE);
constexpr std::uint32_t kStopTypes =
    TEE_PARAM_TYPES(TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE,
                    TEE_PARAM_TYPE_NONE);

// Where every helper begins. It returns to the normal world by a system call, for there is nothing
// below it on its stack.
[[noreturn]] void helper_entry(unsigned long slot, void* argument) {
  auto* board = static_cast<cores::JobBoard*>(argument);
  _utee_return(board->serve(static_cast<std::uint32_t>(slot) + 1, kPatience));
}

void set_address(TEE_Param* param, const void* address) {
  const auto value = reinterpret_cast<std::uintptr_t>(address);
  param->value.a = static_cast<std::uint32_t>(value);
  param->value.b = static_cast<std::uint32_t>(std::uint64_t{value} >> 32);
}

std::uint64_t now_ms() {
  TEE_Time time{};
  TEE_GetSystemTime(&time);
  return std::uint64_t{time.seconds} * 1000 + time.millis;
}

}  // namespace

void SecureCores::start(MutableByteSpan board, MutableByteSpan stacks, std::uint32_t cores,
                        bool asks) {
  stop();
  if (cores < 2 || cores > cores::kMaxWorkers || board.size() < cores::board_bytes(cores) ||
      stacks.size() != cores::stacks_bytes(cores)) {
    return;
  }
  board_ = new (board.data()) cores::JobBoard();
  stacks_ = stacks;
  reserved_ = cores;
  asks_ = asks;
  if (!open_group() || !start_group()) stop();
}

void SecureCores::stop() {
  close_group();
  board_ = nullptr;
  stacks_ = {};
  group_ = 0;
  reserved_ = usable_ = cores_in_run_ = 1;
  faulted_ = asks_ = false;
  fault_ = 0;
  runs_ = evictions_ = 0;
}

bool SecureCores::open_group() {
  const TEE_UUID uuid = SECURE_CORES_UUID;
  TEE_TASessionHandle session = TEE_HANDLE_NULL;
  const TEE_Result result =
      TEE_OpenTASession(&uuid, TEE_TIMEOUT_INFINITE, kNone, nullptr, &session, nullptr);
  if (result != TEE_SUCCESS) return false;  // an OP-TEE without the extension
  session_ = session;
  return true;
}

bool SecureCores::start_group() {
  TEE_Param params[4] = {};
  set_address(&params[0], reinterpret_cast<const void*>(&helper_entry));
  set_address(&params[1], board_);
  set_address(&params[2], stacks_.data());
  params[3].value.a = reserved_ - 1;
  params[3].value.b = static_cast<std::uint32_t>(cores::kHelperStackBytes);
  board_->reset_present();
  if (command(SECURE_CORES_CMD_START, kStartTypes, params) != TEE_SUCCESS) return false;
  group_ = std::uint64_t{params[3].value.b} << 32 | params[3].value.a;
  usable_ = reserved_;
  return true;
}

// Closing the session stops the group, whatever its state.
void SecureCores::close_group() {
  if (session_ != nullptr) TEE_CloseTASession(static_cast<TEE_TASessionHandle>(session_));
  session_ = nullptr;
  usable_ = 1;
}

void SecureCores::begin_run(std::uint32_t cores) {
  // The last run may have ended without a group.
  if (usable_ < reserved_ && session_ != nullptr) static_cast<void>(start_group());
  cores_in_run_ = cores < usable_ ? cores : usable_;
  evictions_in_run_ = 0;
  if (cores_in_run_ == 1) return;
  ++runs_;
  if (asks_ && board_->present() == 0) ask_for_cores();
  board_->open(cores_in_run_);
}

Failure SecureCores::end_run() {
  if (cores_in_run_ > 1) {
    board_->close();
    if (!faulted_ && helper_faulted()) close_group();
  }
  cores_in_run_ = 1;
  return faulted_ ? Failure{Status::kHelperFault, fault_} : kSuccess;
}

void SecureCores::run(const Work& work) {
  if (cores_in_run_ == 1 || usable_ == 1 || work.chunks < 2 || !worth_sharing(work.cost)) {
    return run_alone(work);
  }
  board_->post(work);
  board_->take_part();
  wait_for_helpers();
}

void SecureCores::wait_for_helpers() {
  for (std::uint32_t spins = 0; spins < kSpins; ++spins) {
    if (board_->done()) return;
    relax_processor();
  }
  for (const std::uint64_t since = now_ms(); !board_->done(); TEE_Wait(kSleepMs)) {
    if (helper_faulted()) {
      close_group();
      return board_->redo();
    }
    if (now_ms() - since >= kEvictAfterMs) return evict();
  }
}

bool SecureCores::helper_faulted() {
  TEE_Param params[4] = {};
  if (session_ == nullptr || command(SECURE_CORES_CMD_STATUS, kStatusTypes, params) != TEE_SUCCESS) {
    return false;
  }
  if (params[0].value.a != 0) {
    faulted_ = true;
    fault_ = params[0].value.b;
  }
  return faulted_;
}

// Throws the helpers out, does what they left, and lets them in again.
void SecureCores::evict() {
  TEE_Param params[4] = {};
  const bool stopped = command(SECURE_CORES_CMD_STOP, kStopTypes, params) == TEE_SUCCESS;
  if (!stopped) close_group();
  ++evictions_;
  board_->redo();
  const bool again = ++evictions_in_run_ < kMostEvictionsInRun;
  if (stopped && (!again || !start_group())) usable_ = 1;
}

void SecureCores::ask_for_cores() const {
  const TEE_UUID uuid = ASK_FOR_CORES_UUID;
  ask_for_cores_request request{.group = group_, .cores = cores_in_run_ - 1, .reserved = 0};
  std::size_t answered = 0;
  // No plugin, no cores: it is an offer.
  static_cast<void>(
      tee_invoke_supp_plugin(&uuid, ASK_FOR_CORES_CMD, 0, &request, sizeof(request), &answered));
}

std::uint32_t SecureCores::command(std::uint32_t number, std::uint32_t types, void* params) const {
  return TEE_InvokeTACommand(static_cast<TEE_TASessionHandle>(session_), TEE_TIMEOUT_INFINITE,
                             number, types, static_cast<TEE_Param*>(params), nullptr);
}

void SecureCores::describe(smartzone_cores* facts) const {
  *facts = {};
  facts->usable = usable_;
  if (board_ == nullptr) return;
  const cores::Tally& tally = board_->tally();
  facts->present = board_->present();
  facts->group = group_;
  for (std::uint32_t i = 0; i < cores::kMaxWorkers; ++i) facts->work[i] = tally.work[i];
  facts->runs = runs_;
  facts->shared_steps = tally.jobs;
  facts->evictions = evictions_;
  facts->redone = tally.redone;
}

}  // namespace sz::ta
