#include "client/secure_supply.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "base/checked.h"
#include "base/status.h"

namespace sz::client {

std::optional<engine::MemoryNeed> secure_need(ByteSpan plan, std::uint32_t cores) {
  package::PlanHeader header;
  if (plan.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, plan.data(), sizeof(header));
  std::uint64_t bytes = 0;
  if (!package::plan_size(header, &bytes).ok() || bytes != plan.size()) return std::nullopt;
  engine::MemoryNeed need;
  if (!engine::memory_need(header, cores, &need).ok()) return std::nullopt;
  for (std::uint64_t* region :
       {&need.control, &need.weights, &need.arena, &need.state, &need.language, &need.scratch,
        &need.board, &need.stacks}) {
    *region = align_up(*region, engine::kPageBytes);
  }
  return need;
}

std::uint64_t total(const engine::MemoryNeed& need) { return need.in_pages(); }

std::string mib_text(std::uint64_t bytes) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.2f MiB (%llu bytes)",
                static_cast<double>(bytes) / (1 << 20), static_cast<unsigned long long>(bytes));
  return text.data();
}

std::string region_text(const engine::MemoryNeed& need) {
  std::string text = "weights " + std::to_string(need.weights) + ", arena " +
                     std::to_string(need.arena) + ", scratch " + std::to_string(need.scratch) +
                     ", control " + std::to_string(need.control);
  if (need.state + need.language != 0) {
    text += ", key-value caches " + std::to_string(need.state) + ", conversation " +
            std::to_string(need.language);
  }
  if (need.board + need.stacks != 0) {
    text += ", other cores' board and stacks " + std::to_string(need.board + need.stacks);
  }
  return text;
}

std::string how_to_get_more(Backend backend) {
  if (backend == Backend::kHost) {
    return "Raise SMARTZONE_SHIM_SECURE_MIB, the environment variable with the size of the host "
           "back end's pool in MiB";
  }
  return "Give OP-TEE more secure memory: restart the emulated device with a larger one (tzdev "
         "start "
         "--profile firewalled-large --secure-memory MIB), or on a board build OP-TEE with a "
         "larger "
         "CFG_TZDRAM_SIZE (`smartzone analyze` prints the settings for this model). Other trusted "
         "applications and sessions share the same memory";
}

namespace {

std::uint64_t free_bytes(const SecurePool& pool, std::uint64_t reclaimable) {
  const std::uint64_t taken = pool.allocated > reclaimable ? pool.allocated - reclaimable : 0;
  return pool.size > taken ? pool.size - taken : 0;
}

}  // namespace

bool supply_suffices(const engine::MemoryNeed& need, const SecurePool& pool,
                     std::uint64_t reclaimable) {
  return !pool.known || total(need) <= free_bytes(pool, reclaimable);
}

void check_supply(const std::string& model, const engine::MemoryNeed& need, const SecurePool& pool,
                  std::uint64_t reclaimable, Backend backend) {
  if (supply_suffices(need, pool, reclaimable)) return;
  const std::uint64_t free = free_bytes(pool, reclaimable);
  const std::uint64_t wanted = total(need);
  throw Error(ErrorKind::kSecureMemory,
              "model '" + model + "' needs " + mib_text(wanted) + " of secure memory (" +
                  region_text(need) + "), but only " + mib_text(free) + " of " +
                  mib_text(pool.size) + " are free; nothing was sent. " + how_to_get_more(backend) +
                  ".",
              static_cast<std::uint32_t>(Status::kOutOfSecureMemory));
}

Error out_of_secure_memory(const std::string& model, const engine::MemoryNeed& need,
                           std::uint32_t region, const SecurePool& pool, Backend backend) {
  struct Piece {
    const char* name;
    std::uint64_t bytes;
  };
  const std::array<Piece, 9> pieces = {{{"control", need.control},
                                        {"weights", need.weights},
                                        {"arena", need.arena},
                                        {"scratch", need.scratch},
                                        {"", 0},  // the trusted OS's own
                                        {"board", need.board},
                                        {"stacks", need.stacks},
                                        {"state", need.state},
                                        {"language", need.language}}};
  std::string what = "the trusted OS could not give its own structures room";
  if (region < pieces.size() && pieces[region].bytes != 0) {
    what = "there was no piece of " + mib_text(pieces[region].bytes) + " for the region '" +
           pieces[region].name + "'";
  }
  std::string supply = "how much there is, this TEE does not tell";
  if (pool.known) {
    supply = mib_text(pool.size - std::min(pool.allocated, pool.size)) + " of " +
             mib_text(pool.size) +
             " are free, but each region wants one contiguous piece, and page tables";
  }
  return Error(ErrorKind::kSecureMemory,
               "model '" + model + "' needs " + mib_text(total(need)) + " of secure memory (" +
                   region_text(need) + "), and " + what + ": " + supply + ". " +
                   how_to_get_more(backend) + ".",
               static_cast<std::uint32_t>(Status::kOutOfSecureMemory), region);
}

}  // namespace sz::client
