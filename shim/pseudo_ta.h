// A trusted application that the trusted OS itself provides, as the shim's sessions see it.
#pragma once

#include <cstdint>
#include <memory>

#include "shim/gp.h"

// An open session, which TEE_TASessionHandle points to. The destructor closes it.
struct __TEE_TASessionHandle {
  virtual ~__TEE_TASessionHandle() = default;
  virtual TEE_Result invoke(std::uint32_t command, std::uint32_t types, TEE_Param params[4]) = 0;
};

namespace sz::shim {

using PseudoTaSession = __TEE_TASessionHandle;

// Each opens a session of one of them; TEE_ERROR_ITEM_NOT_FOUND if it is not there. May throw
// std::bad_alloc.
TEE_Result open_secure_cores(std::unique_ptr<PseudoTaSession>* session);
TEE_Result open_system(std::unique_ptr<PseudoTaSession>* session);

}  // namespace sz::shim
