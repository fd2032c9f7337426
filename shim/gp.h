// The shim's own view of the API that it provides.
#pragma once

extern "C" {
#include <tee_internal_api.h>
#include <tee_internal_api_extensions.h>
#include <utee_syscalls.h>
}
