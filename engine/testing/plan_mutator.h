// Changes plans record by record, for fuzz targets: blind changes of bytes would hardly ever
// leave a plan that the checker looks at twice. Host only.
#pragma once

#include <cstdint>
#include <vector>

#include "base/memory.h"

namespace sz::engine::testing {

// A variation of `plan`, or of one of the plans of plan_builder.h if it is no plan in structure.
// The same plan and seed give the same result. Empty now and then: change the bytes blindly.
std::vector<std::byte> mutate_plan(ByteSpan plan, std::uint32_t seed);

}  // namespace sz::engine::testing
