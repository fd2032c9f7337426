// Runs plans on this machine, with the engine that the device runs: for folding, calibration and
// tests.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/model.h"

namespace sz::compiler {

// One plan with its weights, ready to run on one core. Movable.
class PlanRunner {
 public:
  // Copies both. Throws InternalError, beginning with `source`, if the engine refuses them.
  PlanRunner(std::span<const std::byte> plan, std::span<const std::byte> weights,
             std::string source);
  ~PlanRunner();
  PlanRunner(PlanRunner&&) noexcept;

  // Runs entry point 0. Inputs and outputs are dense, in the order of the file. Throws
  // InternalError if the inputs do not have the sizes of the plan's.
  std::vector<std::vector<std::byte>> run(std::span<const std::vector<std::byte>> inputs);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sz::compiler
