// The GlobalPlatform Internal Core API, for the .cc files of this room only. OP-TEE's headers are
// C and lack `extern "C"`; they also define macros that break libstdc++ (`__unused`, `__aligned`),
// so this header is the last to be included, and never by another header.
#pragma once

extern "C" {
#include <tee_internal_api.h>
#include <tee_internal_api_extensions.h>
#include <utee_syscalls.h>
}
