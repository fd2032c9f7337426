// OP-TEE's version in the kernel's log, where Linux's driver writes it at boot.
#pragma once

#include <string>

namespace sz::client {

// The version in the last line "optee: revision X.Y (hash)" of a kernel log, e.g.
// "4.5 (0919de0f7c79ad35)"; empty if there is none.
std::string revision_in_log(const std::string& log);

}  // namespace sz::client
