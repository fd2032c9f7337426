// Tells the session on whose behalf this thread runs that a GlobalPlatform call begins or ends.
#pragma once

#include <cstdint>

#include "shim/loopback.h"

namespace sz::shim {

// A command in progress on this thread.
struct RunningCommand {
  const Mutator* mutator;
  const SharedMemory* memory;
  std::uint32_t events = 0;
};

// The command of this thread; nullptr outside of one. Set by LoopbackSession::invoke.
inline thread_local RunningCommand* running_command = nullptr;

// One call: an event when it begins and one when it ends.
class GpEvent {
 public:
  GpEvent() { notify(); }
  ~GpEvent() { notify(); }
  GpEvent(const GpEvent&) = delete;
  GpEvent& operator=(const GpEvent&) = delete;

 private:
  static void notify() {
    RunningCommand* command = running_command;
    if (command != nullptr && *command->mutator) {
      (*command->mutator)(command->events++, *command->memory);
    }
  }
};

// True if the heap, or the start of a group, is to fail now (see Fault). Defined in secure_pool.cc.
bool heap_fails_now();
bool start_fails_now();

}  // namespace sz::shim
