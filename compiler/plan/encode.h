// Program, order and places to the bytes of a plan and of the weights region.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "compiler/plan/liveness.h"
#include "compiler/plan/placement.h"
#include "compiler/plan/program.h"
#include "compiler/plan/schedule.h"

namespace sz::compiler {

struct EncodedPlan {
  std::vector<std::byte> plan;     // package/plan_format.h
  std::vector<std::byte> weights;  // blobs in order of execution, each at a multiple of 64 bytes
};

// The plan with one entry point, `run`. `source` begins messages. Throws CompileError if it is
// larger than a plan may be.
EncodedPlan encode(const Program& program, const Schedule& schedule, const Liveness& liveness,
                   const Placement& placement, const std::string& source);

}  // namespace sz::compiler
