// Makes the shapes of a plan fit its operators again after something was changed. Host only.
#pragma once

#include "engine/testing/plan_builder.h"

namespace sz::engine::testing {

// Follows the steps and gives each output the shape that the operator computes from its inputs
// and attributes, and packed weights their size; all tensors that are no slices are then placed
// apart from each other. What makes no sense is left as it is. The result is often, not always, a
// valid plan.
void refit(PlanTables& tables);

// Places the dense tensors of the arena one behind the other and lets the arena grow as needed,
// up to 1 MiB.
void spread_tensors(PlanTables& tables);

}  // namespace sz::engine::testing
