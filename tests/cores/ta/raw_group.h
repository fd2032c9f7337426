// A group of helpers made with the pseudo-TA's commands alone, for what ta::SecureCores never does.
#pragma once

#include <cstdint>

#include "ta/secure_memory.h"
#include "tests/cores/test_commands.h"

namespace sz::cores_test {

class RawGroup {
 public:
  RawGroup() = default;
  ~RawGroup() { static_cast<void>(close()); }
  RawGroup(const RawGroup&) = delete;
  RawGroup& operator=(const RawGroup&) = delete;

  // A TEE_Result each.
  std::uint32_t start(const Request& request, Report* report);
  std::uint32_t status(Report* report);
  std::uint32_t stop(const Request& request, Report* report);

  // Sends what the pseudo-TA must refuse; its answer is report->result.
  std::uint32_t misuse(const Request& request, const void* outside, Report* report);

 private:
  struct Page;
  struct Start;

  Page* page() const;
  std::uint32_t open(std::uint32_t slots);
  std::uint32_t close();
  Start good_start(std::uint32_t slots) const;
  std::uint32_t send_start(const Start& start, std::uint64_t* group);
  std::uint32_t bad_start(std::uint32_t number, const void* outside);
  std::uint32_t bad_command(std::uint32_t number);
  std::uint64_t counted() const;

  ta::SecureRegion page_;
  ta::SecureRegion stacks_;
  ta::SecureRegion probe_;
  void* session_ = nullptr;
};

}  // namespace sz::cores_test
