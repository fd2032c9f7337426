#include "shim/secure_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string_view>

#include "shim/gp.h"
#include "shim/gp_event.h"
#include "shim/helper_visit.h"

namespace sz::shim {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kDefaultLimit = std::uint64_t{1} << 30;

std::uint64_t limit_from_environment() {
  const char* text = std::getenv("SMARTZONE_SHIM_SECURE_MIB");
  if (text == nullptr) return kDefaultLimit;
  const std::string_view digits(text);
  std::uint64_t mib = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), mib);
  const bool good = error == std::errc() && end == digits.data() + digits.size() && mib < 1u << 20;
  return good ? mib << 20 : kDefaultLimit;
}

struct Pool {
  std::mutex mutex;
  PoolStatistics statistics{.limit = limit_from_environment()};
  std::array<std::uint32_t, 4> countdown{};      // by Fault
  std::map<const void*, std::uint64_t> regions;  // base -> bytes
};

// Lives until the process ends, whoever still uses it then.
Pool& pool() {
  static Pool& instance = *new Pool;
  return instance;
}

bool fails_now(Pool& state, Fault fault) {
  std::uint32_t& countdown = state.countdown[static_cast<std::size_t>(fault)];
  return countdown != 0 && --countdown == 0;
}

bool all_zero(const void* data, std::uint64_t bytes) {
  const auto* first = static_cast<const std::byte*>(data);
  return first[0] == std::byte{0} && std::memcmp(first, first + 1, bytes - 1) == 0;
}

}  // namespace

PoolStatistics pool_statistics() {
  Pool& state = pool();
  const std::lock_guard lock(state.mutex);
  return state.statistics;
}

void set_pool_limit(std::uint64_t bytes) {
  Pool& state = pool();
  const std::lock_guard lock(state.mutex);
  state.statistics.limit = bytes;
}

void reset_pool_peak() {
  Pool& state = pool();
  const std::lock_guard lock(state.mutex);
  state.statistics.peak = state.statistics.mapped;
}

void inject_fault(Fault fault, std::uint32_t n) {
  Pool& state = pool();
  const std::lock_guard lock(state.mutex);
  state.countdown[static_cast<std::size_t>(fault)] = n;
}

namespace {

bool fault_is_due(Fault fault) {
  Pool& state = pool();
  const std::lock_guard lock(state.mutex);
  return fails_now(state, fault);
}

}  // namespace

bool heap_fails_now() { return fault_is_due(Fault::kHeap); }
bool start_fails_now() { return fault_is_due(Fault::kStart); }

std::uint64_t region_bytes(const void* base) {
  Pool& state = pool();
  const std::lock_guard lock(state.mutex);
  const auto region = state.regions.find(base);
  return region == state.regions.end() ? 0 : region->second;
}

}  // namespace sz::shim

using sz::shim::Fault;
using sz::shim::GpEvent;
using sz::shim::kPage;
using sz::shim::Pool;

void* tee_map_zi(std::size_t len, std::uint32_t flags) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  if (flags != 0 && flags != TEE_MEMORY_ACCESS_ANY_OWNER) return nullptr;
  if (len == 0 || len > UINT32_MAX) return nullptr;
  const std::uint64_t bytes = (len + kPage - 1) / kPage * kPage;

  Pool& state = sz::shim::pool();
  const std::lock_guard lock(state.mutex);
  auto& statistics = state.statistics;
  if (fails_now(state, Fault::kMap)) return nullptr;
  if (bytes > statistics.limit || statistics.mapped > statistics.limit - bytes) return nullptr;

  void* guarded = mmap(nullptr, bytes + 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (guarded == MAP_FAILED) return nullptr;
  void* base = static_cast<std::byte*>(guarded) + kPage;
  if (mprotect(base, bytes, PROT_READ | PROT_WRITE) != 0) {
    munmap(guarded, bytes + 2 * kPage);
    return nullptr;
  }
  state.regions.emplace(base, bytes);
  statistics.mapped += bytes;
  statistics.peak = std::max(statistics.peak, statistics.mapped);
  ++statistics.maps;
  return base;
}

TEE_Result tee_unmap(void* buf, std::size_t len) {
  sz::shim::refuse_system_call_of_helper();
  const GpEvent event;
  Pool& state = sz::shim::pool();
  const std::lock_guard lock(state.mutex);
  const auto region = state.regions.find(buf);
  if (region == state.regions.end() || region->second != (len + kPage - 1) / kPage * kPage) {
    return TEE_ERROR_BAD_PARAMETERS;
  }
  if (fails_now(state, Fault::kUnmap)) return TEE_ERROR_GENERIC;
  const std::uint64_t bytes = region->second;
  if (!sz::shim::all_zero(buf, bytes)) ++state.statistics.dirty_unmaps;
  munmap(static_cast<std::byte*>(buf) - kPage, bytes + 2 * kPage);
  state.statistics.mapped -= bytes;
  state.regions.erase(region);
  return TEE_SUCCESS;
}
