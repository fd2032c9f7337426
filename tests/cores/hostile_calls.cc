// Calls the pseudo-TA from the normal world in every way but the right one, through /dev/tee0
// itself: hostile_calls CALLS [THREADS]. Half of the calls go through all pairs of a command number
// from 0 to 64 and parameter types that Linux lets pass (all of them, where CALLS suffices), half
// are random. Each answer must be exactly the refusal that protocol/secure_cores.h names; QUERY
// alone may succeed. A live group's count of entries must stay 0. Prints one line of JSON.

#include <fcntl.h>
#include <linux/tee.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>

#include "protocol/secure_cores.h"
#include "tests/cores/device.h"
#include "tests/cores/outcome.h"

namespace {

using namespace sz::cores_test;

constexpr std::uint32_t kCommands = 65;
constexpr std::array<std::uint32_t, 7> kGoodTypes = {0, 1, 2, 3, 5, 6, 7};
constexpr std::uint64_t kTypeWords = 7 * 7 * 7 * 7;
constexpr std::uint64_t kSharedBytes = 4096;

// f92bfdc6-a2b7-4d5f-890e-f7b97b7c1492 as the kernel wants it.
constexpr std::uint8_t kPseudoTa[16] = {0xf9, 0x2b, 0xfd, 0xc6, 0xa2, 0xb7, 0x4d, 0x5f,
                                        0x89, 0x0e, 0xf7, 0xb9, 0x7b, 0x7c, 0x14, 0x92};

using Types = std::array<std::uint32_t, 4>;

// What Linux itself answers.
constexpr std::uint32_t kRefusedByLinux = 1;

struct Call {
  std::uint32_t command = 0;
  Types types{};
  std::array<std::array<std::uint32_t, 2>, 4> values{};
};

std::uint32_t wanted(const Call& call) {
  for (const std::uint32_t type : call.types) {
    if (type == 4 || type > 7) return kRefusedByLinux;
  }
  switch (call.command) {
    case SECURE_CORES_CMD_QUERY:
      return call.types == Types{2, 2, 0, 0} ? kSuccessResult : kBadParameters;
    case SECURE_CORES_CMD_START:
    case SECURE_CORES_CMD_STATUS:
    case SECURE_CORES_CMD_STOP:
      return kAccessDenied;
    case SECURE_CORES_CMD_LEND:
      return call.types == Types{1, 2, 0, 0} ? kItemNotFound : kBadParameters;
    default:
      return kNotSupported;
  }
}

// An argument of the driver's calls: a head, which ends in an array of no length, and four
// parameters.
template <typename Head>
class Argument {
 public:
  Argument() { head()->num_params = 4; }
  Head* head() { return reinterpret_cast<Head*>(bytes_); }
  tee_ioctl_param& param(std::size_t i) {
    return reinterpret_cast<tee_ioctl_param*>(bytes_ + sizeof(Head))[i];
  }
  bool send(int file, unsigned long request) {
    tee_ioctl_buf_data data{.buf_ptr = reinterpret_cast<std::uintptr_t>(bytes_),
                            .buf_len = sizeof(bytes_)};
    return ioctl(file, request, &data) == 0;
  }

 private:
  alignas(8) std::byte bytes_[sizeof(Head) + 4 * sizeof(tee_ioctl_param)] = {};
};

// A session with the pseudo-TA, by system calls.
class RawDevice {
 public:
  RawDevice() : file_(open("/dev/tee0", O_RDWR)) {
    if (file_ < 0) throw std::runtime_error("no /dev/tee0");
    tee_ioctl_shm_alloc_data memory{.size = kSharedBytes, .flags = 0, .id = 0};
    memory_file_ = ioctl(file_, TEE_IOC_SHM_ALLOC, &memory);
    if (memory_file_ < 0) throw std::runtime_error("no shared memory");
    memory_ = static_cast<std::uint64_t>(memory.id);
  }
  ~RawDevice() {
    close(memory_file_);
    close(file_);
  }
  RawDevice(const RawDevice&) = delete;
  RawDevice& operator=(const RawDevice&) = delete;

  // The TEE_Result, or kRefusedByLinux.
  std::uint32_t open_session(std::uint32_t login) {
    Argument<tee_ioctl_open_session_arg> call;
    std::memcpy(call.head()->uuid, kPseudoTa, sizeof(kPseudoTa));
    call.head()->clnt_login = login;
    if (!call.send(file_, TEE_IOC_OPEN_SESSION)) return kRefusedByLinux;
    session_ = call.head()->session;
    return call.head()->ret;
  }

  std::uint32_t invoke(const Call& from) {
    Argument<tee_ioctl_invoke_arg> call;
    call.head()->func = from.command;
    call.head()->session = session_;
    for (std::size_t i = 0; i < 4; ++i) {
      tee_ioctl_param& param = call.param(i);
      param.attr = from.types[i];
      param.a = from.values[i][0];
      param.b = from.values[i][1];
      if (from.types[i] < 5) continue;
      param.a = from.values[i][0] % kSharedBytes;                  // offset
      param.b = from.values[i][1] % (kSharedBytes - param.a + 1);  // size
      param.c = memory_;
    }
    if (call.send(file_, TEE_IOC_INVOKE)) return call.head()->ret;
    return errno == EINVAL ? kRefusedByLinux : static_cast<std::uint32_t>(errno);
  }

 private:
  int file_;
  int memory_file_ = -1;
  std::uint64_t memory_ = 0;
  std::uint32_t session_ = 0;
};

// Makes the calls; the same ones for the same numbers.
class Calls {
 public:
  explicit Calls(std::uint64_t group) : group_(group) {}

  Call make(std::uint64_t number) const {
    std::mt19937_64 random(number);
    Call call;
    for (auto& pair : call.values) pair = {odd_word(random), odd_word(random)};
    if (number % 2 == 0) {
      systematic(number / 2, &call);
    } else {
      call.command =
          random() % 2 == 0 ? static_cast<std::uint32_t>(random() % 6) : odd_word(random);
      for (std::uint32_t& type : call.types) {
        type = random() % 64 == 0 ? static_cast<std::uint32_t>(random() % 16)
                                  : kGoodTypes[random() % kGoodTypes.size()];
      }
      if (random() % 4 == 0) call.types = {1, 2, 0, 0};  // right for LEND
      if (random() % 8 == 0) call.types = {1, 1, 1, 3};  // right for START
    }
    if (random() % 4 == 0) near_group(random, &call);
    return call;
  }

 private:
  void systematic(std::uint64_t index, Call* call) const {
    constexpr std::uint64_t kAll = kCommands * kTypeWords;
    constexpr std::uint64_t kStride = 104'729;  // prime: every pair comes once in kAll steps
    std::uint64_t pair = index * kStride % kAll;
    call->command = static_cast<std::uint32_t>(pair % kCommands);
    pair /= kCommands;
    for (std::uint32_t& type : call->types) {
      type = kGoodTypes[pair % kGoodTypes.size()];
      pair /= kGoodTypes.size();
    }
  }

  // The group's own id is the one thing that must not be tried: it would be let in.
  void near_group(std::mt19937_64& random, Call* call) const {
    const std::uint64_t id = group_ ^ (std::uint64_t{1} << random() % 64);
    call->values[0] = {static_cast<std::uint32_t>(id), static_cast<std::uint32_t>(id >> 32)};
  }

  static std::uint32_t odd_word(std::mt19937_64& random) {
    constexpr std::uint32_t kOdd[] = {0, 1, 7, 8, 4096, 0x7fffffff, 0x80000000, 0xffffffff};
    const std::uint64_t word = random();
    return word % 3 == 0 ? kOdd[word / 3 % std::size(kOdd)]
                         : static_cast<std::uint32_t>(word >> 32);
  }

  std::uint64_t group_;
};

// Every kind of login that a client can name; none of them makes it an owner.
void try_logins(Outcome* outcome) {
  std::uint32_t opened = 0;
  for (const std::uint32_t login : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 0x80000000u, 0xbfffffffu,
                                    0xefffffffu, 0xf0000000u, 0xffffffffu}) {
    RawDevice device;
    if (device.open_session(login) != kSuccessResult) continue;
    ++opened;
    outcome->equal(device.invoke({.command = SECURE_CORES_CMD_START, .types = {1, 1, 1, 3}}),
                   kAccessDenied, "START with login " + std::to_string(login));
  }
  outcome->check(opened != 0, "no session at all");
}

struct Tally {
  std::mutex mutex;
  std::map<std::uint32_t, std::uint64_t> answers;
  std::uint64_t wrong = 0;
  std::string first_wrong;
};

void hammer(const Calls& calls, std::uint64_t first, std::uint64_t count, std::uint32_t step,
            Tally* tally) {
  RawDevice device;
  if (device.open_session(0) != kSuccessResult) throw std::runtime_error("no session");
  std::map<std::uint32_t, std::uint64_t> answers;
  for (std::uint64_t i = first; i < count; i += step) {
    const Call call = calls.make(i);
    const std::uint32_t answer = device.invoke(call);
    ++answers[answer];
    if (answer == wanted(call)) continue;
    const std::lock_guard lock(tally->mutex);
    char text[128];
    std::snprintf(text, sizeof(text), "call %llu: command %#x, types %x%x%x%x, answer %#x, not %#x",
                  static_cast<unsigned long long>(i), call.command, call.types[0], call.types[1],
                  call.types[2], call.types[3], answer, wanted(call));
    if (tally->wrong++ == 0) tally->first_wrong = text;
  }
  const std::lock_guard lock(tally->mutex);
  for (const auto& [answer, times] : answers) tally->answers[answer] += times;
}

Outcome hostile_calls(std::uint64_t count, std::uint32_t threads) {
  Outcome outcome("hostile-calls");
  try_logins(&outcome);
  TeeContext context;
  TestTa victim(context);
  const std::uint64_t group =
      victim.must(Command::kRawStart, {.cores = 8, .raw = Raw::kReturn}).group;
  const TeeMemory before = tee_memory(context);
  const Calls calls(group);
  Tally tally;
  const Stopwatch watch;
  std::vector<std::thread> all;
  for (std::uint32_t i = 0; i < threads; ++i) {
    all.emplace_back([&, i] { hammer(calls, i, count, threads, &tally); });
  }
  for (std::thread& thread : all) thread.join();
  outcome.figure("seconds", watch.seconds());
  outcome.equal(
      tally.wrong, 0,
      "wrong answers" + (tally.first_wrong.empty() ? "" : " (" + tally.first_wrong + ")"));
  const Report report = victim.must(Command::kRawStatus);
  outcome.equal(report.entries, 0, "entries");
  outcome.equal(report.faults, 0, "faults");
  outcome.check(tee_memory(context) == before, "OP-TEE has less memory than before");
  outcome.figure("calls", static_cast<double>(count));
  outcome.figure("wrong", static_cast<double>(tally.wrong));
  outcome.figure("entries", report.entries);
  outcome.figure("access_denied", static_cast<double>(tally.answers[kAccessDenied]));
  outcome.figure("bad_parameters", static_cast<double>(tally.answers[kBadParameters]));
  outcome.figure("item_not_found", static_cast<double>(tally.answers[kItemNotFound]));
  outcome.figure("not_supported", static_cast<double>(tally.answers[kNotSupported]));
  outcome.figure("query_answered", static_cast<double>(tally.answers[kSuccessResult]));
  outcome.figure("refused_by_linux", static_cast<double>(tally.answers[kRefusedByLinux]));
  // And the group was there all the time.
  Lender lender(context);
  outcome.equal(lender.lend(group).result, kSuccessResult, "LEND to the good id");
  return outcome;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: hostile_calls CALLS [THREADS]\n");
    return 2;
  }
  try {
    const Outcome outcome =
        hostile_calls(std::strtoull(argv[1], nullptr, 10),
                      argc > 2 ? static_cast<std::uint32_t>(std::atoi(argv[2])) : 2);
    outcome.print();
    return outcome.passed() ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hostile_calls: %s\n", error.what());
    return 2;
  }
}
