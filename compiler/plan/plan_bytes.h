// The parts of a plan to its bytes: counts, digests, limits. Whoever makes plans ends here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "package/plan_format.h"

namespace sz::compiler {

// The tables of a plan. Of the header, the sizes of the regions but the weights', and the scratch
// are the caller's to set; all else is set by plan_bytes.
struct PlanParts {
  package::PlanHeader header{};
  std::vector<package::TensorRecord> tensors;
  std::vector<package::StepRecord> steps;
  std::vector<package::EntryRecord> entries;
  std::vector<package::LanguageRecord> language;
  std::vector<std::uint32_t> operands, attributes;
};

// `source` begins messages. Throws CompileError if it is more than a plan may be.
std::vector<std::byte> plan_bytes(PlanParts parts, std::span<const std::byte> weights,
                                  const std::string& source);

}  // namespace sz::compiler
