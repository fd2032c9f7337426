// Heap, memory functions, time and panic of the GlobalPlatform API.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "shim/gp.h"
#include "shim/gp_event.h"
#include "shim/helper_visit.h"

using sz::shim::GpEvent;

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
