// The GlobalPlatform API for entry.cc and host_channel.cc; the last to be included, as OP-TEE's
// headers define macros that break libstdc++. On the host it comes from shim/, where the product's
// TA has entry points of these names too: the baseline's get others.
#pragma once

#ifdef ORIGINAL_ON_HOST
#define TA_CreateEntryPoint original_create
#define TA_DestroyEntryPoint original_destroy
#define TA_OpenSessionEntryPoint original_open
#define TA_CloseSessionEntryPoint original_close
#define TA_InvokeCommandEntryPoint original_invoke
#endif

extern "C" {
#include <tee_internal_api.h>
}
