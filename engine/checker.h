// Proves a plan safe to execute, before anything runs. After a plan has passed, no step can
// touch memory outside its regions, write constants, read what nothing wrote, or overlap its
// operands where the operator does not allow it. This property is fuzzed.
#pragma once

#include <cstdint>
#include <span>

#include "base/status.h"
#include "package/plan_reader.h"
#include "tensor/tensor.h"

namespace sz::engine {

// Working memory of the checker: one entry for each tensor of the plan.
enum class TensorState : std::uint8_t { kUnwritten = 0, kValid = 1 };

// Checks all tensors, steps and entry points of `plan`, and fills `views` (one for each tensor,
// `data` left nullptr). `states` and `views` have tensors().size() elements.
// Errors: every 3xx status; detail says which tensor, step or entry.
Failure check_plan(const package::PlanView& plan, std::span<TensorView> views,
                   std::span<TensorState> states);

}  // namespace sz::engine
