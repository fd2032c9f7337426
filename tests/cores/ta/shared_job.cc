#include "tests/cores/ta/shared_job.h"

#include "base/atomic.h"
#include "cores/footprint.h"
#include "tests/cores/chain.h"

// Last: see ta/gp.h.
#include "tests/cores/ta/gp_helpers.h"

namespace sz::cores_test {
namespace {

// How long the owner waits for a helper to begin a chunk before it goes on without.
constexpr std::uint64_t kHelperComesWithinMs = 20'000;

struct Data {
  std::uint64_t table[kTableWords];
  std::uint64_t results[kMaxChunks];
};

struct Job {
  Data* data;
  const ta::SecureCores* cores;
  const volatile std::uint8_t* outside;
  volatile std::uint32_t* code;
  std::uint32_t rounds;
  Fault fault;
  bool waits;
  Atomic<std::uint32_t> helper_came;
  Atomic<std::uint32_t> missed;  // the owner waited in vain
  Atomic<std::uint32_t> system_call;
};

// Fills the stack. The sum after the call keeps the compiler from making a loop of it.
[[gnu::noinline]] std::uint32_t recurse(std::uint32_t depth) {  // NOLINT: without end on purpose
  volatile std::uint32_t frame[64];
  frame[depth % 64] = depth;
  return depth == 0xffffffff ? 0 : recurse(depth + 1) + frame[depth % 64];
}

void misbehave(Job* job) {
  switch (job->fault) {
    case Fault::kNone:
      return;
    case Fault::kUnmapped: {
      // Hidden from the compiler, which knows better than to read there.
      const volatile std::uint32_t* nowhere = nullptr;
      __asm__ __volatile__("mov %0, #16" : "=r"(nowhere));
      static_cast<void>(*nowhere);
      return;
    }
    case Fault::kStackOverflow:
      job->system_call.store_relaxed(recurse(1));
      return;
    case Fault::kNormalWorldMemory:
      static_cast<void>(*job->outside);
      return;
    case Fault::kWriteCode:
      *job->code = 0;
      return;
    case Fault::kUndefined:
      __asm__ __volatile__(".inst 0x00000000");
      return;
    case Fault::kPanic:
      TEE_Panic(kPanicCode);
      return;
    case Fault::kSystemCall: {
      // Refused, and nothing else happens: the helper goes on and computes its chunk.
      TEE_Time* never_written = nullptr;
      job->system_call.store_release(_utee_get_time(0, never_written));
      return;
    }
    case Fault::kReturn:
      _utee_return(0);
    case Fault::kLoop:
    case Fault::kOwnerPanics:
      for (;;) relax_processor();
  }
}

void wait_for_helper(Job* job) {
  const std::uint64_t until = now_ms() + kHelperComesWithinMs;
  while (job->helper_came.load_acquire() == 0) {
    relax_processor();
    if (now_ms() < until) continue;
    job->missed.store_release(1);
    return;
  }
}

void run_chunk(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
  auto* job = static_cast<Job*>(context);
  if (worker != 0) {
    job->helper_came.store_release(1);
    misbehave(job);
  } else if (job->waits && job->missed.load_relaxed() == 0 && job->cores->usable() > 1) {
    wait_for_helper(job);
    if (job->fault == Fault::kOwnerPanics && job->missed.load_relaxed() == 0) TEE_Panic(kPanicCode);
  }
  job->data->results[chunk] = chunk_result(job->data->table, chunk, job->rounds);
}

}  // namespace

std::uint32_t SharedJobs::start(std::uint32_t cores) {
  if (cores < 2 || cores > cores::kMaxWorkers) return TEE_ERROR_BAD_PARAMETERS;
  const std::uint32_t stopped = stop();
  if (stopped != TEE_SUCCESS) return stopped;
  if (!data_.map(sizeof(Data)) || !board_.map(cores::board_bytes(cores)) ||
      !stacks_.map(cores::stacks_bytes(cores))) {
    static_cast<void>(stop());
    return TEE_ERROR_OUT_OF_MEMORY;
  }
  cores_.start(board_.bytes(), stacks_.bytes(), cores, false);
  return cores_.usable() == cores ? TEE_SUCCESS : TEE_ERROR_NOT_SUPPORTED;
}

std::uint32_t SharedJobs::stop() {
  cores_.stop();
  bool released = true;
  for (ta::SecureRegion* region : {&stacks_, &board_, &data_}) {
    released = region->release() && released;
  }
  return released ? TEE_SUCCESS : TEE_ERROR_GENERIC;
}

std::uint32_t SharedJobs::run(const Request& request, const void* outside, Report* report) {
  if (data_.mapped() == 0) return TEE_ERROR_BAD_STATE;
  if (request.chunks == 0 || request.chunks > kMaxChunks || request.cores == 0) {
    return TEE_ERROR_BAD_PARAMETERS;
  }
  cores_.begin_run(request.cores);
  run_jobs(request, outside, report);
  const Failure failure = cores_.end_run();
  report->status = static_cast<std::uint32_t>(failure.status);
  report->detail = failure.detail;
  return TEE_SUCCESS;
}

void SharedJobs::run_jobs(const Request& request, const void* outside, Report* report) {
  auto* data = reinterpret_cast<Data*>(data_.bytes().data());
  fill_table(data->table, request.seed);
  Job job{.data = data,
          .cores = &cores_,
          .outside = static_cast<const volatile std::uint8_t*>(outside),
          .code = reinterpret_cast<volatile std::uint32_t*>(&run_chunk),
          .rounds = request.rounds,
          .fault = request.fault,
          .waits = request.wait_for_helper != 0 || request.fault != Fault::kNone,
          .helper_came = {},
          .missed = {},
          .system_call = {}};
  const Work work{.run = run_chunk,
                  .context = &job,
                  .chunks = request.chunks,
                  .cost = std::uint64_t{request.chunks} * request.rounds * 16};
  std::uint64_t first = 0;
  for (std::uint32_t i = 0; i < request.repeats; ++i) {
    fill_bytes(data->results, 0xff, sizeof(data->results));
    job.helper_came.store_release(0);
    cores_.run(work);
    report->checksum = checksum(data->results, request.chunks);
    if (i == 0) first = report->checksum;
    if (report->checksum != first) ++report->differing;
    // A helper that has been thrown out for its fault does not come back in this run.
    if (request.fault != Fault::kNone) job.waits = false;
  }
  report->helper_came = job.missed.load_relaxed() == 0;
  report->system_call = job.system_call.load_acquire();
}

}  // namespace sz::cores_test
