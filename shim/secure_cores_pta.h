// The pseudo-TA of protocol/secure_cores.h in this process. The trusted application reaches the
// owner's commands through TEE_OpenTASession and TEE_InvokeTACommand, as in OP-TEE; lenders call
// `lend`. Thread-safe; any number of owners and lenders at once.
//
// What differs from OP-TEE: a helper runs on the lending thread's own stack, in the one address
// space that there is. STOP cannot evict a thread: it lets nobody in any more, waits until the
// helpers inside have come back (a helper finishes the chunk that it is in, and leaves when its
// patience is over), and reports 0 evicted. A helper that panics, makes a system call that it may
// not make, or returns from its entry function counts as faulted; one that touches memory that it
// may not touch ends the process.
#pragma once

#include <cstdint>

namespace sz::shim {

// What QUERY answers.
struct SecureCoresFacts {
  std::uint32_t version = 0;
  std::uint32_t max_slots = 0;
  std::uint32_t cores = 0;    // of this machine
  std::uint32_t threads = 0;  // there is no limit here: UINT32_MAX
};

// QUERY as a lender asks it. Returns a TEE_Result; TEE_ERROR_ITEM_NOT_FOUND if the pseudo-TA is
// absent.
[[nodiscard]] std::uint32_t query_secure_cores(SecureCoresFacts* facts);

// What came of a LEND. `exit` and `value` count only if `result` is 0.
struct Loan {
  std::uint32_t result = 0;  // TEE_Result
  std::uint32_t exit = 0;    // SECURE_CORES_EXIT_*
  std::uint32_t value = 0;   // what the helper returned
};

// LEND: runs a helper of this group on the calling thread until it comes back.
[[nodiscard]] Loan lend(std::uint64_t group);

// For tests: takes the pseudo-TA away, as on an OP-TEE without the extension, or puts it back.
// Sessions that are open stay. SMARTZONE_SHIM_SECURE_CORES=off in the environment: away from the
// start. A START that fails: Fault::kStart in secure_pool.h.
void set_secure_cores_present(bool present);

// Groups that are started now.
std::uint32_t secure_cores_groups();

}  // namespace sz::shim
