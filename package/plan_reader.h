// Reads a plan and proves its structure: right magic, version and digest, counts within the
// limits, tables that fill the bytes exactly. What the records mean is engine/checker.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/memory.h"
#include "base/status.h"
#include "package/plan_format.h"

namespace sz::package {

using Sha256Digest = std::array<std::uint8_t, 32>;

// SHA-256 of `data`; false if the platform cannot compute it. Given by the caller, because
// trusted rooms have no crypto of their own.
using Sha256Fn = bool (*)(ByteSpan data, Sha256Digest* digest);

// The size that a plan with these counts has. Errors: kPlanMagic, kPlanVersion, kPlanLimit.
Failure plan_size(const PlanHeader& header, std::uint64_t* bytes);

// A plan in memory. Borrows the bytes; they must be 8-byte aligned, outlive the view and no longer
// change (the TA parses its own copy, never shared memory).
class PlanView {
 public:
  // Errors: kPlanTruncated, kPlanMagic, kPlanVersion, kPlanLimit, kPlanSize, kPlanDigest,
  // kPlanReserved. On an error *view is unchanged.
  static Failure parse(ByteSpan bytes, Sha256Fn sha256, PlanView* view);

  const PlanHeader& header() const { return *header_; }
  std::span<const TensorRecord> tensors() const { return tensors_; }
  std::span<const StepRecord> steps() const { return steps_; }
  std::span<const EntryRecord> entries() const { return entries_; }
  std::span<const LanguageRecord> language() const { return language_; }  // one, or none
  std::span<const std::uint32_t> operands() const { return operands_; }
  std::span<const std::uint32_t> attributes() const { return attributes_; }

 private:
  const PlanHeader* header_ = nullptr;
  std::span<const TensorRecord> tensors_;
  std::span<const StepRecord> steps_;
  std::span<const EntryRecord> entries_;
  std::span<const LanguageRecord> language_;
  std::span<const std::uint32_t> operands_;
  std::span<const std::uint32_t> attributes_;
};

}  // namespace sz::package
