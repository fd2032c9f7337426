// The way to the trusted application: one session with it, memory that both sides see, and
// commands. Two implementations: libteec (the TEE) and the shim (the same sources in this process).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "client/lender.h"
#include "include/smartzone/smartzone.hpp"

namespace sz::client {

// Memory that client and trusted application share. Owned by the client; must not outlive the
// transport that gave it.
class SharedBuffer {
 public:
  SharedBuffer() = default;
  SharedBuffer(const SharedBuffer&) = delete;
  SharedBuffer& operator=(const SharedBuffer&) = delete;
  virtual ~SharedBuffer() = default;

  virtual std::span<std::byte> bytes() = 0;
};

// One of a command's four parameters (protocol/commands.h says which command wants which).
struct Parameter {
  enum class Kind { kNone, kValueIn, kValueOut, kMemoryIn, kMemoryOut };

  Kind kind = Kind::kNone;
  std::uint32_t a = 0;  // values; outputs are stored here
  std::uint32_t b = 0;
  SharedBuffer* buffer = nullptr;  // memory: borrowed for the call
  std::size_t size = 0;            // memory: bytes of `buffer` in use; out: bytes written

  static Parameter none() { return {}; }
  static Parameter value(std::uint32_t a, std::uint32_t b = 0) {
    return {Kind::kValueIn, a, b, nullptr, 0};
  }
  static Parameter value_out() { return {Kind::kValueOut, 0, 0, nullptr, 0}; }
  static Parameter memory_in(SharedBuffer& buffer, std::size_t size) {
    return {Kind::kMemoryIn, 0, 0, &buffer, size};
  }
  static Parameter memory_out(SharedBuffer& buffer, std::size_t size) {
    return {Kind::kMemoryOut, 0, 0, &buffer, size};
  }
};

using Parameters = std::array<Parameter, 4>;

// Whether a call arrived: a TEE_Result and, if it is not 0, who said so (TEEC_ORIGIN_*).
struct CallResult {
  std::uint32_t result = 0;
  std::uint32_t origin = 0;
};

// One session with an instance of the trusted application. Used by one thread at a time.
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;  // closes the session; the secure memory is given back

  virtual Backend backend() const = 0;

  // Shared memory of at least `bytes` bytes, zeroed. Throws Error if there is none.
  virtual std::unique_ptr<SharedBuffer> allocate(std::size_t bytes) = 0;

  // Runs a command. Output parameters are stored only if the call arrived (result 0).
  virtual CallResult invoke(std::uint32_t command, Parameters& parameters) = 0;

  // The pool of secure memory as it is now. Never throws for want of statistics: known = false.
  virtual SecurePool pool() = 0;

  // Which TEE this is, e.g. "OP-TEE 4.5".
  virtual std::string description() = 0;

  // Whether cores can be lent here. Never throws for want of the pseudo-TA: there = false.
  virtual SecureCores secure_cores() { return {}; }

  // How a thread opens its way to the pseudo-TA. May be used by any thread, and longer than the
  // transport. Only where secure_cores().there.
  virtual OpenLender lender_opener() { return {}; }
};

// Opens a session in this process. Throws Error.
std::unique_ptr<Transport> open_loopback_transport();

// Opens a session in the TEE; only built with SMARTZONE_TEEC. Throws Error with what is missing:
// driver, rights, trusted application, memory.
std::unique_ptr<Transport> open_teec_transport();

}  // namespace sz::client
