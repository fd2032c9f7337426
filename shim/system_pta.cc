// The pseudo-TA "system" in this process: derives keys.
//
// NOT SECURE: in place of a device's hardware key stands a constant, so that what was sealed in one
// process can be opened in another, by anybody.
#include "shim/system_pta.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <span>

#include "base/sha256.h"
#include "shim/gp.h"
#include "shim/gp_event.h"
#include "shim/pseudo_ta.h"
#include "ta/system_pta.h"

namespace sz::shim {
namespace {

using Key = std::array<std::uint8_t, 32>;

Key draw() {
  std::random_device source;
  Key drawn;
  for (std::uint8_t& byte : drawn) byte = static_cast<std::uint8_t>(source());
  return drawn;
}

struct Device {
  std::mutex mutex;
  Key key{};  // no secret
};

// Lives until the process ends, whoever still uses it then.
Device& device() {
  static Device& instance = *new Device;
  return instance;
}

constexpr std::uint32_t kDeriveTypes =
    TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_INPUT, TEE_PARAM_TYPE_MEMREF_OUTPUT, TEE_PARAM_TYPE_NONE,
                    TEE_PARAM_TYPE_NONE);

// SHA-256 of the key and the extra data. There is one trusted application, so that its UUID need
// not go in.
TEE_Result derive(const TEE_Param& extra, TEE_Param* key) {
  if (extra.memref.size > SYSTEM_PTA_MAX_EXTRA_BYTES ||
      key->memref.size < SYSTEM_PTA_MIN_KEY_BYTES || key->memref.size > SYSTEM_PTA_MAX_KEY_BYTES) {
    return TEE_ERROR_BAD_PARAMETERS;
  }
  Sha256 hash;
  {
    const std::lock_guard lock(device().mutex);
    hash.update(std::as_bytes(std::span(device().key)));
  }
  hash.update({static_cast<const std::byte*>(extra.memref.buffer), extra.memref.size});
  const auto digest = hash.finish();
  std::memcpy(key->memref.buffer, digest.data(), key->memref.size);
  return TEE_SUCCESS;
}

struct SystemSession final : PseudoTaSession {
  TEE_Result invoke(std::uint32_t command, std::uint32_t types, TEE_Param params[4]) override {
    if (command != SYSTEM_PTA_DERIVE_TA_UNIQUE_KEY) return TEE_ERROR_NOT_SUPPORTED;
    return types == kDeriveTypes ? derive(params[0], &params[1]) : TEE_ERROR_BAD_PARAMETERS;
  }
};

}  // namespace

void change_device_key() {
  const std::lock_guard lock(device().mutex);
  device().key = draw();
}

TEE_Result open_system(std::unique_ptr<PseudoTaSession>* session) {
  if (heap_fails_now()) return TEE_ERROR_OUT_OF_MEMORY;
  *session = std::make_unique<SystemSession>();
  return TEE_SUCCESS;
}

}  // namespace sz::shim
