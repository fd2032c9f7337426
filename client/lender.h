// Lends the calling thread's core to a trusted application (protocol/secure_cores.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace sz::client {

// What came of one visit in the secure world.
struct Loan {
  std::uint32_t result = 0;    // TEE_Result of the call; the rest counts only if it is 0
  std::uint32_t exit = 0;      // SECURE_CORES_EXIT_*
  std::uint32_t returned = 0;  // what the helper returned: how much it did
};

// One thread's way to the pseudo-TA. Used by the thread that opened it.
class Lender {
 public:
  Lender() = default;
  Lender(const Lender&) = delete;
  Lender& operator=(const Lender&) = delete;
  virtual ~Lender() = default;

  // Lends this thread's core to the group; comes back when the helper does.
  virtual Loan lend(std::uint64_t group) = 0;
};

// Opens a lender for the calling thread; may be called by several threads at once. Throws Error.
using OpenLender = std::function<std::unique_ptr<Lender>()>;

// What the pseudo-TA says about itself; `there` is false where the TEE has none.
struct SecureCores {
  bool there = false;
  std::uint32_t version = 0;
  std::uint32_t max_slots = 0;
  std::uint32_t cores = 0;
  std::uint32_t threads = 0;
};

// Through libteec; only built with SMARTZONE_TEEC. No pseudo-TA is no error; anything else that
// keeps the question from being answered counts as none as well.
SecureCores query_tee_secure_cores();
std::unique_ptr<Lender> open_tee_lender();

}  // namespace sz::client
