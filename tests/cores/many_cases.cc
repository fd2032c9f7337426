// More lenders than slots; sessions that come and go under lenders' hammering; killed clients.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <stdexcept>

#include "protocol/secure_cores.h"
#include "tests/cores/cases.h"

namespace sz::cores_test {

Outcome crowd(TeeContext& context, std::uint32_t slots, std::uint32_t count) {
  Outcome outcome("crowd");
  const Stopwatch watch;
  {
    TestTa ta(context);
    std::atomic<std::uint64_t> group = 0;
    LenderThreads lenders(group, {.count = count, .longest_rest = 500});
    group = ta.must(Command::kStart, {.cores = slots + 1}).group;
    Request request = small_job(13);
    request.cores = slots + 1;
    request.repeats = 40;
    request.chunks = 128;
    request.wait_for_helper = 1;
    std::uint64_t evictions = 0;
    std::uint32_t helped = 0;
    for (int i = 0; i < 5; ++i) {
      const Report report = ta.must(Command::kRun, request);
      outcome.equal(report.status, 0, "status");
      outcome.equal(report.checksum, expected_checksum(request), "result");
      outcome.equal(report.differing, 0, "results that differ");
      outcome.check(report.facts.present <= slots, "more helpers inside than slots");
      evictions = report.facts.evictions;
      helped = 0;
      for (std::uint32_t n = 1; n < SMARTZONE_MAX_CORES; ++n) helped += report.facts.work[n] != 0;
    }
    outcome.equal(helped, slots, "slots whose helpers worked");
    ta.must(Command::kStop);
    lenders.end();
    outcome.check(lenders.busy != 0, "nobody was turned away");
    outcome.equal(lenders.other, 0, "answers of another kind");
    outcome.figure("turned_away", static_cast<double>(lenders.busy));
    outcome.figure("visits", static_cast<double>(lenders.visits()));
    outcome.figure("evictions", static_cast<double>(evictions));
  }
  outcome.figure("seconds", watch.seconds());
  check_next_session(context, &outcome);
  return outcome;
}

// Sessions open, start, compute and close at any moment while lenders hammer on them.
Outcome closing(TeeContext& context, std::uint32_t times) {
  Outcome outcome("closing");
  std::mt19937 random(40);
  check_gives_back(context, &outcome, [&] {
    const Stopwatch watch;
    std::atomic<std::uint64_t> group = 0;
    LenderThreads lenders(group, {.count = 3});
    Request request = small_job(15);
    request.repeats = 1;
    const std::uint64_t wanted = expected_checksum(request);
    for (std::uint32_t i = 0; i < times; ++i) {
      TestTa ta(context);
      const bool counts = random() % 3 == 0;
      group = counts ? ta.must(Command::kRawStart, {.cores = 3, .raw = Raw::kCount}).group
                     : ta.must(Command::kStart, {.cores = 3}).group;
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 10'000));
      if (counts) continue;  // closes with helpers inside
      request.cores = 3;
      const Report report = ta.must(Command::kRun, request);
      outcome.equal(report.status, 0, "status");
      outcome.equal(report.checksum, wanted, "result");
    }
    lenders.end();
    outcome.equal(lenders.other, 0, "answers of another kind");
    outcome.equal(lenders.faulted, 0, "faults");
    outcome.check(lenders.visits() != 0, "nobody ever got in");
    outcome.figure("sessions", times);
    outcome.figure("visits", static_cast<double>(lenders.visits()));
    outcome.figure("evicted", static_cast<double>(lenders.evicted));
    outcome.figure("too_late", static_cast<double>(lenders.not_found));
    outcome.figure("seconds", watch.seconds());
  });
  check_next_session(context, &outcome);
  return outcome;
}

namespace {

// A client with two lenders that computes for ever, and counts its runs.
pid_t start_client_process(std::atomic<std::uint32_t>* runs) {
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no more processes");
  if (child > 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    TeeContext context;
    TestTa ta(context);
    std::atomic<std::uint64_t> group = 0;
    LenderThreads lenders(group, {.count = 2});
    group = ta.must(Command::kStart, {.cores = 3}).group;
    Request request = small_job(17);
    request.cores = 3;
    for (;; ++*runs) ta.must(Command::kRun, request);
  } catch (const std::exception&) {
  }
  _exit(1);
}

}  // namespace

Outcome killed_clients(TeeContext& context, std::uint32_t times) {
  Outcome outcome("killed-clients");
  const Stopwatch watch;
  std::mt19937 random(50);
  const SharedCounter runs;
  check_gives_back(context, &outcome, [&] {
    for (std::uint32_t i = 0; i < times; ++i) {
      *runs.get() = 0;
      const pid_t client = start_client_process(runs.get());
      // From here on it is in a run nearly always.
      outcome.check(holds_within(20'000, [&] { return *runs.get() != 0; }), "a client hangs");
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 50'000));
      outcome.check(waitpid(client, nullptr, WNOHANG) == 0, "a client ended by itself");
      kill_process(client);
    }
  });
  outcome.figure("killed", times);
  outcome.figure("seconds", watch.seconds());
  check_next_session(context, &outcome);
  return outcome;
}

namespace {

// Whether as many helpers as there may be get in: nobody else holds slots or translation tables.
void check_full_house(TeeContext& context, Outcome* outcome) {
  constexpr std::uint32_t kSlots = SECURE_CORES_MAX_SLOTS;
  TestTa ta(context);
  std::atomic<std::uint64_t> group = 0;
  LenderThreads lenders(group, {.count = kSlots, .once = true});
  group = ta.must(Command::kRawStart, {.cores = kSlots + 1, .raw = Raw::kCount}).group;
  const bool all =
      holds_within(30'000, [&] { return ta.must(Command::kRawStatus).inside == kSlots; });
  outcome->check(all, "not all helpers get in afterwards");
  group = 0;
  ta.must(Command::kRawStop);
  if (!all) lenders.end();
}

}  // namespace

Outcome cycles(TeeContext& context, std::uint32_t times) {
  Outcome outcome("cycles");
  {
    TestTa ta(context);
    ta.must(Command::kStart, {.cores = 3});  // whatever is allocated once
    ta.must(Command::kStop);
    const TeeMemory before = tee_memory(context);
    std::atomic<std::uint64_t> group = 0;
    LenderThreads lenders(group, {.count = 3});
    const Stopwatch watch;
    for (std::uint32_t i = 0; i < times; ++i) {
      group = ta.must(Command::kStart, {.cores = 3}).group;
      ta.must(Command::kStop);
    }
    outcome.figure("seconds", watch.seconds());
    lenders.end();
    const TeeMemory after = tee_memory(context);
    outcome.equal(after.heap, before.heap, "bytes of OP-TEE's heap");
    outcome.equal(after.ta_memory, before.ta_memory, "bytes of the TAs' memory");
    outcome.equal(lenders.other, 0, "answers of another kind");
    outcome.check(lenders.visits() != 0, "nobody ever got in");
    outcome.figure("cycles", times);
    outcome.figure("heap_drift", static_cast<double>(after.heap) - before.heap);
    outcome.figure("ta_memory_drift", static_cast<double>(after.ta_memory) - before.ta_memory);
    outcome.figure("visits", static_cast<double>(lenders.visits()));
    outcome.figure("evicted", static_cast<double>(lenders.evicted));
  }
  check_full_house(context, &outcome);
  check_next_session(context, &outcome);
  return outcome;
}

}  // namespace sz::cores_test
