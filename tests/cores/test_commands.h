// What the test programs and the test TA of this folder say to each other. Every command takes
// memref[0] in: Request, memref[1] out: Report, and nothing else.
#pragma once

#include <cstdint>

#include "protocol/commands.h"

// 98196f13-cb7b-4978-80f8-09969bacc49d. Signed for the emulated device's tests only.
#define CORES_TEST_TA_UUID                                                         \
  {                                                                                \
    0x98196f13, 0xcb7b, 0x4978, { 0x80, 0xf8, 0x09, 0x96, 0x9b, 0xac, 0xc4, 0x9d } \
  }

namespace sz::cores_test {

enum class Command : std::uint32_t {
  // ta::SecureCores, as the real TA uses it.
  kStart,  // lets helpers in, for request.cores
  kRun,    // request.repeats jobs in one run
  kStop,   // sends the helpers away
  kFacts,  // report.facts only

  // A group of its own, by the pseudo-TA's commands alone, with helpers that do as request.raw.
  kRawStart,
  kRawStatus,
  kRawStop,    // stops, and looks for request.wait_ms whether a helper still does something
  kRawMisuse,  // a command of the pseudo-TA that it must refuse: case number request.misuse
};

// What a helper does in its first chunk. In all of them the owner waits until a helper does it.
enum class Fault : std::uint32_t {
  kNone,
  kUnmapped,           // reads address 16
  kStackOverflow,      // recurses until its stack is full
  kNormalWorldMemory,  // reads the request where the owner sees it
  kWriteCode,          // writes to the TA's code
  kUndefined,          // an instruction that does not exist
  kPanic,              // TEE_Panic
  kSystemCall,         // a system call other than return and panic
  kReturn,             // leaves from inside its chunk
  kLoop,               // never ends its chunk
  kOwnerPanics,        // the same, and the owner panics meanwhile
};

// What helpers of a raw group do.
enum class Raw : std::uint32_t {
  kReturn,  // return slot + 1
  kCount,   // count for ever, in integer and floating-point registers
  kProbe,   // read memory that the owner mapped after the start
};

constexpr std::uint32_t kPanicCode = 0x7e57;
constexpr std::uint32_t kMaxChunks = 4096;
constexpr std::uint32_t kMisuses = 22;

struct Request {
  std::uint32_t cores = 2;  // kStart, kRun, and slots + 1 of kRawStart
  std::uint32_t repeats = 1;
  std::uint32_t chunks = 16;
  std::uint32_t rounds = 1000;  // of each chunk
  std::uint64_t seed = 1;
  Fault fault = Fault::kNone;
  std::uint32_t wait_for_helper =
      0;  // 1: the owner's first chunk waits until a helper has begun one
  Raw raw = Raw::kReturn;
  std::uint32_t wait_ms = 0;
  std::uint32_t misuse = 0;
  std::uint32_t reserved = 0;
};

struct Report {
  std::uint32_t result = 0;  // TEE_Result of what was tried
  std::uint32_t status = 0;  // sz::Status of the run, and its detail
  std::uint32_t detail = 0;
  std::uint32_t helper_came = 0;  // a helper has begun a chunk in every job that waited for one
  std::uint32_t system_call = 0;  // what Fault::kSystemCall gave the helper
  std::uint32_t reserved = 0;
  std::uint64_t checksum = 0;   // of the last job
  std::uint64_t differing = 0;  // jobs whose checksum is not that of the first
  std::uint64_t group = 0;      // group id for LEND

  // Raw groups.
  std::uint32_t faults = 0;
  std::uint32_t panic_code = 0;
  std::uint32_t inside = 0;
  std::uint32_t entries = 0;
  std::uint32_t evicted = 0;
  std::uint32_t moved_after_stop = 0;  // counters that changed after STOP returned
  std::uint64_t counted = 0;           // sum of the counters
  smartzone_cores facts{};
};

}  // namespace sz::cores_test
