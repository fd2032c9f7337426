// Helpers that fault, leave, or never come back; an owner that panics.
#include "base/status.h"
#include "protocol/secure_cores.h"
#include "tests/cores/cases.h"

namespace sz::cores_test {

Request small_job(std::uint64_t seed) {
  return {.cores = 2, .repeats = 4, .chunks = 32, .rounds = 2000, .seed = seed};
}

void check_next_session(TeeContext& context, Outcome* outcome) {
  TestTa ta(context);
  std::atomic<std::uint64_t> group = 0;
  LenderThreads lenders(group, {});
  group = ta.must(Command::kStart).group;
  Request request = small_job(77);
  request.wait_for_helper = 1;
  const Report report = ta.must(Command::kRun, request);
  outcome->equal(report.status, 0, "next session: status");
  outcome->equal(report.checksum, expected_checksum(request), "next session: result");
  outcome->equal(report.differing, 0, "next session: results that differ");
  outcome->check(report.helper_came == 1, "next session: no helper came");
  outcome->check(report.facts.work[1] != 0, "next session: the helper did nothing");
}

void check_gives_back(TeeContext& context, Outcome* outcome, const std::function<void()>& body) {
  constexpr int kTries = 4;
  // Linux closes a dead process's sessions when its last call has returned.
  constexpr std::uint32_t kGivesBackWithinMs = 5000;
  for (int i = 0; i < kTries; ++i) {
    const TeeMemory before = tee_memory(context);
    body();
    if (holds_within(kGivesBackWithinMs, [&] { return tee_memory(context) == before; })) return;
  }
  outcome->check(false, "OP-TEE has less memory than before, each time");
}

namespace {

bool is_fatal(Fault fault) {
  return fault != Fault::kSystemCall && fault != Fault::kReturn && fault != Fault::kLoop;
}

// An eviction in the worst case, and much for a busy machine under the emulator.
constexpr double kLongestSeconds = 20;

}  // namespace

Outcome faulting_helper(TeeContext& context, Fault fault, const char* name) {
  Outcome outcome(name);
  {
    TestTa ta(context);
    std::atomic<std::uint64_t> group = 0;
    LenderThreads lenders(group, {});
    group = ta.must(Command::kStart).group;
    Request request = small_job(5);
    request.fault = fault;
    const Stopwatch watch;
    const Report report = ta.must(Command::kRun, request);
    outcome.figure("seconds", watch.seconds());
    outcome.check(watch.seconds() < kLongestSeconds, "took too long");
    outcome.check(report.helper_came == 1, "no helper came");
    outcome.equal(report.checksum, expected_checksum(request), "result");
    outcome.equal(report.differing, 0, "results that differ");
    outcome.equal(report.status,
                  is_fatal(fault) ? static_cast<std::uint32_t>(Status::kHelperFault) : 0, "status");
    if (fault == Fault::kPanic) outcome.equal(report.detail, kPanicCode, "panic code");
    if (fault == Fault::kSystemCall) {
      outcome.equal(report.system_call, kNotSupported, "the system call's result");
    } else {
      outcome.check(report.facts.redone != 0, "nothing was redone");
    }
    if (is_fatal(fault)) {
      // The group is gone: an id that was good leads nowhere.
      outcome.check(holds_within(5000, [&] { return lenders.not_found != 0; }), "id still good");
      lenders.end();
      outcome.equal(lenders.faulted, 1, "visits that ended in a fault");
    } else if (fault != Fault::kSystemCall) {
      outcome.check(report.facts.evictions != 0, "nobody was evicted");
    }
    outcome.figure("redone", static_cast<double>(report.facts.redone));
    outcome.figure("evictions", static_cast<double>(report.facts.evictions));
    ta.must(Command::kStop);
    group = 0;
  }
  check_next_session(context, &outcome);
  return outcome;
}

Outcome owner_panics(TeeContext& context) {
  Outcome outcome("owner-panics");
  {
    TestTa ta(context);
    std::atomic<std::uint64_t> group = 0;
    LenderThreads lenders(group, {});
    group = ta.must(Command::kStart).group;
    Request request = small_job(6);
    request.fault = Fault::kOwnerPanics;
    Report report;
    outcome.equal(ta.call(Command::kRun, request, &report), kTargetDead, "the panicking call");
    outcome.equal(ta.call(Command::kFacts, {}, &report), kTargetDead, "a further call");
    lenders.end();
    outcome.equal(lenders.evicted, 1, "helpers evicted by the panic");
  }
  check_next_session(context, &outcome);
  return outcome;
}

}  // namespace sz::cores_test
