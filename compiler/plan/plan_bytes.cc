#include "compiler/plan/plan_bytes.h"

#include <cstring>

#include "base/checked.h"
#include "compiler/error.h"
#include "package/package_file.h"

namespace sz::compiler {
namespace {

using package::PlanHeader;

template <typename T>
void append(std::vector<std::byte>& to, std::span<const T> records) {
  const auto bytes = std::as_bytes(records);
  to.insert(to.end(), bytes.begin(), bytes.end());
}

std::uint32_t count_of(const auto& table) { return static_cast<std::uint32_t>(table.size()); }

void check_limits(const PlanHeader& header, const std::string& source) {
  if (header.tensor_count <= package::kMaxTensors && header.step_count <= package::kMaxSteps &&
      header.operand_count <= package::kMaxOperands &&
      header.attribute_count <= package::kMaxAttributes &&
      header.arena_bytes <= package::kMaxRegionBytes &&
      header.state_bytes <= package::kMaxRegionBytes &&
      header.weights_bytes <= package::kMaxRegionBytes &&
      header.scratch_bytes <= package::kMaxRegionBytes) {
    return;
  }
  throw CompileError(source + ": the network is too large for a plan: " +
                     std::to_string(header.tensor_count) + " tensors, " +
                     std::to_string(header.step_count) + " steps, " +
                     std::to_string(header.operand_count) + " operands, " +
                     std::to_string(header.attribute_count) + " attribute words, weights of " +
                     std::to_string(header.weights_bytes) + " bytes, arena of " +
                     std::to_string(header.arena_bytes) + " bytes, caches of " +
                     std::to_string(header.state_bytes) + " bytes, scratch of " +
                     std::to_string(header.scratch_bytes) + " bytes");
}

}  // namespace

std::vector<std::byte> plan_bytes(PlanParts parts, std::span<const std::byte> weights,
                                  const std::string& source) {
  PlanHeader& header = parts.header;
  header.magic = package::kPlanMagic;
  header.version = package::kPlanVersion;
  header.tensor_count = count_of(parts.tensors);
  header.step_count = count_of(parts.steps);
  header.entry_count = count_of(parts.entries);
  header.language_count = count_of(parts.language);
  header.operand_count = count_of(parts.operands);
  header.attribute_count = count_of(parts.attributes);
  header.weights_bytes = weights.size();
  header.scratch_bytes = align_up(header.scratch_bytes, package::kTensorAlignment);
  check_limits(header, source);
  header.weights_sha256 = package::sha256_of(weights);

  std::vector<std::byte> plan;
  append(plan, std::span<const PlanHeader>(&header, 1));
  append(plan, std::span<const package::TensorRecord>(parts.tensors));
  append(plan, std::span<const package::StepRecord>(parts.steps));
  append(plan, std::span<const package::EntryRecord>(parts.entries));
  append(plan, std::span<const package::LanguageRecord>(parts.language));
  append(plan, std::span<const std::uint32_t>(parts.operands));
  append(plan, std::span<const std::uint32_t>(parts.attributes));
  constexpr std::size_t kDigestEnd = offsetof(PlanHeader, sha256) + sizeof(PlanHeader::sha256);
  const auto digest = package::sha256_of(std::span(plan).subspan(kDigestEnd));
  std::memcpy(plan.data() + offsetof(PlanHeader, sha256), digest.data(), digest.size());
  return plan;
}

}  // namespace sz::compiler
