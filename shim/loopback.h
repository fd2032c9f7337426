// The client side of the shim: opens sessions of the trusted application in this process, with
// the types and results that a client of the GlobalPlatform API would see. Memory references are
// copied into buffers of their own, which stand for the memory that both worlds share.
//
// NOT SECURE: everything lies in the memory of this process. For development, tests and fuzzing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "shim/secure_cores_pta.h"  // lend, query_secure_cores: a lender's side

namespace sz::shim {

// One parameter of a command.
struct Param {
  enum class Kind : std::uint8_t {
    kNone = 0,
    kValueIn = 1,  // the numbers are those of the GlobalPlatform parameter types
    kValueOut = 2,
    kValueInOut = 3,
    kMemrefIn = 5,
    kMemrefOut = 6,
    kMemrefInOut = 7,
  };

  Kind kind = Kind::kNone;
  std::uint32_t a = 0;  // values; outputs are stored here
  std::uint32_t b = 0;
  void* data = nullptr;  // memory references; borrowed for the call. nullptr reaches the TA as NULL
  std::size_t size = 0;  // in: bytes at `data`; out: bytes written, or bytes needed if more
};

using Params = std::array<Param, 4>;

// What the trusted application and a hostile normal world both see during a call: the memory
// references of the four parameters; empty where there is none.
using SharedMemory = std::array<std::span<std::byte>, 4>;

// Called before and after every GlobalPlatform call that the trusted application makes while a
// command runs; `event` counts them from 0. May change the shared memory.
using Mutator = std::function<void(std::uint32_t event, const SharedMemory& memory)>;

// One session, with an instance of the trusted application of its own. Used by one thread at a
// time; several sessions may be used at once.
class LoopbackSession {
 public:
  // Creates an instance and opens a session. Returns a TEE_Result (0: success; *session is set on
  // success only).
  [[nodiscard]] static std::uint32_t open(std::unique_ptr<LoopbackSession>* session);

  // Closes the session and destroys its instance.
  ~LoopbackSession();
  LoopbackSession(const LoopbackSession&) = delete;
  LoopbackSession& operator=(const LoopbackSession&) = delete;

  // Runs a command. Returns the trusted application's TEE_Result. Outputs are stored whatever the
  // result, as libteec does.
  [[nodiscard]] std::uint32_t invoke(std::uint32_t command, Params& params);

  // For tests: a normal world that changes the shared memory during the call. Empty: none.
  void set_mutator(Mutator mutator) { mutator_ = std::move(mutator); }

 private:
  struct Buffers;

  explicit LoopbackSession(void* context);

  void* context_;
  Mutator mutator_;
  std::unique_ptr<Buffers> buffers_;  // of the last command, for the next
};

}  // namespace sz::shim
