// The way to the baseline's trusted application: one session, one buffer of shared memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "include/smartzone/smartzone.hpp"

namespace sz::original {

// A command's parameters (protocol.h). Memory is always the beginning of the shared buffer.
struct Call {
  enum class Memory { kNone, kIn, kOut };

  Memory memory = Memory::kNone;
  std::size_t bytes = 0;
  std::uint32_t a = 0, b = 0;          // in
  std::uint32_t out_a = 0, out_b = 0;  // out
};

class Channel {
 public:
  Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  virtual ~Channel() = default;

  virtual std::span<std::byte> shared() = 0;

  // Returns a TEE_Result.
  virtual std::uint32_t invoke(std::uint32_t command, Call& call) = 0;
};

// Opens a session with `shared_bytes` of shared memory. Throws Error.
std::unique_ptr<Channel> open_channel(Backend backend, std::size_t shared_bytes);

// The two ways: the TA's sources in this process, and libteec (only where it is built in).
std::unique_ptr<Channel> open_host_channel(std::size_t shared_bytes);
std::unique_ptr<Channel> open_teec_channel(std::size_t shared_bytes);

}  // namespace sz::original
