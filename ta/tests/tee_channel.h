// Sessions with the trusted application, and OP-TEE's own statistics, over libteec. For the
// programs in this folder, which run on the device.
#pragma once

#include <tee_client_api.h>

#include <cstdint>
#include <optional>

#include "shim/loopback.h"

namespace sz::ta::testing {

// A connection to the TEE. Ends the program with a message if there is none.
class TeeContext {
 public:
  TeeContext();
  ~TeeContext();
  TeeContext(const TeeContext&) = delete;
  TeeContext& operator=(const TeeContext&) = delete;

  TEEC_Context* get() { return &context_; }

 private:
  TEEC_Context context_{};
};

// A session of the SmartZone TA. open_result() is the TEE_Result of opening it.
class TeeSession {
 public:
  explicit TeeSession(TeeContext& context);
  ~TeeSession() { close(); }
  TeeSession(const TeeSession&) = delete;
  TeeSession& operator=(const TeeSession&) = delete;

  std::uint32_t open_result() const { return open_result_; }

  // Sends a command with these parameters, whatever they are; memory references are temporary.
  std::uint32_t invoke(std::uint32_t command, shim::Params& params);
  void close();

 private:
  TEEC_Session session_{};
  std::uint32_t open_result_;
};

// Statistics of one of OP-TEE's allocators.
struct AllocatorStatistics {
  std::uint32_t allocated = 0;
  std::uint32_t max_allocated = 0;
  std::uint32_t size = 0;
};

enum class Allocator : std::uint32_t { kCoreHeap = 1, kTaMemory = 3 };

// Nothing if OP-TEE was built without statistics (CFG_WITH_STATS).
std::optional<AllocatorStatistics> read_statistics(TeeContext& context, Allocator allocator);

}  // namespace sz::ta::testing
