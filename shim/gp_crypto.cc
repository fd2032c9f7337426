// Digests, authenticated encryption, keys and random numbers of the GlobalPlatform API, by OpenSSL.
// Stricter than the trusted OS: misuse that OP-TEE would put up with is a panic here.

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>

#include "base/memory.h"
#include "base/sha256.h"
#include "shim/gp.h"
#include "shim/gp_event.h"
#include "shim/helper_visit.h"

using sz::shim::GpEvent;

namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kBlockBytes = 16;

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

class Key {
 public:
  ~Key() { clear(); }
  bool set() const { return set_; }
  const unsigned char* bytes() const { return bytes_.data(); }
  void assign(const void* bytes) {
    std::memcpy(bytes_.data(), bytes, kKeyBytes);
    set_ = true;
  }
  void clear() {
    sz::wipe_bytes(bytes_.data(), kKeyBytes);
    set_ = false;
  }

 private:
  std::array<unsigned char, kKeyBytes> bytes_{};
  bool set_ = false;
};

void demand(bool condition) {
  if (!condition) TEE_Panic(TEE_ERROR_BAD_PARAMETERS);
}

}  // namespace

struct __TEE_ObjectHandle {
  Key key;
};

struct __TEE_OperationHandle {
  std::uint32_t mode = 0;
  std::optional<sz::Sha256> hash;                      // TEE_MODE_DIGEST
  std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> cipher;  // the other modes
  Key key;
  bool begun = false;  // between TEE_AEInit and the final call
};

namespace {

bool is_digest(std::uint32_t algorithm, std::uint32_t mode, std::uint32_t key_bits) {
  return algorithm == TEE_ALG_SHA256 && mode == TEE_MODE_DIGEST && key_bits == 0;
}

bool is_cipher(std::uint32_t algorithm, std::uint32_t mode, std::uint32_t key_bits) {
  return algorithm == TEE_ALG_AES_GCM && key_bits == 8 * kKeyBytes &&
         (mode == TEE_MODE_ENCRYPT || mode == TEE_MODE_DECRYPT);
}

// Payload (or, without `to`, associated data) through the cipher.
void feed(TEE_OperationHandle operation, const void* from, std::size_t bytes, void* to) {
  demand(operation != TEE_HANDLE_NULL && operation->begun && bytes <= INT32_MAX);
  int done = 0;
  demand(EVP_CipherUpdate(operation->cipher.get(), static_cast<unsigned char*>(to), &done,
                          static_cast<const unsigned char*>(from), static_cast<int>(bytes)) == 1);
}

}  // namespace

TEE_Result TEE_AllocateOperation(TEE_OperationHandle* operation, std::uint32_t algorithm,
                                 std::uint32_t mode, std::uint32_t max_key_size) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  *operation = TEE_HANDLE_NULL;
  const bool digest = is_digest(algorithm, mode, max_key_size);
  if (!digest && !is_cipher(algorithm, mode, max_key_size)) return TEE_ERROR_NOT_SUPPORTED;
  if (sz::shim::heap_fails_now()) return TEE_ERROR_OUT_OF_MEMORY;
  // No exception may cross the trusted application, which is built without them.
  try {
    auto made = std::make_unique<__TEE_OperationHandle>();
    made->mode = mode;
    if (digest) made->hash.emplace();
    if (!digest) made->cipher.reset(EVP_CIPHER_CTX_new());
    if (!digest && made->cipher == nullptr) return TEE_ERROR_OUT_OF_MEMORY;
    *operation = made.release();
  } catch (const std::bad_alloc&) {
    return TEE_ERROR_OUT_OF_MEMORY;
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "smartzone: %s\n", error.what());
    return TEE_ERROR_NOT_SUPPORTED;
  }
  return TEE_SUCCESS;
}

void TEE_FreeOperation(TEE_OperationHandle operation) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  delete operation;
}

void TEE_DigestUpdate(TEE_OperationHandle operation, const void* chunk, std::size_t size) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  demand(operation != TEE_HANDLE_NULL && operation->hash);
  operation->hash->update({static_cast<const std::byte*>(chunk), size});
}

TEE_Result TEE_DigestDoFinal(TEE_OperationHandle operation, const void* chunk,
                             std::size_t chunk_size, void* hash, std::size_t* hash_size) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  demand(operation != TEE_HANDLE_NULL && operation->hash && (chunk != nullptr || chunk_size == 0));
  const bool room = *hash_size >= sz::kSha256Bytes;
  *hash_size = sz::kSha256Bytes;
  if (!room) return TEE_ERROR_SHORT_BUFFER;
  operation->hash->update({static_cast<const std::byte*>(chunk), chunk_size});
  const auto digest = operation->hash->finish();
  std::memcpy(hash, digest.data(), digest.size());
  return TEE_SUCCESS;
}

void TEE_GenerateRandom(void* buffer, std::size_t size) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  demand(size <= INT32_MAX);
  demand(RAND_bytes(static_cast<unsigned char*>(buffer), static_cast<int>(size)) == 1);
}

TEE_Result TEE_AllocateTransientObject(TEE_ObjectType type, std::uint32_t bits,
                                       TEE_ObjectHandle* object) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  *object = TEE_HANDLE_NULL;
  if (type != TEE_TYPE_AES || bits != 8 * kKeyBytes) return TEE_ERROR_NOT_SUPPORTED;
  if (sz::shim::heap_fails_now()) return TEE_ERROR_OUT_OF_MEMORY;
  *object = new (std::nothrow) __TEE_ObjectHandle;
  return *object == nullptr ? TEE_ERROR_OUT_OF_MEMORY : TEE_SUCCESS;
}

void TEE_FreeTransientObject(TEE_ObjectHandle object) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  delete object;
}

void TEE_InitRefAttribute(TEE_Attribute* attribute, std::uint32_t id, const void* buffer,
                          std::size_t bytes) {
  attribute->attributeID = id;
  attribute->content.ref.buffer = const_cast<void*>(buffer);
  attribute->content.ref.length = bytes;
}

TEE_Result TEE_PopulateTransientObject(TEE_ObjectHandle object, const TEE_Attribute* attributes,
                                       std::uint32_t count) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  demand(object != TEE_HANDLE_NULL && !object->key.set() && count == 1);
  demand(attributes->attributeID == TEE_ATTR_SECRET_VALUE);
  if (attributes->content.ref.length != kKeyBytes) return TEE_ERROR_BAD_PARAMETERS;
  object->key.assign(attributes->content.ref.buffer);
  return TEE_SUCCESS;
}

TEE_Result TEE_SetOperationKey(TEE_OperationHandle operation, TEE_ObjectHandle key) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  demand(operation != TEE_HANDLE_NULL && operation->cipher && !operation->begun);
  demand(key != TEE_HANDLE_NULL && key->key.set());
  operation->key.assign(key->key.bytes());
  return TEE_SUCCESS;
}

TEE_Result TEE_AEInit(TEE_OperationHandle operation, const void* nonce, std::size_t nonce_bytes,
                      std::uint32_t tag_bits, std::size_t, std::size_t) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  demand(operation != TEE_HANDLE_NULL && operation->cipher && operation->key.set());
  demand(!operation->begun && nonce_bytes == kNonceBytes);
  if (tag_bits != 8 * kTagBytes) return TEE_ERROR_NOT_SUPPORTED;
  demand(EVP_CipherInit_ex(operation->cipher.get(), EVP_aes_256_gcm(), nullptr,
                           operation->key.bytes(), static_cast<const unsigned char*>(nonce),
                           operation->mode == TEE_MODE_ENCRYPT ? 1 : 0) == 1);
  operation->begun = true;
  return TEE_SUCCESS;
}

void TEE_AEUpdateAAD(TEE_OperationHandle operation, const void* data, std::size_t size) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  feed(operation, data, size, nullptr);
}

// Whole blocks only: what an implementation does with a part of one until more comes is its own
// affair.
TEE_Result TEE_AEUpdate(TEE_OperationHandle operation, const void* from, std::size_t from_bytes,
                        void* to, std::size_t* to_bytes) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  demand(from_bytes % kBlockBytes == 0);
  const bool room = *to_bytes >= from_bytes;
  *to_bytes = from_bytes;
  if (!room) return TEE_ERROR_SHORT_BUFFER;
  if (from_bytes != 0) feed(operation, from, from_bytes, to);
  return TEE_SUCCESS;
}

// The final calls take no payload of their own here.
TEE_Result TEE_AEEncryptFinal(TEE_OperationHandle operation, const void*, std::size_t from_bytes,
                              void*, std::size_t* to_bytes, void* tag, std::size_t* tag_bytes) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  demand(operation != TEE_HANDLE_NULL && operation->begun && from_bytes == 0);
  demand(operation->mode == TEE_MODE_ENCRYPT);
  const bool room = *tag_bytes >= kTagBytes;
  *tag_bytes = kTagBytes;
  if (!room) return TEE_ERROR_SHORT_BUFFER;
  *to_bytes = 0;
  unsigned char none[kBlockBytes];
  int done = 0;
  demand(EVP_CipherFinal_ex(operation->cipher.get(), none, &done) == 1);
  demand(EVP_CIPHER_CTX_ctrl(operation->cipher.get(), EVP_CTRL_AEAD_GET_TAG,
                             static_cast<int>(kTagBytes), tag) == 1);
  operation->begun = false;
  return TEE_SUCCESS;
}

TEE_Result TEE_AEDecryptFinal(TEE_OperationHandle operation, const void*, std::size_t from_bytes,
                              void*, std::size_t* to_bytes, void* tag, std::size_t tag_bytes) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  demand(operation != TEE_HANDLE_NULL && operation->begun && from_bytes == 0);
  demand(operation->mode == TEE_MODE_DECRYPT);
  *to_bytes = 0;
  operation->begun = false;
  if (tag_bytes != kTagBytes) return TEE_ERROR_MAC_INVALID;
  demand(EVP_CIPHER_CTX_ctrl(operation->cipher.get(), EVP_CTRL_AEAD_SET_TAG,
                             static_cast<int>(kTagBytes), tag) == 1);
  unsigned char none[kBlockBytes];
  int done = 0;
  return EVP_CipherFinal_ex(operation->cipher.get(), none, &done) == 1 ? TEE_SUCCESS
                                                                       : TEE_ERROR_MAC_INVALID;
}
