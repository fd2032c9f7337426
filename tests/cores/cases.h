// The cases of cores_faults. Each runs its fault, and then a further session that must work.
#pragma once

#include <cstdint>
#include <functional>

#include "tests/cores/device.h"
#include "tests/cores/outcome.h"

namespace sz::cores_test {

// A job that takes a helper's while: some milliseconds on the emulated device.
Request small_job(std::uint64_t seed);

// A fresh session computes rightly, with a helper. Part of every case.
void check_next_session(TeeContext& context, Outcome* outcome);

// Checks that OP-TEE has all its memory back after `body`. Each of OP-TEE's threads keeps a little
// of its heap from its first call to tee-supplicant on (its cache of shared memory), and which
// thread has made one is chance: so a body that took something gets three more tries. A leak takes
// each time.
void check_gives_back(TeeContext& context, Outcome* outcome, const std::function<void()>& body);

// fault_cases.cc
Outcome faulting_helper(TeeContext& context, Fault fault, const char* name);
Outcome owner_panics(TeeContext& context);

// group_cases.cc: raw groups and ids.
Outcome evicted_while_counting(TeeContext& context, std::uint32_t slots);
Outcome closed_while_counting(TeeContext& context, std::uint32_t slots);
Outcome mapped_after_start(TeeContext& context);
Outcome misused_commands(TeeContext& context);
Outcome group_ids(TeeContext& context);

// withheld_cases.cc: lenders that Linux takes away.
Outcome killed_lenders(TeeContext& context, std::uint32_t times);
Outcome starved_lender(TeeContext& context);
Outcome stopped_lender(TeeContext& context);

// many_cases.cc
Outcome crowd(TeeContext& context, std::uint32_t slots, std::uint32_t lenders);
Outcome closing(TeeContext& context, std::uint32_t times);
Outcome killed_clients(TeeContext& context, std::uint32_t times);
Outcome cycles(TeeContext& context, std::uint32_t times);

}  // namespace sz::cores_test
