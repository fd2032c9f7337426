// The pool from which the shim serves tee_map_zi: its size, what is taken, and failures on demand.
// One pool for the process, as OP-TEE has one for all trusted applications. Thread-safe.
#pragma once

#include <cstdint>

namespace sz::shim {

struct PoolStatistics {
  std::uint64_t limit = 0;         // bytes in the pool
  std::uint64_t mapped = 0;        // bytes taken now
  std::uint64_t peak = 0;          // largest `mapped` since the process began or reset_pool_peak
  std::uint64_t maps = 0;          // successful tee_map_zi calls since the process began
  std::uint64_t dirty_unmaps = 0;  // regions that came back without having been wiped
};

// The limit is SMARTZONE_SHIM_SECURE_MIB (environment, MiB) when the process begins, else 1 GiB.
PoolStatistics pool_statistics();

// Changes the limit; what is mapped stays mapped.
void set_pool_limit(std::uint64_t bytes);
void reset_pool_peak();

// What can be made to fail.
enum class Fault {
  kMap,    // tee_map_zi returns NULL
  kUnmap,  // tee_unmap fails and leaves the region as it is
  kHeap,   // TEE_Malloc returns NULL, TEE_AllocateOperation TEE_ERROR_OUT_OF_MEMORY
  kStart,  // SECURE_CORES_CMD_START: TEE_ERROR_OUT_OF_MEMORY
};

// Lets the n-th such call from now fail (1: the next one); 0: none.
void inject_fault(Fault fault, std::uint32_t n);

// Lets the n-th tee_map_zi from now fail for want of memory (1: the next one); 0: none.
inline void fail_map(std::uint32_t n) { inject_fault(Fault::kMap, n); }

// Bytes of the region that begins at `base`; 0 if none does.
std::uint64_t region_bytes(const void* base);

}  // namespace sz::shim
