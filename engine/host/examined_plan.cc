#include "engine/host/examined_plan.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "base/sha256.h"

namespace sz::engine {
namespace {

bool digest_of(ByteSpan data, package::Sha256Digest* digest) {
  Sha256 hash;
  hash.update(data);
  *digest = hash.finish();
  return true;
}

}  // namespace

ExaminedPlan::ExaminedPlan(ByteSpan plan) : failure_(prepare(plan)) {}

Failure ExaminedPlan::prepare(ByteSpan plan) {
  package::PlanHeader header;
  if (plan.size() < sizeof(header)) return {Status::kPlanTruncated, sizeof(header)};
  std::memcpy(&header, plan.data(), sizeof(header));
  MemoryNeed need;
  if (const Failure failure = memory_need(header, 1, &need); !failure.ok()) return failure;
  const std::uint64_t bytes = std::max<std::uint64_t>(need.control, plan.size());
  memory_.resize(static_cast<std::size_t>(bytes + kPageBytes));
  const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
  const MutableByteSpan control(memory_.data() + (align_up(address, kPageBytes) - address),
                                static_cast<std::size_t>(bytes));
  std::memcpy(control.data(), plan.data(), plan.size());
  return model_.prepare(control, plan.size(), digest_of);
}

}  // namespace sz::engine
