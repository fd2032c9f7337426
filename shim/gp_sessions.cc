// Sessions with other trusted applications: the pseudo-TAs of shim/pseudo_ta.h.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <new>

#include "protocol/secure_cores.h"
#include "shim/gp.h"
#include "shim/gp_event.h"
#include "shim/helper_visit.h"
#include "shim/pseudo_ta.h"
#include "ta/system_pta.h"

using sz::shim::GpEvent;
using sz::shim::PseudoTaSession;

namespace {

struct PseudoTa {
  TEE_UUID uuid;
  TEE_Result (*open)(std::unique_ptr<PseudoTaSession>* session);
};

constexpr PseudoTa kPseudoTas[] = {{SECURE_CORES_UUID, sz::shim::open_secure_cores},
                                   {SYSTEM_PTA_UUID, sz::shim::open_system}};

const PseudoTa* find(const TEE_UUID& uuid) {
  for (const PseudoTa& ta : kPseudoTas) {
    if (std::memcmp(&uuid, &ta.uuid, sizeof(uuid)) == 0) return &ta;
  }
  return nullptr;
}

void set_origin(std::uint32_t* origin, std::uint32_t value) {
  if (origin != nullptr) *origin = value;
}

}  // namespace

TEE_Result TEE_OpenTASession(const TEE_UUID* destination, std::uint32_t, std::uint32_t types,
                             TEE_Param*, TEE_TASessionHandle* session, std::uint32_t* origin) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  *session = TEE_HANDLE_NULL;
  set_origin(origin, TEE_ORIGIN_TEE);
  const PseudoTa* ta = find(*destination);
  if (ta == nullptr) return TEE_ERROR_ITEM_NOT_FOUND;
  if (types != 0) return TEE_ERROR_BAD_PARAMETERS;
  // No exception may cross the trusted application, which is built without them.
  try {
    std::unique_ptr<PseudoTaSession> opened;
    const TEE_Result result = ta->open(&opened);
    if (result != TEE_SUCCESS) return result;
    *session = opened.release();
  } catch (const std::bad_alloc&) {
    return TEE_ERROR_OUT_OF_MEMORY;
  }
  set_origin(origin, TEE_ORIGIN_TRUSTED_APP);
  return TEE_SUCCESS;
}

void TEE_CloseTASession(TEE_TASessionHandle session) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  delete session;
}

TEE_Result TEE_InvokeTACommand(TEE_TASessionHandle session, std::uint32_t, std::uint32_t command,
                               std::uint32_t types, TEE_Param* params, std::uint32_t* origin) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  set_origin(origin, TEE_ORIGIN_TRUSTED_APP);
  if (session == TEE_HANDLE_NULL) TEE_Panic(TEE_ERROR_BAD_PARAMETERS);
  TEE_Param none[4] = {};
  try {
    return session->invoke(command, types, params == nullptr ? none : params);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "smartzone: %s\n", error.what());
    return TEE_ERROR_GENERIC;
  }
}
