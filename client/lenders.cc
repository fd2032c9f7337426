#include "client/lenders.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <exception>

#include "client/errors.h"
#include "protocol/secure_cores.h"

namespace sz::client {
namespace {

// After so many failures in a row a thread does not try again: each try costs a call.
constexpr std::uint32_t kMaxFailures = 3;

// Answers of LEND that may be another one soon (protocol/secure_cores.h).
bool turned_away(std::uint32_t result) {
  return result == kTeeItemNotFound || result == kTeeOutOfMemory || result == kTeeBusy;
}

// While it lives, the calling thread and those that it starts get no signals.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// Moves the calling thread away from `cpu` if it is there and may run elsewhere. A thread is often
// woken on the processor of who woke it, where it and the owner would take turns; Linux may bring it
// back later if it knows better.
void leave_cpu(int cpu) {
  cpu_set_t allowed;
  if (cpu < 0 || sched_getcpu() != cpu || sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
    return;
  }
  cpu_set_t others = allowed;
  CPU_CLR(cpu, &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof(others), &others) != 0) return;
  static_cast<void>(sched_setaffinity(0, sizeof(allowed), &allowed));
}

std::string code_text(std::uint32_t code) {
  char text[16];
  std::snprintf(text, sizeof(text), "0x%08x", code);
  return text;
}

}  // namespace

Lenders::Lenders(std::uint32_t count, OpenLender open, LendingPolicy policy)
    : open_(std::move(open)), policy_(policy) {
  const SignalsBlocked blocked;
  threads_.reserve(count);
  try {
    for (std::uint32_t i = 0; i < count; ++i) threads_.emplace_back([this, i] { run(i); });
  } catch (const std::exception& error) {  // the threads that there are must be joined all the same
    const std::lock_guard lock(mutex_);
    ++counters_.failed;
    last_failure_ = std::string("no more threads: ") + error.what();
  }
}

Lenders::~Lenders() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    wanted_ = false;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Lenders::begin(std::uint64_t group, std::uint32_t most) {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
    group_ = group;
    ++round_;
    invited_ = std::min(most, count());
    at_work_ = invited_;
    owner_cpu_ = sched_getcpu();
  }
  changed_.notify_all();
}

void Lenders::end() {
  const std::lock_guard lock(mutex_);
  wanted_ = false;  // who pauses just now finds out when the pause is over
}

bool Lenders::resting() const {
  const std::lock_guard lock(mutex_);
  return at_work_ == 0;
}

LendingCounters Lenders::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

std::string Lenders::last_failure() const {
  const std::lock_guard lock(mutex_);
  return last_failure_;
}

// One thread's life.
void Lenders::run(std::uint32_t index) {
  pthread_setname_np(pthread_self(), "smartzone-lend");
  std::unique_ptr<Lender> lender;
  std::uint32_t failures = 0;
  std::uint64_t round = 0, group = 0;
  do {
    if (round != 0 && lender != nullptr) {
      leave_cpu(owner_cpu());
      serve(&lender, round, group);
    }
    if (lender == nullptr && failures < kMaxFailures) {
      lender = open_way();
      failures = lender == nullptr ? failures + 1 : 0;
    }
    rest(round);
  } while (wait_for_round(index, &round, &group));
}

// Null, and counted, if it fails.
std::unique_ptr<Lender> Lenders::open_way() {
  std::string failure;
  try {
    return open_();
  } catch (const std::exception& error) {
    failure = error.what();
  }
  const std::lock_guard lock(mutex_);
  ++counters_.failed;
  last_failure_ = failure;
  return nullptr;
}

// Sleeps until there is a round that this thread has not seen and is invited to; false when it is
// time to end.
bool Lenders::wait_for_round(std::uint32_t index, std::uint64_t* round, std::uint64_t* group) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return closing_ || (round_ != *round && index < invited_); });
  *round = round_;
  *group = group_;
  return !closing_;
}

int Lenders::owner_cpu() const {
  const std::lock_guard lock(mutex_);
  return owner_cpu_;
}

bool Lenders::still_wanted(std::uint64_t round) const {
  const std::lock_guard lock(mutex_);
  return wanted_ && round_ == round;
}

void Lenders::rest(std::uint64_t round) {
  const std::lock_guard lock(mutex_);
  if (round == round_ && at_work_ != 0) --at_work_;
}

// Visits the group until the round is over. Gives up the way if it failed.
void Lenders::serve(std::unique_ptr<Lender>* lender, std::uint64_t round, std::uint64_t group) {
  auto pause = policy_.shortest;
  std::uint32_t idle = 0;
  while (still_wanted(round)) {
    bool worked = false;
    if (!count_and_judge((*lender)->lend(group), &worked)) {
      lender->reset();
      return;
    }
    if (worked) {
      pause = policy_.shortest;
      idle = 0;
      continue;
    }
    if (policy_.idle_visits != 0 && ++idle >= policy_.idle_visits) return;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, pause, [&] { return closing_ || !wanted_ || round_ != round; });
    pause = std::min(2 * pause, policy_.longest);
  }
}

// False if the way is of no use any more.
bool Lenders::count_and_judge(const Loan& loan, bool* worked) {
  const std::lock_guard lock(mutex_);
  if (loan.result != kTeeSuccess) {
    if (turned_away(loan.result)) {
      ++counters_.refused;
      return true;
    }
    ++counters_.failed;
    last_failure_ = "lending a core failed with code " + code_text(loan.result);
    return false;
  }
  ++counters_.visits;
  if (loan.exit == SECURE_CORES_EXIT_EVICTED) ++counters_.evicted;
  if (loan.exit == SECURE_CORES_EXIT_FAULT) ++counters_.faulted;
  if (loan.exit == SECURE_CORES_EXIT_RETURN) {
    counters_.parts += loan.returned;
    *worked = loan.returned != 0;
  }
  return true;
}

}  // namespace sz::client
