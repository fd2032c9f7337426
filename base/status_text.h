// Sentences for status codes. Host only: the TA sends numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace sz {

// The identifier, e.g. "kPlanDigest"; "unknown status" for a number that is no Status.
std::string_view status_name(std::uint32_t status);

// A sentence that says what happened and where, e.g.
// "the plan's SHA-256 does not match (damaged or altered package)".
std::string status_sentence(std::uint32_t status, std::uint32_t detail);

}  // namespace sz
