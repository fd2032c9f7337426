// What the test programs of this folder share: sessions with the test TA, lenders whose every step
// the test decides, and the expected results. Over libteec: they run on the device.
#pragma once

#include <sys/types.h>
#include <tee_client_api.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "ta/tests/tee_channel.h"
#include "tests/cores/test_commands.h"

namespace sz::cores_test {

using ta::testing::TeeContext;

constexpr std::uint32_t kSuccessResult = 0;
constexpr std::uint32_t kAccessDenied = 0xffff0001;
constexpr std::uint32_t kBadParameters = 0xffff0006;
constexpr std::uint32_t kBadState = 0xffff0007;
constexpr std::uint32_t kItemNotFound = 0xffff0008;
constexpr std::uint32_t kNotSupported = 0xffff000a;
constexpr std::uint32_t kOutOfMemory = 0xffff000c;
constexpr std::uint32_t kBusy = 0xffff000d;
constexpr std::uint32_t kTargetDead = 0xffff3024;

// A session of the test TA, with an instance of its own. Throws std::runtime_error if it cannot be
// opened.
class TestTa {
 public:
  explicit TestTa(TeeContext& context);
  ~TestTa() { TEEC_CloseSession(&session_); }
  TestTa(const TestTa&) = delete;
  TestTa& operator=(const TestTa&) = delete;

  // Returns the TEE_Result; `report` is filled whatever it is, unless the TA is dead.
  std::uint32_t call(Command command, const Request& request, Report* report);
  // The same, where anything but success ends the test: throws std::runtime_error.
  Report must(Command command, const Request& request = {});

 private:
  TEEC_Session session_{};
};

struct Loan {
  std::uint32_t result = 0;  // TEE_Result
  std::uint32_t exit = 0;    // SECURE_CORES_EXIT_*
  std::uint32_t returned = 0;
};

// A session of the pseudo-TA, as a lender has it. Throws std::runtime_error if it cannot be opened.
class Lender {
 public:
  explicit Lender(TeeContext& context);
  ~Lender() { TEEC_CloseSession(&session_); }
  Lender(const Lender&) = delete;
  Lender& operator=(const Lender&) = delete;

  Loan lend(std::uint64_t group);
  TEEC_Session* session() { return &session_; }

 private:
  TEEC_Session session_{};
};

// Threads that lend to whatever group `group` names until they are destroyed; 0: they wait.
class LenderThreads {
 public:
  struct Options {
    std::uint32_t count = 1;
    int cpu = -1;                    // -1: wherever Linux likes
    std::uint32_t longest_rest = 0;  // microseconds between two visits, at random; 0: no rest
    bool wanders = false;            // pins itself to another CPU now and then
    bool once = false;               // ends after the first visit that was let in
    std::atomic<std::uint32_t>* ready = nullptr;  // counts those that begin to lend
  };

  LenderThreads(const std::atomic<std::uint64_t>& group, Options options);
  ~LenderThreads() { end(); }
  LenderThreads(const LenderThreads&) = delete;

  // Waits for the threads; the counters are final then.
  void end();

  // How often LEND was answered so.
  std::atomic<std::uint64_t> returned{}, evicted{}, faulted{}, not_found{}, busy{}, no_memory{},
      other{};
  std::atomic<std::uint32_t> other_code{};
  std::uint64_t visits() const { return returned + evicted + faulted; }

 private:
  void lend(std::uint32_t number);
  bool count(const Loan& loan);

  const std::atomic<std::uint64_t>& group_;
  const Options options_;
  std::atomic<bool> ending_ = false;
  std::vector<std::thread> threads_;
};

// A counter that a process shares with those that it forks.
class SharedCounter {
 public:
  SharedCounter();
  ~SharedCounter();
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;

  std::atomic<std::uint32_t>* get() const { return counter_; }

 private:
  std::atomic<std::uint32_t>* counter_;
};

// A process of its own that lends to `group` from `threads` threads for ever. Returns when all of
// them have begun.
pid_t start_lender_process(std::uint64_t group, std::uint32_t threads = 1);

// Sends SIGKILL and waits for the process.
void kill_process(pid_t process);

void pin_to_cpu(int cpu);
void unpin();
void sleep_ms(std::uint32_t ms);

// What the job of this request must give, computed here.
std::uint64_t expected_checksum(const Request& request);

// Waits until `condition` holds; false if it does not within `ms`.
bool holds_within(std::uint32_t ms, const std::function<bool()>& condition);

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Numbers of OP-TEE's allocators: bytes taken in the core's heap and in the TAs' memory.
struct TeeMemory {
  std::uint32_t heap = 0;
  std::uint32_t ta_memory = 0;
  bool operator==(const TeeMemory&) const = default;
};
TeeMemory tee_memory(TeeContext& context);

}  // namespace sz::cores_test
