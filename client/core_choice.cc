#include "client/core_choice.h"

#include <algorithm>

#include "protocol/commands.h"
#include "protocol/secure_cores.h"

namespace sz::client {
namespace {

constexpr const char* kAlone = ": computing on one core";

// Threads of the secure world that lenders leave free: one for the trusted application's own
// call, one for everybody else.
constexpr std::uint32_t kSpareThreads = 2;

std::string no_extension(Backend backend) {
  if (backend == Backend::kHost) {
    return std::string("the host back end's secure cores are switched off") + kAlone;
  }
  return std::string("this OP-TEE has no secure-cores extension") + kAlone +
         "; for more throughput use several sessions at once, for shorter runs an OP-TEE with the "
         "extension (docs/secure-cores.md)";
}

std::string other_version(std::uint32_t version) {
  return "this OP-TEE's secure-cores extension speaks version " + std::to_string(version) +
         ", this client version " + std::to_string(SECURE_CORES_VERSION) + kAlone +
         "; install the two that were built together";
}

std::string few_threads(std::uint32_t threads) {
  return "this OP-TEE was built for " + std::to_string(threads) +
         " threads at once (CFG_NUM_THREADS)" + kAlone + "; two more than cores are wanted";
}

}  // namespace

CoreChoice choose_cores(const CoreLimits& limits) {
  const std::uint32_t asked = limits.asked == 0 ? limits.cpus : limits.asked;
  const std::uint32_t wanted =
      std::min({asked, limits.model_most, std::uint32_t{SMARTZONE_MAX_CORES},
                std::uint32_t{SECURE_CORES_MAX_SLOTS} + 1});
  if (wanted <= 1) return {};
  const SecureCores& secure = limits.secure;
  if (!secure.there) return {1, no_extension(limits.backend)};
  if (secure.version != SECURE_CORES_VERSION) return {1, other_version(secure.version)};
  std::uint32_t most = std::min(secure.max_slots, std::uint32_t{SMARTZONE_MAX_CORES}) + 1;
  if (limits.backend == Backend::kTee) {
    if (secure.threads < kSpareThreads + 2) return {1, few_threads(secure.threads)};
    most = std::min(most, secure.threads - kSpareThreads);
  }
  return {std::max(1u, std::min(wanted, most)), ""};
}

std::string memory_advice(std::uint32_t wanted, std::uint32_t cores) {
  return "the secure memory suffices for " + std::to_string(cores) + " of " +
         std::to_string(wanted) + " cores: each wants scratch memory and a stack of its own";
}

std::string closed_advice() {
  return std::string(
             "the trusted application could not let other cores in (the trusted OS had no "
             "memory for their contexts)") +
         kAlone;
}

}  // namespace sz::client
