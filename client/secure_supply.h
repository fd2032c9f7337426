// Compares the secure memory that a model needs with what there is, before anything is sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/memory.h"
#include "engine/model.h"
#include "include/smartzone/smartzone.hpp"

namespace sz::client {

// What the trusted application will take for this plan, each region rounded up to pages. Empty if
// the plan's header is not one that can be sized: then the trusted application says what is wrong.
std::optional<engine::MemoryNeed> secure_need(ByteSpan plan, std::uint32_t cores);

// Sum of all regions.
std::uint64_t total(const engine::MemoryNeed& need);

// "9.5 MiB (9961472 bytes)".
std::string mib_text(std::uint64_t bytes);

// "weights 4.8 MiB, arena 4.5 MiB, scratch 0.1 MiB, control 0.1 MiB".
std::string region_text(const engine::MemoryNeed& need);

// The setting with which this back end gets more secure memory.
std::string how_to_get_more(Backend backend);

// Whether the pool has so much free, or is not known. `reclaimable`: see check_supply.
bool supply_suffices(const engine::MemoryNeed& need, const SecurePool& pool,
                     std::uint64_t reclaimable);

// Throws an Error of kind kSecureMemory that names the model, the need by region, the supply and
// the setting to change, if `need` is more than the pool has free; `reclaimable` is what the
// session holds now and gives back before it loads. Does nothing if the pool is not known.
void check_supply(const std::string& model, const engine::MemoryNeed& need, const SecurePool& pool,
                  std::uint64_t reclaimable, Backend backend);

// The Error for a model that the trusted application could not get its memory for, although the
// pool seemed to have it (or is not known). `region` is the status's detail.
Error out_of_secure_memory(const std::string& model, const engine::MemoryNeed& need,
                           std::uint32_t region, const SecurePool& pool, Backend backend);

}  // namespace sz::client
