#include "ta/seal.h"

#include "ta/system_pta.h"

// Last: see ta/gp.h.
#include "ta/gp.h"

namespace sz::ta {
namespace {

constexpr std::size_t kKeyBytes = 32;
using Key = std::array<std::uint8_t, kKeyBytes>;

TEE_OperationHandle handle(void* operation) { return static_cast<TEE_OperationHandle>(operation); }

bool derive_key(ByteSpan name, Key* key) {
  constexpr TEE_UUID kSystem = SYSTEM_PTA_UUID;
  TEE_TASessionHandle session = TEE_HANDLE_NULL;
  if (TEE_OpenTASession(&kSystem, TEE_TIMEOUT_INFINITE, 0, nullptr, &session, nullptr) !=
      TEE_SUCCESS) {
    return false;
  }
  // A copy that may be written to, as the API's type asks for.
  std::array<std::byte, Seal::kMaxNameBytes> extra;
  copy_bytes(extra.data(), name.data(), name.size());
  TEE_Param params[4] = {};
  params[0].memref.buffer = extra.data();
  params[0].memref.size = name.size();
  params[1].memref.buffer = key->data();
  params[1].memref.size = key->size();
  constexpr std::uint32_t kTypes =
      TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_INPUT, TEE_PARAM_TYPE_MEMREF_OUTPUT,
                      TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE);
  const TEE_Result result = TEE_InvokeTACommand(
      session, TEE_TIMEOUT_INFINITE, SYSTEM_PTA_DERIVE_TA_UNIQUE_KEY, kTypes, params, nullptr);
  TEE_CloseTASession(session);
  return result == TEE_SUCCESS;
}

bool set_key(TEE_OperationHandle operation, const Key& key) {
  TEE_ObjectHandle object = TEE_HANDLE_NULL;
  if (TEE_AllocateTransientObject(TEE_TYPE_AES, 8 * kKeyBytes, &object) != TEE_SUCCESS) {
    return false;
  }
  TEE_Attribute secret;
  TEE_InitRefAttribute(&secret, TEE_ATTR_SECRET_VALUE, key.data(), key.size());
  const bool set = TEE_PopulateTransientObject(object, &secret, 1) == TEE_SUCCESS &&
                   TEE_SetOperationKey(operation, object) == TEE_SUCCESS;
  TEE_FreeTransientObject(object);
  return set;
}

bool derive_and_set_key(TEE_OperationHandle operation, ByteSpan name) {
  Key key{};
  const bool done = derive_key(name, &key) && set_key(operation, key);
  wipe_bytes(key.data(), key.size());
  return done;
}

}  // namespace

bool Seal::start(Direction direction, ByteSpan name, std::uint32_t number, ByteSpan header) {
  stop();
  if (name.size() > kMaxNameBytes) return false;
  const std::uint32_t mode = direction == Direction::kSeal ? TEE_MODE_ENCRYPT : TEE_MODE_DECRYPT;
  TEE_OperationHandle operation = TEE_HANDLE_NULL;
  if (TEE_AllocateOperation(&operation, TEE_ALG_AES_GCM, mode, 8 * kKeyBytes) != TEE_SUCCESS) {
    return false;
  }
  operation_ = operation;
  std::uint8_t nonce[12] = {};
  copy_bytes(nonce, &number, sizeof(number));
  if (!derive_and_set_key(operation, name) ||
      TEE_AEInit(operation, nonce, sizeof(nonce), 8 * sizeof(Tag), header.size(), 0) !=
          TEE_SUCCESS) {
    stop();
    return false;
  }
  TEE_AEUpdateAAD(operation, header.data(), header.size());
  return true;
}

void Seal::update(MutableByteSpan data) {
  if (operation_ == nullptr || data.empty()) return;
  std::size_t bytes = data.size();
  static_cast<void>(
      TEE_AEUpdate(handle(operation_), data.data(), data.size(), data.data(), &bytes));
}

Seal::Tag Seal::tag() {
  Tag tag{};
  std::size_t none = 0;
  std::size_t bytes = tag.size();
  if (operation_ != nullptr) {
    static_cast<void>(
        TEE_AEEncryptFinal(handle(operation_), nullptr, 0, nullptr, &none, tag.data(), &bytes));
  }
  stop();
  return tag;
}

bool Seal::authentic(const Tag& tag) {
  if (operation_ == nullptr) return false;
  Tag copy = tag;  // the API's type is not const
  std::size_t none = 0;
  const TEE_Result result =
      TEE_AEDecryptFinal(handle(operation_), nullptr, 0, nullptr, &none, copy.data(), copy.size());
  stop();
  return result == TEE_SUCCESS;
}

void Seal::stop() {
  if (operation_ == nullptr) return;
  TEE_FreeOperation(handle(operation_));
  operation_ = nullptr;
}

}  // namespace sz::ta
