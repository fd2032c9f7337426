// A helper's visit as the other GlobalPlatform functions of the shim see it. Defined in
// secure_cores_pta.cc.
#pragma once

#include <cstdint>

namespace sz::shim {

// If this thread runs as a helper: ends its visit as a fault with this panic code, and does not
// return. Else does nothing.
void end_visit_by_panic(std::uint32_t code);

// A helper may make no system call but "return" and "panic"; on the device another one kills it.
// Called first by every function of the API that is a system call.
void refuse_system_call_of_helper();

}  // namespace sz::shim
