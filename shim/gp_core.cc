// Heap, memory functions, panic and digests of the GlobalPlatform API.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <thread>

#include "base/sha256.h"
#include "shim/gp.h"
#include "shim/gp_event.h"
#include "shim/helper_visit.h"

using sz::shim::GpEvent;

struct __TEE_OperationHandle {
  sz::Sha256 hash;
};

void* TEE_Malloc(std::size_t size, std::uint32_t hint) {
  const GpEvent event;
  if (hint != TEE_MALLOC_FILL_ZERO) TEE_Panic(TEE_ERROR_NOT_SUPPORTED);
  return sz::shim::heap_fails_now() ? nullptr : std::calloc(1, size == 0 ? 1 : size);
}

void TEE_Free(void* buffer) {
  const GpEvent event;
  std::free(buffer);
}

void TEE_MemMove(void* to, const void* from, std::size_t size) {
  const GpEvent event;
  if (size != 0) std::memmove(to, from, size);
}

void TEE_MemFill(void* buffer, std::uint8_t value, std::size_t size) {
  const GpEvent event;
  if (size != 0) std::memset(buffer, value, size);
}

void TEE_GetSystemTime(TEE_Time* time) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  using std::chrono::milliseconds;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto count = std::chrono::duration_cast<milliseconds>(now).count();
  *time = {static_cast<std::uint32_t>(count / 1000), static_cast<std::uint32_t>(count % 1000)};
}

TEE_Result TEE_Wait(std::uint32_t timeout) {
  const GpEvent event;
  std::this_thread::sleep_for(std::chrono::milliseconds(timeout));
  return TEE_SUCCESS;
}

TEE_Result tee_invoke_supp_plugin(const TEE_UUID*, std::uint32_t, std::uint32_t, void*, std::size_t,
                                  std::size_t* outlen) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  *outlen = 0;
  return TEE_ERROR_ITEM_NOT_FOUND;
}

void TEE_Panic(TEE_Result code) {
  sz::shim::end_visit_by_panic(code);  // does not return if this thread is a helper
  std::fprintf(stderr, "smartzone: the trusted application panicked, code 0x%08x\n", code);
  std::abort();
}

TEE_Result TEE_AllocateOperation(TEE_OperationHandle* operation, std::uint32_t algorithm,
                                 std::uint32_t mode, std::uint32_t max_key_size) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  *operation = TEE_HANDLE_NULL;
  if (algorithm != TEE_ALG_SHA256 || mode != TEE_MODE_DIGEST || max_key_size != 0) {
    return TEE_ERROR_NOT_SUPPORTED;
  }
  if (sz::shim::heap_fails_now()) return TEE_ERROR_OUT_OF_MEMORY;
  // No exception may cross the trusted application, which is built without them.
  try {
    *operation = new __TEE_OperationHandle;
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
  if (operation == TEE_HANDLE_NULL) TEE_Panic(TEE_ERROR_BAD_PARAMETERS);
  operation->hash.update({static_cast<const std::byte*>(chunk), size});
}

TEE_Result TEE_DigestDoFinal(TEE_OperationHandle operation, const void* chunk,
                             std::size_t chunk_size, void* hash, std::size_t* hash_size) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  if (operation == TEE_HANDLE_NULL || (chunk == nullptr && chunk_size != 0)) {
    TEE_Panic(TEE_ERROR_BAD_PARAMETERS);
  }
  const bool room = *hash_size >= sz::kSha256Bytes;
  *hash_size = sz::kSha256Bytes;
  if (!room) return TEE_ERROR_SHORT_BUFFER;
  operation->hash.update({static_cast<const std::byte*>(chunk), chunk_size});
  const auto digest = operation->hash.finish();
  std::memcpy(hash, digest.data(), digest.size());
  return TEE_SUCCESS;
}
