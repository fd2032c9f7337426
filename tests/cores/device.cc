#include "tests/cores/device.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <new>
#include <stdexcept>
#include <string>

#include "protocol/secure_cores.h"
#include "tests/cores/chain.h"

namespace sz::cores_test {
namespace {

constexpr TEEC_UUID kTestTa = CORES_TEST_TA_UUID;
constexpr TEEC_UUID kPseudoTa = SECURE_CORES_UUID;

[[noreturn]] void fail(const std::string& what, std::uint32_t result) {
  char code[16];
  std::snprintf(code, sizeof(code), "0x%08x", result);
  throw std::runtime_error(what + ": " + code);
}

void open(TeeContext& context, const TEEC_UUID& uuid, TEEC_Session* session, const char* what) {
  std::uint32_t origin = 0;
  const TEEC_Result result =
      TEEC_OpenSession(context.get(), session, &uuid, TEEC_LOGIN_PUBLIC, nullptr, nullptr, &origin);
  if (result != TEEC_SUCCESS) fail(std::string("no session with ") + what, result);
}

}  // namespace

TestTa::TestTa(TeeContext& context) { open(context, kTestTa, &session_, "the test TA"); }

std::uint32_t TestTa::call(Command command, const Request& request, Report* report) {
  Request copy = request;
  TEEC_Operation operation{};
  operation.paramTypes =
      TEEC_PARAM_TYPES(TEEC_MEMREF_TEMP_INPUT, TEEC_MEMREF_TEMP_OUTPUT, TEEC_NONE, TEEC_NONE);
  operation.params[0].tmpref = {&copy, sizeof(copy)};
  operation.params[1].tmpref = {report, sizeof(*report)};
  std::uint32_t origin = 0;
  return TEEC_InvokeCommand(&session_, static_cast<std::uint32_t>(command), &operation, &origin);
}

Report TestTa::must(Command command, const Request& request) {
  Report report;
  const std::uint32_t result = call(command, request, &report);
  if (result != kSuccessResult) {
    fail("command " + std::to_string(static_cast<int>(command)) + " of the test TA", result);
  }
  return report;
}

Lender::Lender(TeeContext& context) { open(context, kPseudoTa, &session_, "the pseudo-TA"); }

Loan Lender::lend(std::uint64_t group) {
  TEEC_Operation operation{};
  operation.paramTypes =
      TEEC_PARAM_TYPES(TEEC_VALUE_INPUT, TEEC_VALUE_OUTPUT, TEEC_NONE, TEEC_NONE);
  operation.params[0].value = {static_cast<std::uint32_t>(group),
                               static_cast<std::uint32_t>(group >> 32)};
  std::uint32_t origin = 0;
  const TEEC_Result result =
      TEEC_InvokeCommand(&session_, SECURE_CORES_CMD_LEND, &operation, &origin);
  return {result, operation.params[1].value.a, operation.params[1].value.b};
}

LenderThreads::LenderThreads(const std::atomic<std::uint64_t>& group, Options options)
    : group_(group), options_(options) {
  for (std::uint32_t i = 0; i < options.count; ++i) {
    threads_.emplace_back([this, i] { lend(i); });
  }
}

void LenderThreads::end() {
  ending_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void LenderThreads::lend(std::uint32_t number) {
  // A context of its own, as another process has: nothing that libteec shares between threads.
  TeeContext context;
  Lender lender(context);
  std::minstd_rand random(number + 1);
  const auto cpus = static_cast<std::uint32_t>(sysconf(_SC_NPROCESSORS_ONLN));
  if (options_.cpu >= 0) pin_to_cpu(options_.cpu);
  if (options_.ready != nullptr) ++*options_.ready;
  while (!ending_) {
    const std::uint64_t group = group_;
    if (group == 0) {
      sleep_ms(1);
      continue;
    }
    if (options_.wanders && random() % 4 == 0) pin_to_cpu(static_cast<int>(random() % cpus));
    const bool entered = count(lender.lend(group));
    if (entered && options_.once) return;
    if (options_.longest_rest != 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % options_.longest_rest));
    } else if (!entered) {
      std::this_thread::yield();
    }
  }
}

bool LenderThreads::count(const Loan& loan) {
  if (loan.result == kSuccessResult) {
    ++(loan.exit == SECURE_CORES_EXIT_RETURN    ? returned
       : loan.exit == SECURE_CORES_EXIT_EVICTED ? evicted
                                                : faulted);
    return true;
  }
  if (loan.result == kItemNotFound) {
    ++not_found;
  } else if (loan.result == kBusy) {
    ++busy;
  } else if (loan.result == kOutOfMemory) {
    ++no_memory;
  } else {
    ++other;
    other_code = loan.result;
  }
  return false;
}

SharedCounter::SharedCounter() {
  void* memory =
      mmap(nullptr, sizeof(*counter_), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no memory to share with a process");
  counter_ = new (memory) std::atomic<std::uint32_t>(0);
}

SharedCounter::~SharedCounter() { munmap(counter_, sizeof(*counter_)); }

pid_t start_lender_process(std::uint64_t group, std::uint32_t threads) {
  const SharedCounter ready;
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no more processes");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      const std::atomic<std::uint64_t> forever = group;
      LenderThreads lenders(forever, {.count = threads, .ready = ready.get()});
      for (;;) pause();
    } catch (const std::exception&) {
    }
    _exit(1);
  }
  if (!holds_within(20'000, [&] { return *ready.get() == threads; })) {
    kill_process(child);
    throw std::runtime_error("a process of lenders does not begin");
  }
  return child;
}

void kill_process(pid_t process) {
  kill(process, SIGKILL);
  waitpid(process, nullptr, 0);
}

void pin_to_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof(set), &set) != 0) {
    throw std::runtime_error("no CPU " + std::to_string(cpu));
  }
}

void unpin() {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); ++cpu) CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof(set), &set);
}

void sleep_ms(std::uint32_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

std::uint64_t expected_checksum(const Request& request) {
  std::vector<std::uint64_t> table(kTableWords), results(request.chunks);
  fill_table(table.data(), request.seed);
  for (std::uint32_t i = 0; i < request.chunks; ++i) {
    results[i] = chunk_result(table.data(), i, request.rounds);
  }
  return checksum(results.data(), request.chunks);
}

bool holds_within(std::uint32_t ms, const std::function<bool()>& condition) {
  const Stopwatch watch;
  while (!condition()) {
    if (watch.seconds() * 1000 > ms) return false;
    sleep_ms(2);
  }
  return true;
}

TeeMemory tee_memory(TeeContext& context) {
  using ta::testing::Allocator;
  const auto heap = ta::testing::read_statistics(context, Allocator::kCoreHeap);
  const auto memory = ta::testing::read_statistics(context, Allocator::kTaMemory);
  if (!heap || !memory)
    throw std::runtime_error("this OP-TEE keeps no statistics (CFG_WITH_STATS=y)");
  return {heap->allocated, memory->allocated};
}

}  // namespace sz::cores_test
