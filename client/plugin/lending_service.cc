#include "client/plugin/lending_service.h"

#include <cstring>

#include "client/errors.h"
#include "protocol/ask_for_cores.h"
#include "protocol/secure_cores.h"

namespace sz::client {
namespace {

// Of all groups together. Threads of the secure world are scarcer: who is one too many there is
// told so and pauses.
constexpr std::uint32_t kMostThreads = 4 * SECURE_CORES_MAX_SLOTS;

}  // namespace

LendingPolicy LendingService::default_policy() {
  LendingPolicy policy;
  policy.idle_visits = 8;  // pauses of 0.2, 0.4, 0.8, 1.6, 2, 2, 2 ms between them
  return policy;
}

LendingService::LendingService(OpenLender open, LendingPolicy policy)
    : open_(std::move(open)), policy_(policy) {}

std::uint32_t LendingService::ask(std::uint32_t command, std::uint32_t sub_command,
                                  const void* data, std::size_t size) {
  ask_for_cores_request request{};
  if (command != ASK_FOR_CORES_CMD || sub_command != 0 || data == nullptr ||
      size != sizeof(request)) {
    return kTeeBadParameters;
  }
  std::memcpy(&request, data, sizeof(request));
  if (request.group == 0 || request.cores < 1 || request.cores > SECURE_CORES_MAX_SLOTS ||
      request.reserved != 0) {
    return kTeeBadParameters;
  }
  return ask_for(request.group, request.cores);
}

std::uint32_t LendingService::ask_for(std::uint64_t group, std::uint32_t cores) {
  const std::lock_guard lock(mutex_);
  auto found = groups_.find(group);
  // A few threads more or fewer are not worth the making of new ones while these are at work.
  if (found != groups_.end() && found->second->count() < cores && found->second->resting()) {
    groups_.erase(found);
    found = groups_.end();
  }
  if (found == groups_.end()) {
    drop_those_at_rest();
    if (count() + cores > kMostThreads) return kTeeOutOfMemory;
    // Made before there is a place for them: what throws leaves no empty place.
    auto lenders = std::make_unique<Lenders>(cores, open_, policy_);
    found = groups_.emplace(group, std::move(lenders)).first;
  }
  found->second->begin(group);
  return kTeeSuccess;
}

// Ends the threads of groups that nobody uses just now: should they be asked for again, there will
// be new ones.
void LendingService::drop_those_at_rest() {
  for (auto it = groups_.begin(); it != groups_.end();) {
    it = it->second->resting() ? groups_.erase(it) : std::next(it);
  }
}

std::uint32_t LendingService::count() const {
  std::uint32_t sum = 0;
  for (const auto& [group, lenders] : groups_) sum += lenders->count();
  return sum;
}

std::uint32_t LendingService::threads() const {
  const std::lock_guard lock(mutex_);
  return count();
}

}  // namespace sz::client
