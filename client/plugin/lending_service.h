// What the plugin of tee-supplicant does: lenders for those who ask (protocol/ask_for_cores.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "client/lenders.h"

namespace sz::client {

// Any number of trusted applications may ask, from any thread. Each group has lenders of its own,
// which go to rest when the group has been idle for a while, and end when another group asks.
class LendingService {
 public:
  explicit LendingService(OpenLender open, LendingPolicy policy = default_policy());

  // Answers a request: TEE_SUCCESS, or TEE_ERROR_BAD_PARAMETERS for one that makes no sense,
  // TEE_ERROR_OUT_OF_MEMORY if there are lenders enough already. Does not wait for lenders.
  std::uint32_t ask(std::uint32_t command, std::uint32_t sub_command, const void* data,
                    std::size_t size);

  // Threads that there are, of all groups.
  std::uint32_t threads() const;

  // Visits without work of about 10 ms in all.
  static LendingPolicy default_policy();

 private:
  std::uint32_t ask_for(std::uint64_t group, std::uint32_t cores);
  void drop_those_at_rest();
  std::uint32_t count() const;

  const OpenLender open_;
  const LendingPolicy policy_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::unique_ptr<Lenders>> groups_;
};

}  // namespace sz::client
