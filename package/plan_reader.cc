#include "package/plan_reader.h"

#include <bit>
#include <cstddef>

namespace sz::package {
namespace {

static_assert(std::endian::native == std::endian::little, "plans are read where they lie");

Failure beyond_limit(std::uint64_t value) { return {Status::kPlanLimit, detail_of(value)}; }

// The next `count` records; moves *at past them. The sizes were proved to fit.
template <typename Record>
std::span<const Record> take(const std::byte** at, std::uint32_t count) {
  const auto* records = reinterpret_cast<const Record*>(*at);
  *at += count * sizeof(Record);
  return {records, count};
}

}  // namespace

Failure plan_size(const PlanHeader& header, std::uint64_t* bytes) {
  if (header.magic != kPlanMagic) return {Status::kPlanMagic, 0};
  if (header.version != kPlanVersion) return {Status::kPlanVersion, header.version};

  if (header.tensor_count > kMaxTensors) return beyond_limit(header.tensor_count);
  if (header.step_count > kMaxSteps) return beyond_limit(header.step_count);
  if (header.entry_count > kMaxEntries) return beyond_limit(header.entry_count);
  if (header.operand_count > kMaxOperands) return beyond_limit(header.operand_count);
  if (header.attribute_count > kMaxAttributes) return beyond_limit(header.attribute_count);
  if (header.weights_bytes > kMaxRegionBytes) return beyond_limit(header.weights_bytes);
  if (header.arena_bytes > kMaxRegionBytes) return beyond_limit(header.arena_bytes);
  if (header.state_bytes > kMaxRegionBytes) return beyond_limit(header.state_bytes);
  if (header.language_bytes > kMaxRegionBytes) return beyond_limit(header.language_bytes);
  if (header.language_count > 1) return beyond_limit(header.language_count);
  if (header.scratch_bytes > kMaxRegionBytes || header.scratch_bytes % kTensorAlignment != 0) {
    return beyond_limit(header.scratch_bytes);
  }

  // The limits keep this sum far below 2^32.
  *bytes = sizeof(PlanHeader) + std::uint64_t{header.tensor_count} * sizeof(TensorRecord) +
           std::uint64_t{header.step_count} * sizeof(StepRecord) +
           std::uint64_t{header.entry_count} * sizeof(EntryRecord) +
           std::uint64_t{header.language_count} * sizeof(LanguageRecord) +
           std::uint64_t{header.operand_count} * sizeof(std::uint32_t) +
           std::uint64_t{header.attribute_count} * sizeof(std::uint32_t);
  return kSuccess;
}

Failure PlanView::parse(ByteSpan bytes, Sha256Fn sha256, PlanView* view) {
  if (bytes.size() < sizeof(PlanHeader)) return {Status::kPlanTruncated, sizeof(PlanHeader)};
  const auto* header = reinterpret_cast<const PlanHeader*>(bytes.data());

  std::uint64_t size = 0;
  if (Failure failure = plan_size(*header, &size); !failure.ok()) return failure;
  if (bytes.size() < size) return {Status::kPlanTruncated, detail_of(size)};
  if (bytes.size() > size) return {Status::kPlanSize, detail_of(size)};

  constexpr std::size_t kDigested = offsetof(PlanHeader, sha256) + sizeof(PlanHeader::sha256);
  Sha256Digest digest{};
  if (!sha256(bytes.subspan(kDigested), &digest)) return {Status::kInternal, 0};
  if (digest != header->sha256) return {Status::kPlanDigest, 0};

  PlanView parsed;
  const std::byte* at = bytes.data() + sizeof(PlanHeader);
  parsed.header_ = header;
  parsed.tensors_ = take<TensorRecord>(&at, header->tensor_count);
  parsed.steps_ = take<StepRecord>(&at, header->step_count);
  parsed.entries_ = take<EntryRecord>(&at, header->entry_count);
  parsed.language_ = take<LanguageRecord>(&at, header->language_count);
  parsed.operands_ = take<std::uint32_t>(&at, header->operand_count);
  parsed.attributes_ = take<std::uint32_t>(&at, header->attribute_count);

  for (std::uint32_t i = 0; i < header->tensor_count; ++i) {
    if (parsed.tensors_[i].reserved != 0) return {Status::kPlanReserved, i};
  }
  for (std::uint32_t i = 0; i < header->step_count; ++i) {
    if (parsed.steps_[i].reserved != 0) return {Status::kPlanReserved, i};
  }
  if (header->reserved != 0) return {Status::kPlanReserved, header->tensor_count};
  *view = parsed;
  return kSuccess;
}

}  // namespace sz::package
