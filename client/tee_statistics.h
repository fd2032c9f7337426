// What OP-TEE tells about itself: its pool of secure memory, its version.
#pragma once

#include <tee_client_api.h>

#include <string>

#include "include/smartzone/smartzone.hpp"

namespace sz::client {

// OP-TEE's pool of memory for trusted applications, by its statistics pseudo-TA. `known` is false
// where OP-TEE was built without it (CFG_WITH_STATS=n). Sizes are OP-TEE's 32-bit numbers.
SecurePool tee_pool(TEEC_Context& context);

// The version as Linux's driver reports it, e.g. "OP-TEE 4.5 (0919de0f7c79ad35)"; "OP-TEE" alone
// if neither sysfs nor the kernel's log has it.
std::string tee_version();

}  // namespace sz::client
