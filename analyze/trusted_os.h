// What OP-TEE itself takes for a session of a trusted application. Constants of its builds,
// measured on the device with its own statistics; ta/tests/device_memory.cc checks them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sz::analyze {

struct TrustedOs {
  std::string_view name;     // as tzdev calls the flavour
  std::string_view version;  // of OP-TEE
  // Loader (ldelf) in each instance: code, data, stack and heap stay mapped as long as it lives;
  // with them the core's page for bounced parameters.
  std::uint64_t loader_bytes;
  // Of the pool, taken by the core itself before any session is open.
  std::uint64_t core_in_pool_bytes;
  // The pool for trusted applications on the emulated device as it comes (profile `firewalled`).
  std::uint64_t pool_bytes;
  // Page tables for all sessions together (CFG_PGT_CACHE_ENTRIES) there.
  std::uint64_t page_tables;
};

// All that are known, the project's own build first.
std::span<const TrustedOs> trusted_oses();

// The one of that name; nullptr if there is none.
const TrustedOs* find_trusted_os(std::string_view name);

}  // namespace sz::analyze
