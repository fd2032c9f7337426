// Lenders that Linux takes away: killed, starved by a real-time thread, stopped.
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <fstream>
#include <random>
#include <stdexcept>
#include <string>

#include "tests/cores/cases.h"

namespace sz::cores_test {
namespace {

constexpr int kOwnerCpu = 0;
constexpr int kLenderCpu = 1;
constexpr int kWakerCpu = 2;

// While it lives, real-time threads may have a CPU to themselves for ever.
class WithoutThrottling {
 public:
  WithoutThrottling() { write("-1"); }
  ~WithoutThrottling() { write("950000"); }
  WithoutThrottling(const WithoutThrottling&) = delete;

 private:
  static void write(const char* value) {
    std::ofstream("/proc/sys/kernel/sched_rt_runtime_us") << value;
  }
};

// A SCHED_FIFO thread that has the lender's CPU to itself until `end`, from `delay_ms` on. A thread
// on a third CPU wakes it: timers are late on those that are in the secure world, under the
// emulator.
class Hog {
 public:
  explicit Hog(std::uint32_t delay_ms)
      : thread_([this] { run(); }), waker_([this, delay_ms] {
          pin_to_cpu(kWakerCpu);
          sleep_ms(delay_ms);
          awake_ = true;
          awake_.notify_all();
        }) {}
  void end() {
    ending_ = true;
    if (waker_.joinable()) waker_.join();
    if (thread_.joinable()) thread_.join();
  }
  ~Hog() { end(); }

  std::atomic<bool> real_time = false;  // after end()

 private:
  void run() {
    pin_to_cpu(kLenderCpu);
    const sched_param priority{.sched_priority = 50};
    real_time = pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority) == 0;
    awake_.wait(false);
    while (!ending_) {
    }
  }

  std::atomic<bool> awake_ = false, ending_ = false;
  std::thread thread_, waker_;
};

// An owner's thread that runs one job after the other and compares the results.
class BusyOwner {
 public:
  BusyOwner(TestTa& ta, const Request& request)
      : thread_([this, &ta, request] {
          const std::uint64_t wanted = expected_checksum(request);
          while (!ending_) {
            Report report;
            const std::uint32_t result = ta.call(Command::kRun, request, &report);
            if (result != kSuccessResult || report.status != 0) ++failed_runs;
            if (report.checksum != wanted || report.differing != 0) ++wrong_results;
            facts = report.facts;
            ++runs;
          }
        }) {}
  void end() {
    ending_ = true;
    if (thread_.joinable()) thread_.join();
  }
  ~BusyOwner() { end(); }

  std::atomic<std::uint32_t> runs{}, failed_runs{}, wrong_results{};
  smartzone_cores facts{};  // of the last run; after end()

 private:
  std::atomic<bool> ending_ = false;
  std::thread thread_;  // last: begins when all the rest is there
};

}  // namespace

Outcome killed_lenders(TeeContext& context, std::uint32_t times) {
  Outcome outcome("killed-lenders");
  std::mt19937 random(20);
  const Stopwatch watch;
  {
    TestTa ta(context);
    const std::uint64_t group = ta.must(Command::kStart).group;
    BusyOwner owner(ta, small_job(9));
    for (std::uint32_t i = 0; i < times; ++i) {
      const pid_t lender = start_lender_process(group, 1 + random() % 2);
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 30'000));
      kill_process(lender);
    }
    owner.end();
    outcome.equal(owner.failed_runs, 0, "runs that failed");
    outcome.equal(owner.wrong_results, 0, "wrong results");
    outcome.check(owner.runs > 0, "no run");
    outcome.check(owner.facts.work[1] != 0, "no lender ever helped");
    outcome.figure("killed", times);
    outcome.figure("runs", owner.runs);
    outcome.figure("evictions", static_cast<double>(owner.facts.evictions));
    outcome.figure("redone", static_cast<double>(owner.facts.redone));
    outcome.figure("wrong", owner.wrong_results);
  }
  outcome.figure("seconds", watch.seconds());
  check_next_session(context, &outcome);
  return outcome;
}

// The lender's CPU is taken away while the helper is in a chunk, and is not given back before the
// run is over: the owner may not wait for it. Whether the helper is in a chunk just then is a
// matter of luck, so it is tried several times. Needs three CPUs.
Outcome starved_lender(TeeContext& context) {
  constexpr int kTries = 12;
  constexpr double kLongestRun = 15;  // alone the job takes about two seconds
  Outcome outcome("starved-lender");
  const WithoutThrottling unthrottled;
  {
    TestTa ta(context);
    std::atomic<std::uint64_t> group = 0;
    LenderThreads lenders(group, {.cpu = kLenderCpu});
    group = ta.must(Command::kStart).group;
    // Two chunks, long ones: the helper is in the second for as long as the owner is in the first.
    Request request{.cores = 2, .repeats = 1, .chunks = 2, .rounds = 20'000'000, .seed = 3};
    const std::uint64_t wanted = expected_checksum(request);
    request.wait_for_helper = 1;
    Report report;
    double seconds = 0;
    int tries = 0;
    for (; tries < kTries && report.facts.evictions == 0; ++tries) {
      pin_to_cpu(kOwnerCpu);
      Hog hog(20 + 40 * static_cast<std::uint32_t>(tries % 4));
      const Stopwatch watch;
      report = ta.must(Command::kRun, request);
      seconds = watch.seconds();
      hog.end();
      outcome.check(hog.real_time, "the hog could not become a real-time thread");
      unpin();
      outcome.equal(report.status, 0, "status");
      outcome.equal(report.checksum, wanted, "result");
      outcome.check(seconds < kLongestRun, "the owner waited too long");
    }
    outcome.check(report.facts.evictions != 0, "nobody was evicted");
    outcome.check(report.facts.redone != 0, "nothing was redone");
    outcome.figure("seconds", seconds);
    outcome.figure("evictions", static_cast<double>(report.facts.evictions));
    outcome.figure("redone", static_cast<double>(report.facts.redone));
    outcome.figure("tries", tries);
  }
  check_next_session(context, &outcome);
  return outcome;
}

// SIGSTOP takes a thread out of its CPU where Linux gets to see it: between two visits, or when the
// visit ends.
Outcome stopped_lender(TeeContext& context) {
  constexpr int kStops = 25;
  Outcome outcome("stopped-lender");
  std::mt19937 random(30);
  const Stopwatch watch;
  {
    TestTa ta(context);
    const std::uint64_t group = ta.must(Command::kStart).group;
    BusyOwner owner(ta, small_job(11));
    const pid_t lender = start_lender_process(group);
    for (int i = 0; i < kStops; ++i) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 50'000));
      kill(lender, SIGSTOP);
      // The owner must go on without it.
      const std::uint32_t before = owner.runs;
      outcome.check(holds_within(20'000, [&] { return owner.runs >= before + 2; }),
                    "the owner waits for a stopped process");
      kill(lender, SIGCONT);
    }
    kill(lender, SIGSTOP);
    kill_process(lender);
    owner.end();
    outcome.equal(owner.failed_runs, 0, "runs that failed");
    outcome.equal(owner.wrong_results, 0, "wrong results");
    outcome.check(owner.facts.work[1] != 0, "the lender never helped");
    outcome.figure("stops", kStops);
    outcome.figure("runs", owner.runs);
  }
  outcome.figure("seconds", watch.seconds());
  check_next_session(context, &outcome);
  return outcome;
}

}  // namespace sz::cores_test
