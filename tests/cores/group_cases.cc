// Groups made with the pseudo-TA's commands alone: eviction, what helpers see, ids, misuse.
#include <array>
#include <random>

#include "protocol/secure_cores.h"
#include "tests/cores/cases.h"

namespace sz::cores_test {
namespace {

constexpr std::uint32_t kLookAfterStopMs = 300;

bool all_inside(TestTa& ta, std::uint32_t slots) {
  return holds_within(20'000, [&] { return ta.must(Command::kRawStatus).inside == slots; });
}

Request counting(std::uint32_t slots) { return {.cores = slots + 1, .raw = Raw::kCount}; }

}  // namespace

// Helpers count for ever, also while no command of their owner runs. STOP ends that at once.
Outcome evicted_while_counting(TeeContext& context, std::uint32_t slots) {
  Outcome outcome("evicted-while-counting");
  {
    TestTa ta(context);
    std::atomic<std::uint64_t> group = 0;
    LenderThreads lenders(group, {.count = slots, .once = true});
    group = ta.must(Command::kRawStart, counting(slots)).group;
    outcome.check(all_inside(ta, slots), "not all helpers came");
    const std::uint64_t earlier = ta.must(Command::kRawStatus).counted;
    sleep_ms(100);  // the owner is in no command
    outcome.check(ta.must(Command::kRawStatus).counted != earlier, "helpers wait for their owner");
    const Stopwatch watch;
    const Report report = ta.must(Command::kRawStop, {.wait_ms = kLookAfterStopMs});
    outcome.figure("stop_seconds", watch.seconds() - kLookAfterStopMs / 1000.0);
    outcome.equal(report.evicted, slots, "helpers evicted");
    outcome.equal(report.moved_after_stop, 0, "counters that moved after STOP");
    lenders.end();
    outcome.equal(lenders.evicted, slots, "lenders told that they were evicted");
  }
  check_next_session(context, &outcome);
  return outcome;
}

Outcome closed_while_counting(TeeContext& context, std::uint32_t slots) {
  Outcome outcome("closed-while-counting");
  check_gives_back(context, &outcome, [&] {
    std::atomic<std::uint64_t> group = 0;
    LenderThreads lenders(group, {.count = slots, .once = true});
    {
      TestTa ta(context);
      group = ta.must(Command::kRawStart, counting(slots)).group;
      outcome.check(all_inside(ta, slots), "not all helpers came");
    }
    lenders.end();
    outcome.equal(lenders.evicted, slots, "lenders told that they were evicted");
  });
  check_next_session(context, &outcome);
  return outcome;
}

Outcome mapped_after_start(TeeContext& context) {
  Outcome outcome("mapped-after-start");
  {
    TestTa ta(context);
    Lender lender(context);
    const Report started = ta.must(Command::kRawStart, {.cores = 2, .raw = Raw::kProbe});
    const Loan loan = lender.lend(started.group);
    outcome.equal(loan.result, kSuccessResult, "LEND");
    outcome.equal(loan.exit, SECURE_CORES_EXIT_FAULT, "exit");
    const Report report = ta.must(Command::kRawStatus);
    outcome.equal(report.faults, 1, "faults");
    outcome.equal(report.counted, 0, "helpers that got past the access");
    outcome.equal(lender.lend(started.group).result, kBusy, "LEND after a fault");
    ta.must(Command::kRawStop);
  }
  check_next_session(context, &outcome);
  return outcome;
}

// Arguments and commands that the pseudo-TA must refuse to a TA.
Outcome misused_commands(TeeContext& context) {
  constexpr std::array<std::uint32_t, kMisuses> kWanted = {
      kBadParameters, kBadParameters, kBadParameters, kBadParameters, kBadParameters,
      kBadParameters, kBadParameters, kBadParameters, kBadParameters, kBadParameters,
      kBadParameters, kBadParameters, kBadParameters, kBadParameters,  // START
      kBadParameters, kBadParameters, kBadParameters,                  // types
      kBadState,      kBadState,                                       // STATUS, STOP: not started
      kAccessDenied,                                                   // LEND by a TA
      kNotSupported,                                                   // no such command
      kBadState};                                                      // started twice
  Outcome outcome("misused-commands");
  check_gives_back(context, &outcome, [&] {
    TestTa ta(context);
    for (std::uint32_t i = 0; i < kMisuses; ++i) {
      outcome.equal(ta.must(Command::kRawMisuse, {.misuse = i}).result, kWanted[i],
                    "misuse " + std::to_string(i));
    }
  });
  check_next_session(context, &outcome);
  return outcome;
}

namespace {

void check_unknown(Lender& lender, std::uint64_t good, Outcome* outcome) {
  const std::uint64_t swapped = good << 32 | good >> 32;
  for (const std::uint64_t id : {std::uint64_t{0}, ~std::uint64_t{0}, good + 1, good - 1, ~good,
                                 good & 0xffffffff, good & ~std::uint64_t{0xffffffff}, swapped}) {
    outcome->equal(lender.lend(id).result, kItemNotFound, "LEND to an id near a good one");
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    outcome->equal(lender.lend(random()).result, kItemNotFound, "LEND to a random id");
  }
  for (int bit = 0; bit < 64; ++bit) {
    outcome->equal(lender.lend(good ^ std::uint64_t{1} << bit).result, kItemNotFound,
                   "LEND to an id with one bit flipped");
  }
}

// Two live TAs: an id leads to its own TA only.
void check_two_owners(TeeContext& context, Lender& lender, Outcome* outcome) {
  TestTa first(context), second(context);
  const Report one = first.must(Command::kRawStart, {.cores = 2, .raw = Raw::kReturn});
  const Report two = second.must(Command::kRawStart, {.cores = 2, .raw = Raw::kReturn});
  outcome->check(one.group != two.group, "two groups have one id");
  for (int i = 0; i < 100; ++i) {
    const Loan loan = lender.lend(two.group);
    outcome->equal(loan.result, kSuccessResult, "LEND to a good id");
    outcome->equal(loan.returned, 1, "what the helper returned");
  }
  outcome->equal(first.must(Command::kRawStatus).entries, 0, "entries of the other TA");
  outcome->equal(second.must(Command::kRawStatus).entries, 100, "entries of the TA named");
}

}  // namespace

Outcome group_ids(TeeContext& context) {
  Outcome outcome("group-ids");
  Lender lender(context);
  std::uint64_t closed = 0;
  {
    TestTa ta(context);
    const std::uint64_t good = ta.must(Command::kRawStart, {.cores = 2, .raw = Raw::kReturn}).group;
    check_unknown(lender, good, &outcome);
    outcome.equal(ta.must(Command::kRawStatus).entries, 0, "entries by wrong ids");
    outcome.equal(lender.lend(good).result, kSuccessResult, "LEND to the good id");
    ta.must(Command::kRawStop);
    outcome.equal(lender.lend(good).result, kItemNotFound, "LEND to a stopped group");
    closed = good;
  }
  outcome.equal(lender.lend(closed).result, kItemNotFound, "LEND to the id of a closed session");
  {
    TestTa ta(context);
    const std::uint64_t good = ta.must(Command::kRawStart, {.cores = 2, .raw = Raw::kReturn}).group;
    outcome.check(good != closed, "an id was given again");
    outcome.equal(lender.lend(closed).result, kItemNotFound, "replayed id beside a live group");
    outcome.equal(ta.must(Command::kRawStatus).entries, 0, "entries by a replayed id");
  }
  check_two_owners(context, lender, &outcome);
  check_next_session(context, &outcome);
  return outcome;
}

}  // namespace sz::cores_test
