// Jobs of the test TA over the real ta::SecureCores, with helpers that misbehave on request.
#pragma once

#include <cstdint>

#include "ta/secure_cores.h"
#include "ta/secure_memory.h"
#include "tests/cores/test_commands.h"

namespace sz::cores_test {

class SharedJobs {
 public:
  // A TEE_Result each; what else happened is in the report.
  std::uint32_t start(std::uint32_t cores);
  std::uint32_t stop();

  // `outside` is memory of the normal world, as the owner sees it.
  std::uint32_t run(const Request& request, const void* outside, Report* report);
  void describe(Report* report) const { cores_.describe(&report->facts); }

 private:
  void run_jobs(const Request& request, const void* outside, Report* report);

  // The helpers' memory outlives the helpers: members are destroyed from the last to the first.
  ta::SecureRegion data_;
  ta::SecureRegion board_;
  ta::SecureRegion stacks_;
  ta::SecureCores cores_;
};

}  // namespace sz::cores_test
