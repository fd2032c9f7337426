// Plans with one thing wrong each, and what the engine must say of them. Host only; shared by the
// engine's tests and by the cases that are sent to a device.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/testing/plan_builder.h"

namespace sz::engine::testing {

struct Damage {
  std::string name;
  TestPlan plan;  // digest set, so that the damage itself must be found
  Failure expected;
};

std::vector<Damage> all_damages();

}  // namespace sz::engine::testing
