// The plugin of tee-supplicant with which a trusted application asks for cores itself. Built as a
// shared library for the device; tee-supplicant loads what it finds in its plugin folder, looks up
// the symbol `plugin_method`, and calls its functions from any of its threads.
//
// The lending threads live in tee-supplicant's process: they count against its control group and
// affinity, not against those of the program whose model computes.

extern "C" {
#include <tee_client_api.h>
#include <tee_plugin_method.h>
}

#include <new>

#include "client/errors.h"
#include "client/lender.h"
#include "client/plugin/lending_service.h"
#include "protocol/ask_for_cores.h"

namespace {

// Lives until the process ends: threads may be in the secure world then.
sz::client::LendingService* service = nullptr;

TEEC_Result init() {
  try {
    service = new sz::client::LendingService(sz::client::open_tee_lender);
    return TEEC_SUCCESS;
  } catch (const std::bad_alloc&) {
    return TEEC_ERROR_OUT_OF_MEMORY;
  }
}

TEEC_Result invoke(unsigned int command, unsigned int sub_command, void* data,
                   std::size_t data_size, std::size_t* answer_size) {
  if (answer_size != nullptr) *answer_size = 0;
  if (service == nullptr) return TEEC_ERROR_BAD_STATE;
  // No exception may cross tee-supplicant, which is C.
  try {
    return service->ask(command, sub_command, data, data_size);
  } catch (...) {
    return TEEC_ERROR_OUT_OF_MEMORY;
  }
}

}  // namespace

extern "C" {
extern struct plugin_method plugin_method;
[[gnu::visibility("default")]] struct plugin_method plugin_method = {
    "smartzone-lend", ASK_FOR_CORES_UUID, init, invoke};
}
